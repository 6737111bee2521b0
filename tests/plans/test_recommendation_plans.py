"""What PostgreSQL does with the reads of a recommendation: all by index, even where plans were made of empty tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import NOON

from oxl.db.database import Tenant
from oxl.engines.recommendation.recommend import q

READS = {
    "parties": ("text[], timestamptz, timestamptz", (["party-7"], NOON, NOON - timedelta(days=30))),
    "owned": ("text[], timestamptz", (["party-7"], NOON)),
    "buckets": ("text[], timestamptz, timestamptz", (["account-7"], NOON, NOON - timedelta(days=100))),
    "uses": (
        "text[], timestamptz[], timestamptz, timestamptz",
        (["device-7"], [NOON], NOON - timedelta(days=31), NOON),
    ),
}


def literal(value: Any) -> str:
    """A value as SQL text; none of these has a quote in it."""
    if isinstance(value, list):
        return f"array[{', '.join(map(literal, value))}]"
    return f"'{value}'" if isinstance(value, str) else f"timestamptz '{value.isoformat()}'"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("name", READS)
async def test_a_read_of_a_recommendation_goes_by_index(tenant: Tenant, name: str) -> None:
    types, values = READS[name]
    async with tenant.connection() as conn, conn.transaction():
        await conn.fetchrow(q.standing)
        await conn.execute(f"prepare asked ({types}) as {getattr(q, name)}")
        told = await conn.fetchval(f"explain (format json) execute asked ({', '.join(map(literal, values))})")
        await conn.execute("deallocate asked")
    found = {(node["Node Type"], node.get("Relation Name", "")) for node in nodes(json.loads(told)[0]["Plan"])}
    assert any("Index" in kind for kind, _ in found), found
    assert not [table for kind, table in found if kind == "Seq Scan"], found
