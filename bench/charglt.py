"""Claim: online charging over HTTP never reserves what is not there: 80 % report-and-reserve, 20 % credit.

The mix of the charglt benchmark, on as many accounts: every request is durable before it is answered, is done once by
its session and number, and reserves its next quota out of one bucket; the ledger is proved at the end.
"""

from __future__ import annotations

import json
import os
import random

from bench.ground import ground, http_load, machine, money_buckets, proven

BUCKETS = int(os.environ.get("OXL_BENCH_BUCKETS", "100000"))
SECONDS = 10
BASE = "/tmf-api/prepayBalanceManagement/v4"


def _lines(buckets: list[str], clients: int) -> list[str]:
    """Requests enough for the run, each of its own: sessions go on from request to request."""
    choose = random.Random(clients)
    numbers = dict.fromkeys(range(len(buckets)), 0)
    lines = []
    for _ in range(4000 * SECONDS):
        n = choose.randrange(len(buckets))
        if choose.random() < 0.2:
            body = {"amount": {"amount": choose.randrange(1, 1000) / 100, "units": "EUR"}, "bucket": {"id": buckets[n]}}
            lines.append(json.dumps(["POST", f"{BASE}/topupBalance", body]))
            continue
        group = {"id": "1", "requestedUnits": {"amount": choose.randrange(1, 5000) / 100, "units": "EUR"}}
        if numbers[n]:
            group["usedUnits"] = {"amount": choose.randrange(0, 4000) / 100, "units": "EUR"}
        body = {
            "sessionId": f"{clients}-{n}",
            "requestNumber": numbers[n],
            "partyAccount": {"id": f"bench-{n:07d}"},
            "ratingGroup": [group],
        }
        numbers[n] += 1
        lines.append(json.dumps(["POST", f"{BASE}/chargingRequest", body]))
    return lines


async def main() -> None:
    """Print rate and latencies of the mix, and what the proof finds after each run."""
    print(machine())
    async with ground() as place:
        buckets = await money_buckets(place, BUCKETS)
        async with place.database.owner() as conn:
            await conn.execute("set search_path = oxl_default")
            await conn.execute("analyze")
        for clients in (1, 32, 128):
            found = await http_load(place, _lines(buckets, clients), clients, SECONDS)
            assert set(found["statuses"]) == {"201"}, found["statuses"]
            print(f"charglt {clients:4} clients: {found['rate']:6.0f}/s  p50 {found['p50']:6.1f} ms", end="  ")
            print(f"p99 {found['p99']:6.1f} ms  {found['cpu']:.2f} ms CPU  {found['statuses']}", flush=True)
            print(await proven(place), flush=True)
