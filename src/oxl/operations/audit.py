"""The seal of the audit: a chain of hashes that the worker makes longer, and that anybody may walk again.

A row is sealed once no running transaction can slip another in front of it. Who changes, removes or reorders a sealed
row breaks the chain there; who knows the last hash of an earlier day sees it even where the whole chain was made anew.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.outbox.audit import DONE, Entry, note
from oxl.values import instant_text
from oxl.verbs import Work

q = load("oxl.operations", "operations.sql")
AT_ONCE = 5000
START = bytes(32)
PRUNED = "operator.auditRecord:delete"  # the operation of the entry that vouches for where a pruned chain begins
_FIELDS = ("id", "at", "caller", "operation", "resource_id", "outcome", "trace")


class Chain(NamedTuple):
    """What was found on a walk: how many are sealed, the last hash, and the first number at which it is broken."""

    length: int
    hash: bytes
    broken: int | None


def link(before: bytes, row: Any) -> bytes:
    """The hash of a row behind the one before it."""
    told = [instant_text(row[name]) if name == "at" else row[name] for name in _FIELDS]
    return hashlib.sha256(before + msgspec.json.encode(told)).digest()


async def seal(work: Work) -> int:
    """Seal what can be; how many there were."""
    await work.conn.execute(q.lock_chain)
    last = await work.conn.fetchrow(q.last_link)
    number, before = (last["number"], last["hash"]) if last else (0, START)
    place = (last["xid"], last["id"]) if last else ("0", "")
    links: list[tuple[int, str, bytes]] = []
    for row in await work.conn.fetch(q.unsealed, *place, AT_ONCE):
        number, before = number + 1, link(before, row)
        links.append((number, row["id"], before))
    if links:
        await work.conn.execute(q.seal, *[list(column) for column in zip(*links, strict=True)])
    return len(links)


async def walk(conn: Any) -> Chain:
    """Walk the chain from its beginning and hold every row against its hash.

    One that was pruned begins at the last link that was taken out, which a later entry of it names.
    """
    number, before = 0, START
    first = await conn.fetchrow(q.first_link)
    if first and first["pruned"]:
        number, before = first["number"], first["hash"]
        if not await conn.fetchval(q.vouched, PRUNED, _mark(number, before)):
            return Chain(0, START, number)
    while rows := await conn.fetch(q.sealed, number, AT_ONCE):
        for row in rows:
            expected = link(before, row) if row["id"] is not None else b""
            if row["number"] != number + 1 or row["hash"] != expected:
                return Chain(number, before, number + 1)
            number, before = row["number"], expected
    return Chain(number, before, None)


def _mark(number: int, last: bytes) -> str:
    return f"{number}.{last.hex()}"


async def prune(conn: Any, before: datetime) -> int:
    """Take out the entries that are older, as the owner; up to which number of the chain, 0 for none.

    An entry that says so, with the last hash, is sealed behind them: what was taken out is what was meant to be.
    """
    await conn.execute(q.lock_chain)
    last = await conn.fetchrow(q.prunable, before)
    if last is None:
        return 0
    await note(conn, [Entry("retention", PRUNED, _mark(last["number"], last["hash"]), DONE)])
    await conn.execute(q.prune, last["number"])
    return last["number"]


async def rebase(conn: Any) -> None:
    """After a restore: put what another cluster's transactions wrote behind every transaction of this one."""
    await conn.execute(q.rebase)
