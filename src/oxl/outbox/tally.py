"""Counts events by hour, so that what happened over time is read from a few rows however much there was.

A worker asks for what is not counted, says what each counts as, and moves on, all in one transaction: nothing is
counted twice or passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from oxl.db.queries import load

q = load("oxl.outbox", "tally.sql")


class Told(NamedTuple):
    """An event as far as it is counted; xid and id are its place in the outbox."""

    xid: str
    id: str
    api: str
    event_type: str
    resource_id: str
    at: datetime


class Fact(NamedTuple):
    """What one or several events count as: how many of what and when, and what they came to in micros of a currency."""

    series: str
    at: datetime
    label: str
    unit: str = ""
    number: int = 1
    amount: int = 0


async def take_turn(conn: Any) -> bool:
    """Whether this transaction may count; another one does otherwise."""
    return await conn.fetchval(q.take_turn)


async def uncounted(conn: Any, apis: Sequence[str], most: int) -> list[Told]:
    """Up to `most` events of each API that have not been counted, in commit-safe order."""
    return [Told(*row) for row in await conn.fetch(q.uncounted, list(apis), most)]


async def count(conn: Any, events: Sequence[Told], facts: Sequence[Fact], now: datetime) -> None:
    """Add facts, and have the events behind; without events it is kept that somebody looked."""
    if facts:
        await conn.execute(q.add, *[list(column) for column in zip(*facts, strict=True)])
    if events:
        last = {event.api: (event.api, event.xid, event.id) for event in events}
        await conn.execute(q.advance, *[list(column) for column in zip(*last.values(), strict=True)], now)
    else:
        await conn.execute(q.seen, now)


async def rebase(conn: Any) -> None:
    """After a restore: count everything anew."""
    await conn.execute(q.forget)
