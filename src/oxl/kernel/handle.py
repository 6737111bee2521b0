"""A group of writes, from bodies to committed answers: the one place besides `background` that holds a transaction.

idempotency keys claimed → the verb → events into the outbox → answers read from the view → ONE commit. For PATCH and
DELETE the resources are locked first and read as they then are; where a group means one of them twice, it takes turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from oxl.db.database import Tenant
from oxl.db.queries import load
from oxl.kernel import represent, select, validate
from oxl.kernel.declare import Change, Operation, Resource
from oxl.kernel.problem import Problem, body_of, problem_of
from oxl.query import patch
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work

q = load("oxl.kernel", "kernel.sql")
_REQUESTS = "HTTP"  # the scope of every request's key; its hash says what it was for


class Item(msgspec.Struct, frozen=True):
    """One write: its checked body (a Patch for PATCH), the key under which its client may repeat it, a hash of what was
    sent; for PATCH and DELETE the id that it means, and the ETags of which its client has seen one.
    """

    body: Any = None
    key: str | None = None
    body_hash: bytes = b""
    id: str = ""
    if_match: tuple[str, ...] | None = None
    fields: tuple[str, ...] | None = None


class Reply(NamedTuple):
    """An answer about to be sent."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


class Answer(NamedTuple):
    """The outcome of one write, and what its client is told."""

    result: Done | Refused
    reply: Reply | None = None


class _Made(NamedTuple):
    """What a turn came to for one item: the result, and the document as JSON text where it is there."""

    result: Done | Refused
    doc: str = ""


async def group(
    tenant: Tenant, operation: Operation, items: Sequence[Item], collection: str | None = None
) -> list[Answer]:
    """Run a group in one transaction. Replies are made when the href of the collection is given; bulk wants none."""
    scope = operation.key if collection is None else _REQUESTS
    async with tenant.connection() as conn, conn.transaction():
        work = Work(conn, tenant.clock.now(), tenant.name)
        told, twins = await _claim(work, scope, items)
        fresh = [n for n in range(len(items)) if n not in told and n not in twins]
        if operation.method != "POST":
            await lock(work, operation, [items[n].id for n in fresh])
        for turn in _turns(operation, fresh, items):
            made = await _TURNS[operation.method](work, operation, [items[n] for n in turn], collection)
            told |= {
                n: Answer(each.result, _reply(operation, items[n], each, collection))
                for n, each in zip(turn, made, strict=True)
            }
        await _keep_keys(work, scope, [(items[n], told[n]) for n in fresh])
    return [told[twins.get(n, n)] for n in range(len(items))]


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


async def _create(work: Work, operation: Operation, items: Sequence[Item], collection: str | None) -> list[_Made]:
    resource = operation.resource
    results = await operation.verb(work, [item.body for item in items])
    docs = await keep_events(work, operation, [(result, None, None) for result in results], collection is not None)
    untold = [each.id for each in results if isinstance(each, Done) and each.id not in docs] if collection else []
    docs |= await select.by_ids(work.conn, resource, work.now, untold) if untold else {}
    return [_Made(result, docs.get(result.id, "") if isinstance(result, Done) else "") for result in results]


async def _patch(work: Work, operation: Operation, items: Sequence[Item], collection: str | None) -> list[_Made]:
    resource, ids = operation.resource, [item.id for item in items]
    docs = await select.by_ids(work.conn, resource, work.now, ids)
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
        outcome |= dict(zip(changes, results, strict=True))
        told = [(_told(resource, outcome[each], changes[each]), changes[each].changed, None) for each in changes]
        found = await keep_events(work, operation, told, answer=True)
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
    docs = await select.by_ids(work.conn, operation.resource, work.now, [item.id for item in items])
    outcome: dict[str, Done | Refused] = {}
    for item in items:
        try:
            _seen(operation, item, docs.get(item.id))
        except Refusal as refusal:
            outcome[item.id] = refusal.refused
    ids = [item.id for item in items if item.id not in outcome]
    if ids:
        results = await operation.verb(work, ids)
        await keep_events(work, operation, [(r, None, docs[each]) for each, r in zip(ids, results, strict=True)])
        outcome |= dict(zip(ids, results, strict=True))
    return [_Made(outcome[item.id]) for item in items]


