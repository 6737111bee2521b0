"""Claim: lists behind the fence. A rare attribute of the document among many usage records, over HTTP and as plain SQL,
with the fence and without it (an ordered scan that hopes to meet its rows).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from bench.ground import Ground, ground, machine
from oxl.values import new_id

RECORDS, SECONDS, RARE = 200_000, 4, 50
PATH = "/tmf-api/productUsageManagement/v5/productUsage"

_FILL = """
insert into usage (id, status, usage_type, specification_id, created_at, updated_at, body)
select id, case when n % 5 = 0 then 'failed' else 'rated' end, 'voice', 'voice', now(), now(),
       jsonb_build_object('@type', 'ProductUsage', 'usageType', 'voice', 'usageSpecification', '{"id": "voice"}'::jsonb,
           'relatedParty', jsonb_build_array(jsonb_build_object('role', 'user', 'partyOrPartyRole',
               jsonb_build_object('id', case when n % $2 = 0 then 'rare' else 'p' || n end))))
from unnest($1::text[]) with ordinality as i (id, n)
"""
_PATH = """$."relatedParty"."partyOrPartyRole"."id" ? (@ == "rare")"""
_FENCE = """
with matching as materialized (select id from product_usage(now()) where body @? $1::text::jsonpath),
page as (select id from matching order by id limit 20)
select id, doc from product_usage(now()) where id = any (array(select id from page)) order by id
"""
_SCAN = "select id, doc from product_usage(now()) where body @? $1::text::jsonpath order by id limit 20"


async def _http(place: Ground, path: str, clients: int) -> dict[str, Any]:
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", str(place.port), str(clients), str(SECONDS),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    told, _ = await load.communicate(json.dumps(["GET", path, None]).encode())
    return json.loads(told)


async def _sql(place: Ground, sql: str, *values: Any) -> float:
    """Milliseconds of a statement, the median of nine."""
    taken = []
    async with place.tenant.connection() as conn:
        for _ in range(9):
            began = time.perf_counter()
            await conn.fetch(sql, *values)
            taken.append(time.perf_counter() - began)
    return sorted(taken)[4] * 1000


async def main() -> None:
    """Print the latencies and what the fence saves."""
    print(machine())
    async with ground() as place:
        async with place.tenant.connection() as conn:
            for _ in range(RECORDS // 10_000):
                await conn.execute(
                    _FILL, [new_id(place.tenant.clock.now()) for _ in range(10_000)], 10_000 * 20 // RARE
                )
        async with place.database.owner() as conn:
            await conn.execute("vacuum analyze oxl_default.usage")
        fence, scan = await _sql(place, _FENCE, _PATH), await _sql(place, _SCAN, _PATH)
        print(f"a rare attribute in {RECORDS:,} records, SQL: {fence:.2f} ms fenced, {scan:.2f} ms unfenced")
        async with place.tenant.connection() as conn:
            some = await conn.fetchval("select id from usage order by id offset $1 limit 1", RECORDS // 2)
        for title, path in (
            ("by id", f"{PATH}/{some}"),
            ("rare attribute", f"{PATH}?relatedParty.partyOrPartyRole.id=rare&limit=20"),
            ("status, page 1", f"{PATH}?status=failed&limit=20"),
        ):
            found = await _http(place, path, 8)
            rate = found["requests"] / found["seconds"]
            print(
                f"{title:16} {rate:6.0f}/s  p50 {found['p50']:6.2f} ms  p99 {found['p99']:6.2f} ms  {found['statuses']}"
            )
