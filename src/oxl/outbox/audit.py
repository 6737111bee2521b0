"""Who did what to which resource: written in the transaction of what it tells, and never changed.

The kernel writes what a verb did or refused; whoever lets requests in writes what it did not let through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from oxl.clock import system_now
from oxl.db.queries import load
from oxl.values import new_id

q = load("oxl.outbox", "audit.sql")
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
DONE = "done"


class Entry(NamedTuple):
    """What one caller did. operation: as a scope names it; outcome: done, or the code that it was refused with."""

    caller: str
    operation: str
    resource_id: str
    outcome: str
    trace: str = ""


async def note(conn: Any, entries: Sequence[Entry]) -> None:
    """Keep entries, at the machine's own time: a tenant's clock may stand."""
    if entries:
        now = system_now()
        ids = [new_id(now) for _ in entries]
        await conn.execute(q.note, now, ids, *[list(column) for column in zip(*entries, strict=True)])
