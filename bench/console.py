"""Claim: every page of the console is usable within a second at the server's side with 1,000,000 usage records, and a
gauge moves within a second of the usage that moves it. A browser opens the pages; what counts is what they ask for.

    BENCH_RECORDS=100000 python -m bench console        (1,000,000 unless said otherwise)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from statistics import median
from typing import NamedTuple

import httpx
from playwright.async_api import Browser, Request, expect
from tests.conftest import CONSUMPTION, OPERATOR, USAGE, usage_body
from tests.console.browser import chromium
from tests.console.ground import KATE
from tests.console.pictures import pages

from bench.ground import Ground, ground, machine
from oxl.values import new_id

RECORDS = int(os.environ.get("BENCH_RECORDS", "1000000"))
PEOPLE, SEEDED, BATCH, ROUNDS, POSTS = 1000, 10_000, 20_000, 5, 50
MOST = 1000  # milliseconds from a page's first request to the last answer, and from a usage to its gauge
_COPY = """
with taken as (
    insert into usage (id, status, reason, usage_type, specification_id, started_at, product_id, account_id, device_id,
                       created_at, updated_at, body, prices)
    select f.id, u.status, u.reason, u.usage_type, u.specification_id, now() - f.n * interval '2 s', u.product_id,
           u.account_id, u.device_id, now(), now(), u.body, u.prices
    from unnest($1::text[], $3::bigint[]) as f (id, n)
    join (select u.*, row_number() over (order by u.id) - 1 as n from usage u where u.id < $4 limit $5) u
      on u.n = f.n % $5
    returning id
)
insert into outbox (id, api, event_type, resource, resource_id, at, doc)
select f.event_id, 'product_usage', 'ProductUsageCreateEvent', 'productUsage', f.id, now(),
       jsonb_build_object('id', f.id)
from unnest($1::text[], $2::text[]) as f (id, event_id) join taken t on t.id = f.id
"""
_MORE = {
    "found by number": (f"/subscriber?q={KATE}", ".gauge", None),
    "found by name": ("/subscriber?q=klein", "tbody tr, .gauge", None),
    "all usage": ("/usage", "tbody tr", None),
    "usage of a kind, page 400": ("/usage?usageType=voice&status=rated&offset=10000", "tbody tr", None),
    "exports": ("/usage/exports", ".empty", None),
    "deliveries": ("/events/deliveries", ".empty", None),
    "subscriptions": ("/events/listeners", ".empty", None),
    "dead letters": ("/events/dead", ".empty", None),
}


class Opened(NamedTuple):
    """A page: its requests; milliseconds of the slowest, of all with any open, to first paint, until it was whole."""

    asked: int
    slowest: float
    waited: float
    painted: float
    whole: float


async def _fill(place: Ground) -> None:
    """A demo, and copies of its records with an event each until there are as many as wanted."""
    command = [sys.executable, "-m", "oxl.cli", "seed", "demo", "--subscribers", str(PEOPLE), "--records", str(SEEDED)]
    data = place.database.settings.data
    seeding = await asyncio.create_subprocess_exec(*command, "--data", str(data), stdout=asyncio.subprocess.DEVNULL)
    assert await seeding.wait() == 0
    now = place.tenant.clock.now()
    bound = new_id(now)
    async with place.tenant.connection() as conn:
        known = await conn.fetchval("select count(*) from usage where id < $1", bound)
        for start in range(known, RECORDS, BATCH):
            numbers = list(range(start, min(start + BATCH, RECORDS)))
            ids, events = ([new_id(now) for _ in numbers] for _ in range(2))
            await conn.execute(_COPY, ids, events, numbers, bound, known)
    async with place.database.owner() as conn:
        for table in ("usage", "outbox"):
            await conn.execute(f"vacuum analyze oxl_default.{table}")


async def _counted(url: str) -> None:
    """Wait until the worker has counted all events: it is busy until then."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        seen = -1
        while True:
            overview = (await http.get(f"{OPERATOR}/overview/month")).json()
            counted = sum(sum(each["number"]) for each in overview["series"] if each["name"] == "event")
            if counted >= RECORDS and counted == seen:
                return
            seen = counted
            await asyncio.sleep(2)


async def _open(browser: Browser, url: str, place: str, sign: str) -> Opened:
    """Open a page in a fresh tab and wait until it is whole."""
    done: list[tuple[float, float]] = []

    def finished(request: Request) -> None:
        timing = request.timing
        if "/tmf-api/" in request.url or "/oxl/" in request.url:
            done.append((timing["startTime"] + timing["requestStart"], timing["startTime"] + timing["responseEnd"]))

    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    page.on("requestfinished", finished)
    began = time.perf_counter()
    await page.goto(f"{url}/#{place}")
    await expect(page.locator(sign).first).to_be_visible()
    await expect(page.get_by_text("Loading …")).to_have_count(0)
    whole = (time.perf_counter() - began) * 1000
    painted = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    await context.close()
    return Opened(len(done), max(end - start for start, end in done), _covered(done), painted, whole)


def _covered(spans: list[tuple[float, float]]) -> float:
    """How long at least one of some spans of time lasted."""
    total, until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


async def _pages(url: str) -> None:
    """Each page, its median and its worst of some rounds."""
    print(f"{'page':28} requests  slowest   server (worst)  first paint  whole page, ms")
    async with chromium() as browser:
        for name, (place, sign, _) in (pages(url) | _MORE).items():
            found = [await _open(browser, url, place, sign) for _ in range(ROUNDS)]
            worst = max(each.waited for each in found)
            told = [median(each) for each in zip(*found, strict=True)]
            asked, slowest, waited, painted, whole = (f"{each:8.0f}" for each in told)
            print(f"{name:28} {asked} {slowest} {waited} {worst:7.0f} {painted} {whole}{_verdict(worst)}", flush=True)


def _verdict(milliseconds: float) -> str:
    return f"  MORE THAN {MOST} ms" if milliseconds > MOST else ""


async def _gauge(url: str) -> None:
    """How long after a POST of usage the live report that shows it is at its listener."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        path = f"{CONSUMPTION}/usageConsumptionReport/live-{KATE}/stream"
        async with http.stream("GET", path, headers={"accept": "text/event-stream"}) as stream:
            reports = (json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: "))
            await anext(reports)
            taken, now = [], time.time()
            for n in range(POSTS):
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - n))
                body = usage_body("data", KATE, start=at, volume=1, volumeUnit="MB")
                began = time.perf_counter()
                answer = await http.post(USAGE, json=body)
                assert answer.json()["status"] == "rated", answer.text
                await anext(reports)
                taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    told = f"p50 {median(taken):.0f} ms, worst of {POSTS} {taken[-1]:.0f} ms{_verdict(taken[-1])}"
    print(f"POST of usage to the report that moves the gauge: {told}")


async def main() -> None:
    """Print what each page takes."""
    print(machine())
    async with ground() as place:
        began = time.perf_counter()
        await _fill(place)
        print(f"{RECORDS:,} usage records in {time.perf_counter() - began:.0f} s", flush=True)
        url = f"http://127.0.0.1:{place.port}"
        await _counted(url)
        print(f"counted after {time.perf_counter() - began:.0f} s; {machine()}", flush=True)
        await _pages(url)
        await _gauge(url)
