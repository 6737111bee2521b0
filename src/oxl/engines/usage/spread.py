"""Imports in parts that any number of workers take: what lies ready, who has it at hand, and what came of it.

An account is in one lane, and what is of one lane is done in the order of the file by whoever holds the lane. What
became of a part is kept in the transaction that takes its records: whoever is killed in between has taken nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.usage import imports
from oxl.engines.usage.imports import RefusedLine
from oxl.values import new_id
from oxl.verbs import Work

q = load("oxl.engines.usage", "spread.sql")

LANES = 16  # as many workers may be at one file
Counts = dict[str, dict[str, int]]  # records by outcome, and by reason where there is one
_COUNTS, _LANES = msgspec.json.Decoder(Counts), msgspec.json.Decoder(list[Counts])
_JSON = msgspec.json.Encoder()


class Laid(NamedTuple):
    """A part to be laid: its place in the file, its lane, the part up to which all are done before, its lines."""

    number: int
    lane: int
    behind: int
    lines: bytes


class Part(NamedTuple):
    """A part at hand: of its records so many are done; and what came of its lane so far."""

    import_id: str
    number: int
    lane: int
    taken: int
    lines: bytes
    counts: Counts


class Standing(NamedTuple):
    """How far an import is: whether it is at its end, and what its records came to so far, lane by lane."""

    finished: bool
    counts: Sequence[Counts]


async def start(work: Work, file: str) -> str:
    """Open an import in parts; its id."""
    import_id = new_id(work.now)
    await work.conn.execute(q.open, import_id, file, work.now, LANES)
    return import_id


async def lay(work: Work, import_id: str, parts: Sequence[Laid]) -> None:
    """Lay parts ready, which come after all that lie there."""
    if parts:
        await work.conn.execute(q.lay, import_id, *[list(column) for column in zip(*parts, strict=True)])


async def refuse(work: Work, import_id: str, refused: Sequence[RefusedLine], counts: Counts) -> None:
    """Keep lines that are in no part, and the counts of all such lines so far."""
    await imports.keep_refused(work, import_id, refused)
    await work.conn.execute(q.keep_counts, import_id, LANES, _JSON.encode(counts).decode())


async def end(work: Work, import_id: str) -> None:
    """All of the file is in parts."""
    await work.conn.execute(q.laid, import_id)


async def undone(work: Work, import_id: str) -> tuple[int, int | None]:
    """How many parts are not done, and the number of the first of them."""
    row = await work.conn.fetchrow(q.undone, import_id)
    return row["parts"], row["first"]


async def due(work: Work) -> list[str]:
    """The imports with parts that are not done, or that are to be ended; the oldest first."""
    return [row["id"] for row in await work.conn.fetch(q.due)]


async def take(work: Work, import_id: str, lane: int | None = None) -> Part | None:
    """A part that nobody has at hand, held until this transaction ends; None where there is none (in the lane)."""
    held = await work.conn.fetchval(q.take_lane, import_id, lane)
    row = None if held is None else await work.conn.fetchrow(q.next_part, import_id, held)
    if row is None:
        return None
    return Part(import_id, row["number"], row["lane"], row["taken"], row["lines"], _COUNTS.decode(row["counts"]))


async def keep(work: Work, part: Part, taken: int | None, counts: Counts, refused: Sequence[RefusedLine]) -> None:
    """Note how many records of a part are done now, None: all; what came of its lane, and lines that were not taken."""
    if taken is None:
        await work.conn.execute(q.part_done, part.import_id, part.number)
    else:
        await work.conn.execute(q.take_on, part.import_id, part.number, taken)
    await work.conn.execute(q.keep_counts, part.import_id, part.lane, _JSON.encode(counts).decode())
    await imports.keep_refused(work, part.import_id, refused)


async def standing(work: Work, import_id: str) -> Standing:
    """How far an import is."""
    row = await work.conn.fetchrow(q.standing, import_id)
    return Standing(row["finished"], _LANES.decode(row["counts"]))


async def hold(work: Work, import_id: str) -> bool | None:
    """Whether an import is done but for its end, which is this transaction's alone; None: another is at that."""
    row = await work.conn.fetchrow(q.hold, import_id)
    return row["over"] if row else None


async def book(work: Work, import_id: str, counts: dict[str, Any], over: bool) -> None:
    """Bring the report up to date, for the last time where all is over."""
    await imports.keep(work, import_id, counts, (), finished=over)
    if over:
        await work.conn.execute(q.forget_lanes, import_id)
