"""A group of writes, from bodies to committed answers: the one place besides `background` that holds a transaction.

bodies → idempotency keys claimed → the verb → events into the outbox → answers read from the view → ONE commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from oxl.db.database import Tenant
from oxl.db.queries import load
from oxl.kernel import select
from oxl.kernel.declare import Operation
from oxl.outbox.outbox import wake
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.kernel", "kernel.sql")


class Item(msgspec.Struct, frozen=True):
    """One write: its checked body, and the key under which its client may repeat it, with a hash of what was sent."""

    body: dict[str, Any]
    key: str | None = None
    body_hash: bytes = b""


class Answer(NamedTuple):
    """The outcome of one write; when it was done, with the resource's document as JSON text."""

    result: Done | Refused
    doc: str = ""


async def group(tenant: Tenant, operation: Operation, items: Sequence[Item], answers: bool = True) -> list[Answer]:
    """Run a group in one transaction. With answers=False (bulk) the documents are not read back."""
    async with tenant.connection() as conn, conn.transaction():
        work = Work(conn, tenant.clock.now(), tenant.name)
        replayed = await _claim(work, operation, items)
        fresh = [n for n in range(len(items)) if n not in replayed]
        made = await operation.verb(work, [items[n].body for n in fresh]) if fresh else []
        outcome: dict[int, Done | Refused] = dict(zip(fresh, made, strict=True))
        await _keep_keys(work, operation, [(items[n], result) for n, result in outcome.items()])
        await _keep_events(work, operation, made)
        for n in sorted(replayed):
            outcome[n] = _first(outcome, replayed[n])
        docs: dict[str, str] = {}
        if answers:
            wanted = [result.id for result in outcome.values() if isinstance(result, Done)]
            docs = await select.by_ids(conn, operation.resource, work.now, wanted) if wanted else {}
    results = [outcome[n] for n in range(len(items))]
    return [Answer(result, docs.get(result.id, "") if isinstance(result, Done) else "") for result in results]


def _first(outcome: dict[int, Done | Refused], replay: Done | Refused | int) -> Done | Refused:
    """A replay that points at its twin in the same group takes the twin's result."""
    return outcome[replay] if isinstance(replay, int) else replay


async def _claim(work: Work, operation: Operation, items: Sequence[Item]) -> dict[int, Done | Refused | int]:
    """Of the items with a key: those that were answered before, with that answer; equal ones within the group."""
    first: dict[str, int] = {}
    replayed: dict[int, Done | Refused | int] = {}
    for n, item in enumerate(items):
        if item.key is None:
            continue
        if item.key not in first:
            first[item.key] = n
        elif items[first[item.key]].body_hash == item.body_hash:
            replayed[n] = first[item.key]
        else:
            replayed[n] = _MISMATCH
    if not first:
        return replayed
    keys = list(first)
    hashes = [items[first[key]].body_hash for key in keys]
    claimed = {row["key"] for row in await work.conn.fetch(q.claim_keys, operation.key, work.now, keys, hashes)}
    used = [key for key in keys if key not in claimed]
    if used:
        for row in await work.conn.fetch(q.used_keys, operation.key, used):
            n = first[row["key"]]
            if row["body_hash"] != items[n].body_hash:
                replayed[n] = _MISMATCH
            elif row["refused"]:
                replayed[n] = msgspec.json.decode(row["refused"], type=Refused)
            else:
                replayed[n] = Done(row["resource_id"])
    return replayed


_MISMATCH = Refused("mismatch", "keyReused", "Idempotency-Key: was used with another body")


async def _keep_keys(work: Work, operation: Operation, results: Sequence[tuple[Item, Done | Refused]]) -> None:
    """Store what a key was answered; a refusal that left nothing behind frees its key, so that it may be mended."""
    kept, freed = [], []
    for item, result in results:
        if item.key is None:
            continue
        if isinstance(result, Done):
            kept.append((item.key, result.id, None))
        elif result.changes:
            kept.append((item.key, result.reference, msgspec.json.encode(result).decode()))
        else:
            freed.append(item.key)
    if kept:
        await work.conn.execute(q.keep_answers, operation.key, *[list(column) for column in zip(*kept, strict=True)])
    if freed:
        await work.conn.execute(q.free_keys, operation.key, freed)


def _about(result: Done | Refused) -> tuple[str, str | None]:
    """The resource that a result's events are about, and the attributes of it that are news."""
    if isinstance(result, Refused):
        return result.reference or "", None
    return result.id, msgspec.json.encode(result.changed).decode() if result.changed else None


async def _keep_events(work: Work, operation: Operation, results: Sequence[Done | Refused]) -> None:
    declared = operation.resource.events
    events = [
        (new_id(work.now), declared[change], *_about(result))
        for result in results
        for change in result.changes
        if change in declared
    ]
    if events:
        await select.keep_events(work.conn, operation.resource, work.now, operation.api.name, events)
        await wake(work.conn)
