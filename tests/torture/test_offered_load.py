"""R13, P7: what a real server does with twice and four times what it can: as much as before, and says so to the rest.

An open loop: requests come at a pace of their own, from processes on a core of their own, whatever becomes of them.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import aiohttp
import pytest
from tests.conftest import BALANCE
from tests.torture.clients import settle_ground
from tests.torture.installation import installation, seed_of

SECONDS = float(os.environ.get("SECONDS", "15"))


async def once(session: aiohttp.ClientSession, bucket: str) -> tuple[int, float]:
    """The status of a top-up (0: no answer), and how long it took."""
    began = time.monotonic()
    try:
        body = {"amount": {"amount": 0.01, "units": "EUR"}, "bucket": {"id": bucket}}
        async with session.post(f"{BALANCE}/topupBalance", json=body) as answer:
            await answer.read()
            return answer.status, time.monotonic() - began
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0, time.monotonic() - began


async def closed(
    session: aiohttp.ClientSession, buckets: list[str], clients: int, seconds: float
) -> list[tuple[int, float]]:
    """What so many clients, each waiting for its answer, are answered."""
    told, end = [], time.monotonic() + seconds

    async def one(n: int) -> None:
        while time.monotonic() < end:
            told.append(await once(session, buckets[n % len(buckets)]))

    await asyncio.gather(*[one(n) for n in range(clients)])
    return told


async def offered(
    session: aiohttp.ClientSession, buckets: list[str], rate: float, seconds: float
) -> list[tuple[int, float]]:
    """What is answered to so many requests a second, sent when their time has come."""
    tasks, began = [], time.monotonic()
    while (at := time.monotonic() - began) < seconds:
        while len(tasks) < at * rate:
            tasks.append(asyncio.create_task(once(session, buckets[len(tasks) % len(buckets)])))
        await asyncio.sleep(0.001)
    return list(await asyncio.gather(*tasks))


def p99(times: list[float]) -> float:
    """The time within which 99 of 100 were."""
    return sorted(times)[int(len(times) * 0.99)] if times else 0.0


def memory(pid: int) -> int:
    """Resident megabytes of a process."""
    (line,) = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


@pytest.mark.torture
async def test_what_is_offered_beyond_capacity_harms_nobody(capsys) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs a core for the clients and one for the server")
    async with installation(seed_of(), apis=1, inflight=os.environ.get("INFLIGHT", "64"), rate="1000000") as under:
        (server,) = under.workers.apis
        for pid in under.server.pids():
            os.sched_setaffinity(pid, {1})
        os.sched_setaffinity(server, {1})
        os.sched_setaffinity(0, {0})
        try:
            async with aiohttp.ClientSession(
                under.workers.url, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=30)
            ) as session:
                ground = await settle_ground(session, 500, lines=12)
                await closed(session, ground.mains, 8, 2)
                alone = await closed(session, ground.mains, 1, 3)
                full = await closed(session, ground.mains, 32, SECONDS)
                capacity = sum(status == 201 for status, _ in full) / SECONDS
                before, lines = memory(server), []
                for times, least in ((0.75, 0.95), (2, 0.9), (4, 0.8)):
                    told = await offered(session, ground.mains, times * capacity, SECONDS)
                    good = [took for status, took in told if status == 201]
                    refused = [took for status, took in told if status in (429, 503)]
                    goodput = len(good) / SECONDS / (capacity * min(times, 1))
                    lines.append((times, goodput, p99(good), p99(refused), len(refused), len(told), least))
        finally:
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
        unloaded = p99([took for _, took in full])
        with capsys.disabled():
            print(f"\ncapacity {capacity:.0f}/s with 32 clients, p99 {unloaded * 1000:.0f} ms")
            print(f"  one client alone: p99 {p99([took for _, took in alone]) * 1000:.0f} ms")
            for times, goodput, good, refused, n, of, _ in lines:
                print(f"  offered {times} ×: goodput {goodput:.2f}, p99 of accepted {good * 1000:.0f} ms", end="; ")
                print(f"{n} of {of} refused, p99 {refused * 1000:.0f} ms")
            print(f"  memory of the server: {before} MB, afterwards {memory(server)} MB")
        for times, goodput, good, _, _, _, least in lines:
            assert goodput >= least, (times, goodput)
            assert good <= 5 * unloaded, (times, good)
        assert memory(server) < 1.5 * before
