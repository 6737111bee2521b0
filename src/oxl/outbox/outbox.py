"""The outbox's verbs: wake its readers, read events after a position in commit-safe order."""

from __future__ import annotations

from typing import Any

from oxl.db.queries import load

q = load("oxl.outbox", "outbox.sql")

START = ("0", "")  # the position before every event


async def wake(conn: Any) -> None:
    """Tell listening workers, at commit, that there is something new."""
    await conn.execute(q.wake)


async def read_after(conn: Any, position: tuple[str, str], most: int) -> list[Any]:
    """Up to `most` events after (transaction, id), none of which a later commit can precede."""
    return await conn.fetch(q.read_after, *position, most)
