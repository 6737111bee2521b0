"""A group of writes, from bodies to committed answers: the one place besides `background` that holds a transaction.

idempotency keys claimed → the verb → events into the outbox → answers read from the view → ONE commit. For PATCH and
DELETE the resources are locked first and read as they then are; where a group means one of them twice, it takes turns.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from oxl.db.database import ABSENT, LOST_RACE, Tenant
from oxl.db.queries import load
from oxl.kernel import represent, select, validate
from oxl.kernel.declare import Change, Operation, Resource
from oxl.kernel.keys import REQUESTS, Answer, Item, Reply, claim, keep_keys
from oxl.kernel.problem import Problem, body_of, problem_of
from oxl.outbox.audit import DONE, VERBS, Entry, note
from oxl.query import patch
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work

q = load("oxl.kernel", "kernel.sql")


class _Made(NamedTuple):
    """What a turn came to for one item: the result, and the document as JSON text where it is there."""

    result: Done | Refused
    doc: str = ""


async def group(
    tenant: Tenant, operation: Operation, items: Sequence[Item], collection: str | None = None
) -> list[Answer]:
    """Run a group in one transaction. Replies are made when the href of the collection is given; bulk wants none."""
    scope = operation.key if collection is None else REQUESTS
    async with tenant.connection() as conn, conn.transaction():
        work = Work(conn, tenant.clock.now(), tenant.name)
        told, twins = await claim(work, scope, items)
        fresh = [n for n in range(len(items)) if n not in told and n not in twins]
        if operation.method != "POST":
            await lock(work, operation, [items[n].id for n in fresh])
        for turn in _turns(operation, fresh, items):
            made = await _TURNS[operation.method](work, operation, [items[n] for n in turn], collection)
            told |= {
                n: Answer(each.result, _reply(operation, items[n], each, collection))
                for n, each in zip(turn, made, strict=True)
            }
        if len(fresh) < len(told) or any(getattr(told[n].result, "reference", None) for n in fresh):
            await conn.execute(q.stand)
        await keep_keys(work, scope, [(items[n], told[n]) for n in fresh])
        await note(conn, [_entry(operation, items[n], told[n].result) for n in fresh if items[n].caller.name])
    return [told[twins.get(n, n)] for n in range(len(items))]


def _entry(operation: Operation, item: Item, result: Done | Refused) -> Entry:
    place, api = result.id if isinstance(result, Done) else result.reference or item.id, operation.api
    what = f"{api.number or api.name}.{operation.resource.name}:{VERBS[operation.method]}"
    outcome = DONE if isinstance(result, Done) else result.code
    return Entry(item.caller.name, what, place, outcome, item.caller.trace)


async def lock(work: Work, operation: Operation, ids: Sequence[str]) -> None:
    """Keep other changes away from the resources until this transaction ends."""
    if ids:
        await work.conn.execute(q.lock_resources, f"{operation.api.base}/{operation.resource.name}", ids)


def _turns(operation: Operation, fresh: Sequence[int], items: Sequence[Item]) -> list[list[int]]:
    """Creates all at once; of changes to one resource one in each turn, in the order in which they came."""
    if operation.method == "POST":
        return [list(fresh)] if fresh else []
    turns: list[list[int]] = []
    seen: dict[str, int] = {}
    for n in fresh:
        turn = seen[items[n].id] = seen.get(items[n].id, -1) + 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(n)
    return turns


async def _docs(work: Work, operation: Operation, items: Sequence[Item]) -> dict[str, str]:
    """The documents that the items mean, by id, where their callers see them."""
    asked = [(item.id, item.caller.sight) for item in items]
    docs = await select.seen(work.conn, operation.resource, work.now, asked)
    return {item.id: doc for item, doc in zip(items, docs, strict=True) if doc is not None}


async def _seen_still(
    work: Work, operation: Operation, items: Sequence[Item], results: Sequence[Done | Refused]
) -> None:
    """Problem 403, which undoes the group, where one has made, changed or met what its caller does not see."""
    places = [result.id if isinstance(result, Done) else result.reference for result in results]
    asked = [(each, item.caller.sight) for item, each in zip(items, places, strict=True) if each and item.caller.sight]
    if asked and None in await select.seen(work.conn, operation.resource, work.now, asked):
        raise Problem(403, "notYours", "what is asked for is not yours")


async def _create(work: Work, operation: Operation, items: Sequence[Item], collection: str | None) -> list[_Made]:
    resource = operation.resource
    results = await operation.verb(work, [item.body for item in items])
    await _seen_still(work, operation, items, results)
    told = [(result, None, item.caller.correlation) for item, result in zip(items, results, strict=True)]
    docs = await keep_events(work, operation.api.name, resource, told, collection is not None)
    untold = [each.id for each in results if isinstance(each, Done) and each.id not in docs] if collection else []
    docs |= await select.by_ids(work.conn, resource, work.now, untold) if untold else {}
    return [_Made(result, docs.get(result.id, "") if isinstance(result, Done) else "") for result in results]


async def _patch(work: Work, operation: Operation, items: Sequence[Item], collection: str | None) -> list[_Made]:
    resource, ids = operation.resource, [item.id for item in items]
    docs = await _docs(work, operation, items)
    outcome: dict[str, Done | Refused] = {}
    changes: dict[str, Change] = {}
    for item in items:
        try:
            change = _change(operation, item, docs.get(item.id), collection or "")
        except Refusal as refusal:
            outcome[item.id] = refusal.refused
        except Problem as problem:
            outcome[item.id] = Refused("invalid", problem.code, str(problem))
        else:
            if change.changed:
                changes[item.id] = change
            else:
                outcome[item.id] = Done(item.id)
    if changes:
        results = await operation.verb(work, list(changes.values()))
        await _seen_still(work, operation, [item for item in items if item.id in changes], results)
        outcome |= dict(zip(changes, results, strict=True))
        traces = {item.id: item.caller.correlation for item in items}
        told = [(_told(resource, outcome[e], changes[e]), changes[e].changed, traces[e]) for e in changes]
        found = await keep_events(work, operation.api.name, resource, told, answer=True)
        untold = [each for each in changes if each not in found]
        docs |= found | (await select.by_ids(work.conn, resource, work.now, untold) if untold else {})
    return [_Made(outcome[each], docs.get(each, "")) for each in ids]


def _change(operation: Operation, item: Item, doc: str | None, collection: str) -> Change:
    """What a PATCH means for the document as it is; Refusal or Problem when it cannot be."""
    held = {"href": f"{collection}/{item.id}"} | validate.parse(_seen(operation, item, doc).encode())
    after = patch.apply(item.body, held)
    after, changed = validate.check_change(operation.resource, held, after, operation.api)
    bare = [{name: value for name, value in each.items() if name != "href"} for each in (held, after)]
    return Change(item.id, bare[0], bare[1], changed)


def _seen(operation: Operation, item: Item, doc: str | None) -> str:
    """The document that an item means, if it is there and its client has seen it as it is; Refusal otherwise."""
    if doc is None:
        raise Refusal(unknown(operation.resource, item.id))
    if item.if_match is not None and "*" not in item.if_match and represent.etag_of(doc) not in item.if_match:
        raise Refusal(Refused("stale", "preconditionFailed", "If-Match: it has been changed since"))
    return doc


def unknown(resource: Resource, resource_id: str) -> Refused:
    """The refusal of an id that is not there."""
    return Refused("unknown", "notFound", f"no {resource.name} has the id {resource_id[:100]!r}")


def _told(resource: Resource, result: Done | Refused, change: Change) -> Done | Refused:
    """A change that was done tells of the attributes and the state too."""
    if isinstance(result, Refused):
        return result
    changes = dict.fromkeys((*resource.changes_of(change.changed), *result.changes))
    return Done(result.id, tuple(changes), result.status, result.reason)


async def _delete(work: Work, operation: Operation, items: Sequence[Item], _: str | None) -> list[_Made]:
    docs = await _docs(work, operation, items)
    outcome: dict[str, Done | Refused] = {}
    for item in items:
        try:
            _seen(operation, item, docs.get(item.id))
        except Refusal as refusal:
            outcome[item.id] = refusal.refused
    ids = [item.id for item in items if item.id not in outcome]
    if ids:
        traces = {item.id: item.caller.correlation for item in items}
        faces, gone = operation.resource.faces, {operation.api.name: docs}
        gone |= {api: await select.by_ids(work.conn, face, work.now, ids) for api, face in faces.items()}
        outcome |= dict(zip(ids, await operation.verb(work, ids), strict=True))
        told = [(outcome[each], None, traces[each]) for each in ids]
        await keep_events(work, operation.api.name, operation.resource, told, gone=gone)
    return [_Made(outcome[item.id]) for item in items]


_TURNS = {"POST": _create, "PATCH": _patch, "DELETE": _delete}
_Happened = tuple[Done | Refused, Sequence[str] | None, str]  # what came of it, the attributes changed, its trace


async def keep_events(
    work: Work, api: str, resource: Resource, told: Sequence[_Happened], answer: bool = False, gone: Any = None
) -> dict[str, str]:
    """Tell what happened, also as each face that is listened to. For an answer the docs; gone: docs by API and id."""
    events: list[select.Event] = []
    others = [(other, None, each[2]) for each in told if isinstance(each[0], Done) for other in each[0].others]
    for result, changed, trace in [*told, *others]:
        for change in (each for each in result.changes if each in resource.events):
            names = _attributes(resource, change, changed)
            place = result.id if isinstance(result, Done) else result.reference or ""
            doc = gone[api].get(place) if gone else None
            events.append(select.Event(new_id(work.now), resource.events[change], place, names, doc, trace))
    if not events:
        return {}
    found, heard = await select.keep_events(work.conn, resource, work.now, api, events, answer, list(resource.faces))
    for name in heard:
        await keep_events(work, name, msgspec.structs.replace(resource.faces[name], faces={}), told, gone=gone)
    return found


def _attributes(resource: Resource, change: str, changed: Sequence[str] | None) -> str | None:
    """The attributes that one event is about: the state, or all but the state."""
    if change == "stateChange" and resource.state:
        return msgspec.json.encode([resource.state]).decode()
    if changed is None:
        return None
    alone = change == "attributeValueChange" and "stateChange" in resource.events
    return msgspec.json.encode([name for name in changed if not (alone and name == resource.state)]).decode()


def _reply(operation: Operation, item: Item, made: _Made, collection: str | None) -> Reply | None:
    if collection is None:
        return None
    result, resource = made.result, operation.resource
    if isinstance(result, Refused):
        problem = problem_of(result, collection)
        return Reply(problem.status, body_of(problem), problem.headers)
    if operation.method == "DELETE":
        return Reply(204, b"")
    content = represent.one(made.doc, result.id, collection, item.fields)
    tag = ("ETag", represent.etag_of(made.doc))
    if operation.method == "PATCH":
        return Reply(200, content, [tag])
    later = resource.task is not None and bool(result.status) and result.status not in resource.task.final
    status = resource.task.accepted if resource.task and later else 201
    return Reply(status, content, [("Location", f"{collection}/{result.id}"), tag])


def problem_of_failure(error: Exception, asked: str) -> Problem:
    """The error answer for what nobody has provided for: 503 where trying again helps, else 500, told in the log."""
    if isinstance(error, (*ABSENT, *LOST_RACE)):
        return Problem(503, "unavailable", "the database cannot be reached; try again", (("Retry-After", "1"),))
    logging.getLogger("oxl.kernel").error("%s failed", asked, exc_info=error)
    return Problem(500, "internalError", "an unexpected failure; the server's log has the details")
