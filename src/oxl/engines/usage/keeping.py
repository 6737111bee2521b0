"""Usage that is kept for a time only: what was paid from balances or came to nothing, and so explains no bill."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from oxl.db.queries import load
from oxl.values import id_floor

q = load("oxl.engines.usage", "keeping.sql")


async def count(conn: Any, before: datetime) -> int:
    """How many usages are older, those that stay among them."""
    return await conn.fetchval(q.count, id_floor(before))


async def forget(conn: Any, before: datetime, most: int) -> int:
    """Forget older usages that no bill and no proof needs; how many there were."""
    return await conn.fetchval(q.forget, id_floor(before), before, most)
