"""The ledger's proof on the live database: for the doctor, for operators, and at the end of tests and benches.

Everything is read in one statement, so that what is being written meanwhile is seen whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "proof.sql")
_LINES = msgspec.json.Encoder(decimal_format="number")


class Line(msgspec.Struct, frozen=True):
    """One invariant: of what it is true (bucket, transfer, unit …), how many were looked at, how many break it.

    places: the buckets at fault, at most ten; of what is conserved, the units.
    """

    n: int
    name: str
    of: str
    checked: int
    faults: int
    places: tuple[str, ...]


async def prove(conn: Any) -> list[Line]:
    """Every invariant of the ledger, in one snapshot; it holds when no line has a fault."""
    return [msgspec.convert(dict(row), Line) for row in await conn.fetch(q.prove)]


async def totals(conn: Any) -> list[dict[str, Any]]:
    """What stands on the ledger, by unit: buckets, credited, used, debited, reserved and remaining atoms."""
    return [dict(row) for row in await conn.fetch(q.totals)]


async def keep_proofs(work: Work, count: int) -> list[Done | Refused]:
    """Prove the ledger once and keep what was found, as many times as it was asked for in this group."""
    lines = await prove(work.conn)
    ids = [new_id(work.now) for _ in range(count)]
    holds = not any(line.faults for line in lines)
    texts = [_LINES.encode(each).decode() for each in (lines, await totals(work.conn))]
    await work.conn.execute(q.keep, ids, holds, work.now, *texts)
    return [Done(each, ("create",), "holds" if holds else "broken") for each in ids]


def faults_of(lines: Sequence[Line]) -> list[str]:
    """What does not hold, one text for each, with the places."""
    return [f"{line.name}: {line.faults} of {line.checked} ({', '.join(line.places)})" for line in lines if line.faults]
