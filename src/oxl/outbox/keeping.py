"""What the outbox keeps for a time only: events that all listeners have passed, the log of deliveries, dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from oxl.db.queries import load
from oxl.values import id_floor

q = load("oxl.outbox", "outbox.sql")


async def count_events(conn: Any, before: datetime) -> int:
    """How many events are older."""
    return await conn.fetchval(q.count_events, id_floor(before))


async def forget_events(conn: Any, before: datetime, most: int) -> int:
    """Forget older events that nobody is still to be told of, and dead letters; how many events there were."""
    await conn.execute(q.forget_dead_letters, before)
    return await conn.fetchval(q.forget_events, id_floor(before), most)


async def count_deliveries(conn: Any, before: datetime) -> int:
    """How many tries are older."""
    return await conn.fetchval(q.count_deliveries, id_floor(before))


async def forget_deliveries(conn: Any, before: datetime, most: int) -> int:
    """Forget older tries of deliveries; how many there were."""
    return await conn.fetchval(q.forget_deliveries, id_floor(before), most)
