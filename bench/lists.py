"""Claim: lists stay quick however many documents there are and however deep the page. Over HTTP, page 1 and page 50,000
by cursor: everything, an indexed attribute, a rare one of the document, and one that every fifth document has.

    OXL_BENCH_DOCUMENTS=300000 python -m bench lists        (1,000,000 unless said otherwise)
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from bench.ground import Ground, ground, load, machine
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.kernel import paging
from oxl.values import new_id

DOCUMENTS = int(os.environ.get("OXL_BENCH_DOCUMENTS", "1000000"))
SECONDS, CLIENTS, BATCH, DEEP = 4, 4, 10_000, 50_000
USAGE = PRODUCT_USAGE.resources[0]
PATH = f"{PRODUCT_USAGE.base}/{USAGE.name}"

_FILL = """
insert into usage (id, status, usage_type, specification_id, created_at, updated_at, body)
select id, case when n % 1000 = 1 then 'rejected' when n % 5 = 0 then 'failed' else 'rated' end, 'voice', 'voice',
       now(), now(),
       jsonb_build_object('@type', 'ProductUsage', 'usageType', 'voice', 'usageSpecification', '{"id": "voice"}'::jsonb,
           'description', case when n % 5 = 0 then 'dense' else 'call ' || n end,
           'relatedParty', jsonb_build_array(jsonb_build_object('role', 'user', 'partyOrPartyRole',
               jsonb_build_object('id', case when n % $2 = 0 then 'rare' else 'p' || n end))))
from unnest($1::text[], $3::bigint[]) as i (id, n)
"""
_RARE = """$."relatedParty"."partyOrPartyRole"."id" ? (@ == "rare")"""
_FENCE = """
with matching as materialized (select id from product_usage(now()) where body @? $1::text::jsonpath limit 10001)
select id, doc from product_usage(now())
where id = any (array(select id from matching order by id limit 20)) order by id
"""
_SCAN = "select id, doc from product_usage(now()) where body @? $1::text::jsonpath order by id limit 20"


class Asked(NamedTuple):
    """A list: its filter, how many it holds, and the milliseconds that the 99th of 100 requests may take."""

    title: str
    query: str
    hits: int
    most: int


def _lists(jsonpath: bool) -> Iterator[Asked]:
    rare = "$.relatedParty[?(@.partyOrPartyRole.id=='rare')]"
    yield Asked("everything", "", DOCUMENTS, 50)
    yield Asked("indexed attribute", "status=rejected", DOCUMENTS // 1000, 50)
    yield Asked("rare nested attribute", "relatedParty.partyOrPartyRole.id=rare", 100, 50)
    yield Asked("dense indexed attribute", "status=failed", DOCUMENTS // 5, 50)
    if jsonpath:
        yield Asked("rare JSONPath", f"filter={quote(rare)}", 100, 50)
        yield Asked(
            "dense JSONPath", f"filter={quote('$[?(@.description==' + repr('dense') + ')]')}", DOCUMENTS // 5, 250
        )
    else:
        yield Asked("dense attribute of the document", "description=dense", DOCUMENTS // 5, 250)


async def _http(place: Ground, path: str, clients: int = CLIENTS) -> dict[str, Any]:
    return await load(place.port, [json.dumps(["GET", path, None])], clients, SECONDS)


async def _sql(place: Ground, sql: str, *values: Any) -> float:
    """Milliseconds of a statement, the median of nine."""
    taken = []
    async with place.tenant.connection() as conn:
        for _ in range(9):
            began = time.perf_counter()
            await conn.fetch(sql, *values)
            taken.append(time.perf_counter() - began)
    return sorted(taken)[4] * 1000


async def _fill(place: Ground) -> list[str]:
    """The documents; their ids in order."""
    ids = [new_id(place.tenant.clock.now()) for _ in range(DOCUMENTS)]
    async with place.tenant.connection() as conn:
        for start in range(0, DOCUMENTS, BATCH):
            numbers = range(start, min(start + BATCH, DOCUMENTS))
            await conn.execute(_FILL, ids[start : start + BATCH], DOCUMENTS // 100, list(numbers))
    async with place.database.owner() as conn:
        await conn.execute("vacuum analyze oxl_default.usage")
    return ids


def _told(found: dict[str, Any]) -> str:
    rate = found["requests"] / found["seconds"]
    return f"{rate:6.0f}/s  p50 {found['p50']:7.2f} ms  p99 {found['p99']:7.2f} ms  {found['statuses']}"


def _deep(place: Ground, asked: Asked, ids: list[str], limit: int) -> str:
    """The path of the page that 50,000 steps along `next` from the first would lead to."""
    step = DOCUMENTS // asked.hits
    keys = paging.order_of(USAGE, ())
    bound = paging.binding(PATH, keys, asked.query)
    last = ids[(DEEP - 1) * limit * step - 1]
    cursor = paging.seal(place.tenant.secret("cursor"), bound, [last], asked.hits if asked.hits > 10_000 else None)
    return f"{PATH}?{asked.query}&limit={limit}&after={cursor}"


async def _check(place: Ground, path: str, first: str) -> None:
    """A deep page must be the one that it is said to be."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place.port}") as http:
        page = (await http.get(path)).json()
    assert page[0]["id"] == first, path


async def main() -> None:
    """Print the latencies, what they may be, and what the fence saves."""
    print(machine())
    async with ground() as place:
        began = time.perf_counter()
        ids = await _fill(place)
        print(f"{DOCUMENTS:,} documents in {time.perf_counter() - began:.0f} s; {CLIENTS} clients", flush=True)
        fence, scan = await _sql(place, _FENCE, _RARE), await _sql(place, _SCAN, _RARE)
        print(f"a rare attribute, SQL: {fence:.2f} ms fenced, {scan:.2f} ms unfenced")
        print(f"{'by id':32} {_told(await _http(place, f'{PATH}/{ids[DOCUMENTS // 2]}'))}")
        probe = await _http(place, f"{PATH}?filter={quote('$[?(@.x==1)]')}&limit=1", 1)
        for asked in _lists("200" in probe["statuses"]):
            pages = [("page 1", f"{PATH}?{asked.query}&limit=20")]
            if asked.hits >= DEEP:
                limit = min(20, asked.hits // DEEP)
                deep = _deep(place, asked, ids, limit)
                await _check(place, deep, ids[(DEEP - 1) * limit * (DOCUMENTS // asked.hits)])
                pages.append((f"page {DEEP:,} of {limit}", deep))
            for title, path in pages:
                found = await _http(place, path)
                assert set(found["statuses"]) <= {"200", "206"}, (path, found)
                verdict = "" if found["p99"] < asked.most else f"  MORE THAN {asked.most} ms"
                print(f"{asked.title + ', ' + title:48} {_told(found)}{verdict}", flush=True)
