"""The book of imports: which file was taken when, what its records came to, and the lines that were not taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.values import new_id
from oxl.verbs import Work

q = load("oxl.engines.usage", "usage.sql")

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
