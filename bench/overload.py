"""Twice and four times as many usage records as the server can rate: as many are done, as quickly, the rest is refused.

Server and database have one core, the load generator another. The limit is the same server's own peak, before and
after, of the same run, and how quick it is with half of that. OXL_INFLIGHT is how many it takes at a time.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import httpx

from bench.ground import Ground, ground, load, machine, memory

LINES, SECONDS = 200, 20
GOODPUT = {2: 0.9, 4: 0.8}  # of the peak that must be done, by how much of it is offered
WARM, PEAK, CROWD = 24_000, 32_000, 560_000  # records for each part: a record counts once
ALL_CORES = os.sched_getaffinity(0)
CLIENTS = 1500  # connections of the generator: more than the server answers at a time


async def _asked(place: Ground, lines: Sequence[str], clients: int, seconds: float, rate: float = 0) -> dict[str, Any]:
    """What the generator, on the last core, was answered."""
    return await load(place.port, lines, clients, seconds, rate, max(ALL_CORES))


async def _records(place: Ground) -> list[str]:
    """POSTs of usage records, each another one, of lines with an allowance that holds all of them."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place.port}", timeout=60) as http:
        for n in range(LINES):
            body = {
                "party": {"name": "Ada"}, "logicalResource": {"value": f"49155560{n:05d}"},
                "productOffering": {"id": "prepaid-m"},
            }  # fmt: skip
            (await http.post("/oxl/v1/subscriber", json=body)).raise_for_status()
    start = place.tenant.clock.now() - timedelta(hours=20)
    path, kind = "/tmf-api/productUsageManagement/v5/productUsage", "@type"
    return [
        json.dumps(["POST", path, {
            kind: "ProductUsage", "usageType": "data", "usageSpecification": {"id": "data"},
            "usageCharacteristic": [
                {"name": "originatingPhoneNumber", "value": f"+49155560{n % LINES:05d}"},
                {"name": "startDateTime", "value": (start + timedelta(milliseconds=100 * (n // LINES))).isoformat()},
                {"name": "volume", "value": 1}, {"name": "volumeUnit", "value": "kB"},
            ],
        }])
        for n in range(WARM + 4 * PEAK + CROWD)
    ]  # fmt: skip


async def _peak(place: Ground, lines: Iterator[str]) -> float:
    """How many the server does a second when clients wait for their answers."""
    rates = []
    for clients in (64, 128):
        found = await _asked(place, list(islice(lines, PEAK)), clients, 8)
        rates.append(found["statuses"].get("201", 0) / found["seconds"])
    return max(rates)


async def _offer(place: Ground, lines: Iterator[str], clients: int, rate: float) -> tuple[dict[str, Any], list[int]]:
    """What became of so many a second, and the server's memory meanwhile, once it has got used to it."""
    some, seen = list(islice(lines, round(1.2 * rate * SECONDS))), []
    asking = asyncio.create_task(_asked(place, some, clients, SECONDS, rate))
    while not asking.done():
        seen.append(memory(place.server.pid))
        await asyncio.sleep(1)
    return asking.result(), seen[len(seen) // 4 :]


async def main() -> None:
    """Find the peak and how quick the server is with half of it, offer twice and four times the peak, and compare."""
    print(machine())
    os.sched_setaffinity(0, {min(ALL_CORES)})  # of all that is started from here: PostgreSQL, server, worker
    async with ground(background=False) as place:
        lines = iter(await _records(place))
        await _asked(place, list(islice(lines, WARM)), 32, 12)
        peaks, offers = [await _peak(place, lines)], []
        calm, _ = await _offer(place, lines, 64, peaks[0] / 2)
        print(f"peak      {peaks[0]:6.0f}/s; half of it: p50 {calm['done_p50']:.0f} ms  p99 {calm['done_p99']:.0f} ms")
        for times in GOODPUT:
            offers.append(await _offer(place, lines, CLIENTS, times * peaks[-1]))
            await asyncio.sleep(1)
            peaks.append(await _peak(place, lines))  # before and after: disks and tables are not what they were
        for n, (times, (found, seen)) in enumerate(zip(GOODPUT, offers, strict=True)):
            _judge(times, (peaks[n] + peaks[n + 1]) / 2, found, seen, calm["done_p99"])


def _judge(times: int, peak: float, found: dict[str, Any], seen: list[int], calm: float) -> None:
    """Print what became of an offer, and what of it does not hold."""
    good, offered = found["statuses"].get("201", 0) / found["seconds"], found["rate"]
    print(f"offered   {offered:6.0f}/s  {offered / peak:4.1f} × peak ({peak:.0f}/s)   statuses {found['statuses']}")
    print(f"  done    {good:6.0f}/s  {good / peak:4.0%} of peak")
    for what in ("done", "refused"):
        print(f"  {what:7} p50 {found[what + '_p50']:.0f} ms  p99 {found[what + '_p99']:.0f} ms")
    print(f"  memory  {seen[0] / 1024:.0f} → {seen[-1] / 1024:.0f} MB, at most {max(seen) / 1024:.0f} MB")
    faults = [
        text
        for text, bad in (
            (f"offered less than {0.75 * times} × peak", offered < 0.75 * times * peak),
            (f"goodput below {GOODPUT[times]:.0%} of peak", good < GOODPUT[times] * peak),
            (f"p99 of what was done above {5 * calm:.0f} ms", found["done_p99"] > 5 * calm),
            ("refusals later than 50 ms", found["refused_p99"] > 50),
            ("memory grew", seen[-1] > 1.1 * seen[0] + 20_000),
            ("other statuses", set(found["statuses"]) - {"201", "429", "503"}),
        )
        if bad
    ]
    print("  holds" if not faults else "  BROKEN: " + "; ".join(faults))


if __name__ == "__main__":
    asyncio.run(main())