_TURNS = {"POST": _create, "PATCH": _patch, "DELETE": _delete}


async def keep_events(
    work: Work,
    operation: Operation,
    told: Sequence[tuple[Done | Refused, Sequence[str] | None, str | None]],
    answer: bool = False,
) -> dict[str, str]:
    """The events of (result, attributes changed, document if gone) into the outbox; for an answer their documents."""
    resource, events = operation.resource, []
    others = [(other, None, None) for each in told if isinstance(each[0], Done) for other in each[0].others]
    for result, changed, doc in [*told, *others]:
        for change in result.changes:
            if change in resource.events:
                names = _attributes(resource, change, changed)
                place = result.id if isinstance(result, Done) else result.reference or ""
                events.append(select.Event(new_id(work.now), resource.events[change], place, names, doc))
    if not events:
        return {}
    return await select.keep_events(work.conn, resource, work.now, operation.api.name, events, answer)


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


_REUSED = Refused("mismatch", "keyReused", "Idempotency-Key: was used for another request")
_MISMATCH = Answer(_REUSED, Reply(422, body_of(problem_of(_REUSED, ""))))


async def _claim(work: Work, scope: str, items: Sequence[Item]) -> tuple[dict[int, Answer], dict[int, int]]:
    """Of the items with a key: those answered before, with that answer; those that repeat another of the group."""
    first: dict[str, int] = {}
    told: dict[int, Answer] = {}
    twins: dict[int, int] = {}
    for n, item in enumerate(items):
        if item.key is None:
            continue
        if first.setdefault(item.key, n) == n:
            continue
        if items[first[item.key]].body_hash == item.body_hash:
            twins[n] = first[item.key]
        else:
            told[n] = _MISMATCH
    if not first:
        return told, twins
    keys = list(first)
    hashes = [items[first[key]].body_hash for key in keys]
    claimed = {row["key"] for row in await work.conn.fetch(q.claim_keys, scope, work.now, keys, hashes)}
    used = [key for key in keys if key not in claimed]
    for row in await work.conn.fetch(q.used_keys, scope, used) if used else ():
        n = first[row["key"]]
        told[n] = _MISMATCH if row["body_hash"] != items[n].body_hash else _stored(row)
    return told, twins


def _stored(row: Any) -> Answer:
    refused = row["refused"]
    result = msgspec.json.decode(refused, type=Refused) if refused else Done(row["resource_id"])
    if row["status"] is None:
        return Answer(result)
    headers = msgspec.json.decode(row["headers"], type=list[tuple[str, str]])
    return Answer(result, Reply(row["status"], row["body"].encode(), headers))


async def _keep_keys(work: Work, scope: str, answers: Sequence[tuple[Item, Answer]]) -> None:
    """Store what a key was answered; a refusal that left nothing behind frees its key, so that it may be mended."""
    kept, freed = [], []
    for item, (result, reply) in answers:
        if item.key is None:
            continue
        refused = isinstance(result, Refused)
        if refused and not result.changes:
            freed.append(item.key)
            continue
        sent = (
            (reply.status, msgspec.json.encode(reply.headers).decode(), reply.body.decode()) if reply else (None,) * 3
        )
        about = (result.reference, msgspec.json.encode(result).decode()) if refused else (result.id, None)
        kept.append((item.key, *about, *sent))
    if kept:
        await work.conn.execute(q.keep_answers, scope, *[list(column) for column in zip(*kept, strict=True)])
    if freed:
        await work.conn.execute(q.free_keys, scope, freed)


async def forget_keys(work: Work, days: int) -> None:
    """Forget the answers to requests that are older than that."""
    await work.conn.execute(q.forget_keys, work.now - timedelta(days=days))
