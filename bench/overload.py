"""Four times as many usage records as the server can rate: as many are done, as quickly, and the rest is refused.

Server and database have one core, the load generator another. The limit is the same server's own peak, before and
after, of the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from bench.ground import Ground, ground, machine
from oxl.settings import Settings

LINES, SECONDS = 200, 20
WARM, PEAK, CROWD = 8_000, 24_000, 240_000  # records for each part: a record counts once
CLIENTS = 1500  # connections of the generator: more than the server answers at a time


def load(place: Ground, lines: list[str], clients: int, seconds: float, rate: float = 0) -> subprocess.Popen[str]:
    """The generator at work, on the last core."""
    words = ["taskset", "-c", str(_cores()[-1]), sys.executable, "-m", "bench.load", str(place.port)]
    words += [str(clients), str(seconds), *([str(rate)] if rate else [])]
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdin is not None
    running.stdin.write("\n".join(lines))
    running.stdin.close()
    return running


async def told(running: subprocess.Popen[str]) -> dict[str, Any]:
    """What it found."""
    assert running.stdout is not None
    return json.loads(await asyncio.to_thread(running.stdout.read))


def _cores() -> list[int]:
    return sorted(ALL_CORES)


ALL_CORES = os.sched_getaffinity(0)


def memory(root: int) -> int:
    """Kilobytes that a process and its descendants hold."""
    pids, found = [root], 0
    for pid in pids:
        try:
            pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            continue
        found += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return found


async def watched(place: Ground, running: subprocess.Popen[str]) -> list[int]:
    """The memory of the server each second while the generator is at work."""
    seen = []
    while running.poll() is None:
        seen.append(memory(place.server.pid))
        await asyncio.sleep(1)
    return seen


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
        found = await told(load(place, list(islice(lines, PEAK)), clients, 8))
        rates.append(found["statuses"].get("201", 0) / found["seconds"])
    return max(rates)


async def main() -> None:
    """Find the peak, offer four times that, and hold the one against the other."""
    print(machine())
    os.sched_setaffinity(0, {_cores()[0]})  # of all that is started from here: PostgreSQL, server, worker
    async with ground(background=False) as place:
        lines = iter(await _records(place))
        await told(load(place, list(islice(lines, WARM)), 32, 5))
        first = await _peak(place, lines)
        print(f"peak      {first:6.0f}/s")
        running = load(place, list(islice(lines, CROWD)), CLIENTS, SECONDS, 4 * first)
        seen, found = await watched(place, running), await told(running)
        await asyncio.sleep(1)
        last = await _peak(place, lines)
        peak = (first + last) / 2  # of before and after: disks and tables are not what they were
        good = found["statuses"].get("201", 0) / found["seconds"]
        offered = found["requests"] / found["seconds"]
        print(f"offered   {offered:6.0f}/s  {offered / peak:4.1f} × peak   statuses {found['statuses']}")
        took = f"p50 {found['done_p50']:.0f} ms  p99 {found['done_p99']:.0f} ms"
        print(f"done      {good:6.0f}/s  {good / peak:4.0%} of peak  {took}")
        settled = seen[len(seen) // 4 :]
        print(f"memory    {settled[0] / 1024:.0f} → {settled[-1] / 1024:.0f} MB, at most {max(seen) / 1024:.0f} MB")
        print(f"afterwards {last:5.0f}/s")
        bound = 3 * 1000 * Settings().inflight / peak
        faults = [
            text
            for text, bad in (
                ("offered less than 3 × peak", offered < 3 * peak),
                ("goodput below 80 % of peak", good < 0.8 * peak),
                (f"p99 of what was done above {bound:.0f} ms", found["done_p99"] > bound),
                ("memory grew", settled[-1] > 1.1 * settled[0] + 20_000),
                ("other statuses", set(found["statuses"]) - {"201", "429", "503"}),
            )
            if bad
        ]
        print("holds" if not faults else "BROKEN: " + "; ".join(faults))


if __name__ == "__main__":
    asyncio.run(main())
