"""The book of imports: which file was taken when, what its records came to, and the lines that were not taken; and
which records of a file may be taken beside each other, each group in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from oxl.db.queries import load
from oxl.engines.inventory.inventory import holders
from oxl.engines.usage.case import Record
from oxl.engines.usage.record import key_of
from oxl.values import new_id
from oxl.verbs import Work

q = load("oxl.engines.usage", "usage.sql")

_Holds = Mapping[str, Sequence[tuple[datetime | None, datetime | None, int]]]  # from, to, part
KEPT_TEXT = 2000  # characters of a refused line that are kept for whoever mends it


class RefusedLine(NamedTuple):
    """A line that was not taken: where it stands, what it came to (duplicate, rejected), why, and the line itself."""

    line: int
    outcome: str
    reason: str
    text: str


class Apart(NamedTuple):
    """Records in parts: the places of each part's records, the part that each key is in; whether each part only has to
    wait for the one at its place in the records before.
    """

    parts: list[list[int]]
    met: Mapping[bytes, int]
    follows: bool = False


async def start(work: Work, file: str) -> str:
    """Open the report of an import; its id."""
    import_id = new_id(work.now)
    await work.conn.execute(q.start_import, import_id, file, work.now)
    return import_id


async def keep(
    work: Work, import_id: str, counts: dict[str, Any], refused: Sequence[RefusedLine], finished: bool
) -> None:
    """Bring the report up to date: the counts so far, and further lines that were not taken."""
    text = msgspec.json.encode(counts).decode()
    await work.conn.execute(q.keep_import, import_id, text, work.now if finished else None)
    await keep_refused(work, import_id, refused)


async def keep_refused(work: Work, import_id: str, refused: Sequence[RefusedLine]) -> None:
    """Keep further lines that were not taken."""
    if refused:
        lines = [(each.line, each.outcome, each.reason, each.text[:KEPT_TEXT].replace("\x00", "")) for each in refused]
        await work.conn.execute(q.keep_import_lines, import_id, *[list(column) for column in zip(*lines, strict=True)])


async def finished(work: Work, file: str) -> bool:
    """Whether an import of a file of that name has come to its end."""
    return bool(await work.conn.fetchval(q.import_finished, file))


async def hold(conn: Any, file: str) -> bool:
    """Whether a file is this connection's alone, until it is released or the connection ends."""
    return bool(await conn.fetchval(q.hold_file, file))


async def release(conn: Any, file: str) -> None:
    """Let others have a file; nothing to do for a connection that has ended."""
    if not conn.is_closed():
        await conn.execute(q.release_file, file)


async def apart(work: Work, items: Sequence[Record], size: int, before: Apart | None = None) -> Apart:
    """The records' places in parts of about `size`; parts may be taken in any order, the records of each in their own.

    What a record costs depends on those before it of the same account, and which of two with one key is taken on which
    comes first: these are in one part. There is only one part where order counts beyond that: when records come back
    from an export, replace others, or have one key and different accounts. `before`: the records that come before these
    and may not be taken yet; where each part `follows` the one at its place in them, it need not wait for the others.
    """
    return await in_parts(work, items, round(len(items) / size), before)


async def in_parts(work: Work, items: Sequence[Record], count: int, before: Apart | None = None) -> Apart:
    """The records' places in so many parts, an account always in the same of them; else as `apart`."""
    whole = Apart([list(range(len(items)))], {})
    if count < 2 or any(item.origin or (item.reading and item.reading.event.version) for item in items):
        return whole
    numbers = {item.reading.event.number for item in items if item.reading and item.product_id is None}
    products = {item.product_id for item in items if item.product_id is not None}
    holds = {
        name: [(since, until, crc32(account.encode()) % count) for since, until, account in periods]
        for name, periods in (await holders(work, list(numbers), list(products))).items()
    }
    parts: list[list[int]] = [[] for _ in range(count)]
    met: dict[bytes, int] = {}
    earlier = before.met if before and len(before.parts) == count else None
    follows = earlier is not None
    for n, item in enumerate(items):
        key = item.reading.key if item.reading else key_of(item, None)
        part = _part_of(holds, item, key, count)
        if met.setdefault(key, part) != part:
            return whole
        if earlier and earlier.get(key, part) != part:
            follows = False
        parts[part].append(n)
    return Apart(parts, met, follows)


def _part_of(holds: _Holds, item: Record, key: bytes, count: int) -> int:
    """By the account of a record, else its number, else its key."""
    if item.reading is None:
        return crc32(key) % count
    event = item.reading.event
    for since, until, part in holds.get(item.product_id or event.number, ()):
        if (since is None or since <= event.start) and (until is None or event.start < until):
            return part
    return crc32(event.number.encode()) % count
