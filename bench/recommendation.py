"""Claim: recommendations from live balances over HTTP in milliseconds, with hundreds of offerings and many subscribers.

Open loop: queries are sent at a fixed rate whatever the answers do, and timed from when they were due. Closed loop:
clients that send as fast as they are answered. Sizes come from OXL_BENCH_SUBSCRIBERS and OXL_BENCH_OFFERINGS.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from typing import Any

import httpx

from bench.ground import Ground, cpu_seconds, ground, machine
from oxl.apis.operator.api import OPERATOR
from oxl.apis.recommendation import jobs
from oxl.cli.bulk import post_all
from oxl.engines.catalog import registry
from oxl.kernel.background import once

SUBSCRIBERS = int(os.environ.get("OXL_BENCH_SUBSCRIBERS", "100000"))
OFFERINGS = int(os.environ.get("OXL_BENCH_OFFERINGS", "500"))
RATE, SECONDS = 50, 20
PATH = "/tmf-api/recommendationManagement/v4/queryProductRecommendation"
_PLANS = (
    "data-pack-2gb",
    "data-pack-10gb",
    "voice-pack-100",
    "world-calls-pack",
    "roaming-eu-pack",
    "roaming-world-pack",
)


async def _prepare(place: Ground) -> list[str]:
    """The offerings, the subscribers with a few packs each, a trained model; the parties' ids."""
    for n in range(OFFERINGS):
        text = json.dumps({
            "id": f"bench-{n:03d}", "name": f"Pack {n}", "plan": _PLANS[n % len(_PLANS)], "deviceCount": 0,
            "category": ["addon", f"group-{n % 40}"], "productSpecification": f"bench-{n}", "margin": "0.4",
        })  # fmt: skip
        _TEXTS[f"offerings/bench-{n:03d}.yaml"] = text
    await once(place.tenant, lambda work: registry.publish(work, _TEXTS))
    chance = random.Random(7)
    bodies: list[tuple[dict[str, Any], str | None]] = []
    for n in range(SUBSCRIBERS):
        group = chance.randrange(40)
        owned = {f"bench-{(group + 40 * chance.randrange(OFFERINGS // 40 or 1)) % OFFERINGS:03d}" for _ in range(3)}
        body = {
            "party": {"name": f"Bench {n}"},
            "logicalResource": {"value": f"4917{n:09d}"},
            "productOffering": {"id": chance.choice(("prepaid-m", "postpaid-l"))},
            "addOn": [{"id": each} for each in sorted(owned)],
        }
        bodies.append((body, None))
    began = time.perf_counter()
    outcomes = await post_all(place.tenant, OPERATOR, "subscriber", bodies)
    print(f"{SUBSCRIBERS:,} subscribers provisioned in {time.perf_counter() - began:.0f} s", flush=True)
    if wrong := [each for each in outcomes if each.why]:
        raise SystemExit(f"{len(wrong)} were refused: {wrong[0].why}")
    async with place.database.owner() as conn:
        await conn.execute("analyze")
    began = time.perf_counter()
    kept = await jobs.train(place.tenant)
    figures = kept.metrics.get("model", {}), kept.metrics.get("popularity", {})
    print(
        f"model of {kept.metrics['items']} offerings trained in {time.perf_counter() - began:.1f} s: {figures}",
        flush=True,
    )
    async with place.tenant.connection() as conn:
        rows = await conn.fetch("select id from party order by id")
    return [row["id"] for row in rows]


_TEXTS: dict[str, str] = {}


def _body(party: str) -> dict[str, Any]:
    return {"instantSyncRecommendation": True, "relatedParty": {"id": party, "@referredType": "Individual"}}


async def _open_loop(place: Ground, parties: list[str]) -> str:
    """RATE queries a second for SECONDS, each timed from when it was due."""
    taken: list[float] = []
    statuses: dict[int, int] = {}
    chance = random.Random(11)
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place.port}", limits=limits) as http:

        async def query(due: float) -> None:
            answer = await http.post(PATH, json=_body(chance.choice(parties)))
            taken.append(time.perf_counter() - due)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1

        for warm in range(20):
            await http.post(PATH, json=_body(parties[warm % len(parties)]))
        began = time.perf_counter()
        sent = []
        for n in range(RATE * SECONDS):
            due = began + n / RATE
            await asyncio.sleep(max(0, due - time.perf_counter()))
            sent.append(asyncio.create_task(query(due)))
        await asyncio.gather(*sent)
    taken.sort()
    at = [f"p{part} {taken[len(taken) * part // 100] * 1000:.1f} ms" for part in (50, 95, 99)]
    return f"open loop, {RATE}/s for {SECONDS} s: {'  '.join(at)}  {statuses}"


async def _closed_loop(place: Ground, parties: list[str], clients: int) -> str:
    lines = [
        json.dumps(["POST", PATH, _body(party)]) for party in random.Random(13).sample(parties, min(5000, len(parties)))
    ]
    before = cpu_seconds(place)
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", str(place.port), str(clients), "10",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    told, _ = await load.communicate("\n".join(lines).encode())
    found = json.loads(told)
    cpu = (cpu_seconds(place) - before) / found["requests"] * 1000
    rate = found["requests"] / found["seconds"]
    return (
        f"closed loop, {clients} clients: {rate:.0f}/s  p50 {found['p50']:.1f} ms  p99 {found['p99']:.1f} ms"
        f"  {cpu:.2f} ms CPU  {found['statuses']}"
    )


async def main() -> None:
    """Print the figures of the open and the closed loop."""
    print(machine())
    async with ground() as place:
        parties = await _prepare(place)
        print(await _open_loop(place, parties), flush=True)
        for clients in (1, 8, 32):
            print(await _closed_loop(place, parties, clients), flush=True)
