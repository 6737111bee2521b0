"""What a write asks and is answered, and the keys under which clients may ask again: part of `handle`'s transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from oxl.callers import NOBODY, Caller
from oxl.db.queries import load
from oxl.kernel.problem import body_of, problem_of
from oxl.verbs import Done, Refused, Work

q = load("oxl.kernel", "kernel.sql")
REQUESTS = "HTTP"  # the scope of every request's key; its hash says what it was for


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
    caller: Caller = NOBODY


class Reply(NamedTuple):
    """An answer about to be sent."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


class Answer(NamedTuple):
    """The outcome of one write, and what its client is told."""

    result: Done | Refused
    reply: Reply | None = None


_REUSED = Refused("mismatch", "keyReused", "Idempotency-Key: was used for another request")
_MISMATCH = Answer(_REUSED, Reply(422, body_of(problem_of(_REUSED, ""))))


async def claim(work: Work, scope: str, items: Sequence[Item]) -> tuple[dict[int, Answer], dict[int, int]]:
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


async def keep_keys(work: Work, scope: str, answers: Sequence[tuple[Item, Answer]]) -> None:
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
