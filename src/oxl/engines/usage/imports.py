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

_Periods = Mapping[str, Sequence[tuple[datetime | None, datetime | None, str]]]
KEPT_TEXT = 2000  # characters of a refused line that are kept for whoever mends it


class RefusedLine(NamedTuple):
    """A line that was not taken: where it stands, what it came to (duplicate, rejected), why, and the line itself."""

    line: int
    outcome: str
    reason: str
    text: str


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


async def apart(work: Work, items: Sequence[Record], size: int) -> list[list[int]]:
    """The records' places in parts of about `size`; parts may be taken in any order, the records of each in their own.

    What a record costs depends on those before it of the same account, and which of two with one key is taken on which
    comes first: these are in one part. There is only one part where order counts beyond that: when records come back
    from an export, replace others, or have one key and different accounts.
    """
    whole = [list(range(len(items)))]
    count = round(len(items) / size)
    if count < 2 or any(item.origin or (item.reading and item.reading.event.version) for item in items):
        return whole
    numbers = {item.reading.event.number for item in items if item.reading and item.product_id is None}
    products = {item.product_id for item in items if item.product_id is not None}
    periods = await holders(work, list(numbers), list(products))
    parts: list[list[int]] = [[] for _ in range(count)]
    met: dict[bytes, int] = {}
    for n, item in enumerate(items):
        key = key_of(item, item.reading.event if item.reading else None)
        part = crc32(_tie(periods, item, key)) % count
        if met.setdefault(key, part) != part:
            return whole
        parts[part].append(n)
    return [part for part in parts if part]


def _tie(periods: _Periods, item: Record, key: bytes) -> bytes:
    """The account of a record, else its number, else its key."""
    if item.reading is None:
        return key
    event = item.reading.event
    for since, until, account in periods.get(item.product_id or event.number, ()):
        if (since is None or since <= event.start) and (until is None or event.start < until):
            return account.encode()
    return event.number.encode()
