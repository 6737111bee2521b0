"""Claim: jobs and files in parts go faster with each worker. Rating again what was rated, and an import, by one worker
and by two, each a process of its own; the reader of the file is a further process.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from bench.ground import Ground, ground, machine, proven, settled
from oxl.apis.product_usage import spreading
from oxl.apis.product_usage.spreading import spread_file
from oxl.demo.traffic import usage_lines
from oxl.engines.usage import again
from oxl.engines.usage.again import Selection
from oxl.kernel.background import once

RECORDS = int(os.environ.get("BENCH_RECORDS", "20000"))
PEOPLE = max(1000, RECORDS // 100)
_CHILD = """
import asyncio, sys
from pathlib import Path
from oxl.apis.product_usage import again
from oxl.apis.product_usage.spreading import Taking
from oxl.cli.ground import run
from oxl.db.database import Database
from oxl.settings import Settings

async def main():
    database = await Database.open(Settings(data=Path(sys.argv[1])))
    tenant = await database.tenant("default")
    print("ready", flush=True)
    job = await asyncio.to_thread(sys.stdin.readline)
    if job.strip():
        await again.run_to_end(tenant, job.strip())
    else:
        stop = asyncio.Event()
        taking = asyncio.create_task(Taking(tenant).run(stop))
        await asyncio.to_thread(sys.stdin.readline)
        stop.set()
        await taking
    await database.close()

run(main())
"""


async def main() -> None:
    """Print the seconds that each way took, with one worker and with two."""
    print(machine())
    async with ground(background=False) as place:
        now = place.tenant.clock.now()
        people = await settled(place, PEOPLE)
        spreading._BESIDE = 0  # this process only reads
        for seed, workers in ((7, 1), (8, 2)):
            with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
                lines = list(usage_lines(people, now, seed, RECORDS))
                Random(seed).shuffle(lines)
                file.writelines(lines)
                file.flush()
                async with _workers(place, workers, ""):
                    seconds, report = await _timed(spread_file(place.tenant, Path(file.name)))
            print(f"spread import of {RECORDS:,} by {workers}: {seconds:.1f} s, {RECORDS / seconds:,.0f}/s", end="  ")
            print(dict(report.outcome))
        for workers in (1, 1, 2):  # the first brings things into their order, the others find nothing to change
            job = await once(place.tenant, lambda work: again.start(work, "rerate", Selection()))
            async with _workers(place, workers, job.id) as ended:
                seconds, _ = await _timed(ended())
            counts = (await once(place.tenant, lambda work, job=job: again.standing(work, job.id))).counts
            print(f"rerate of {job.total:,} by {workers}: {seconds:.1f} s, {job.total / seconds:,.0f}/s  {counts}")
        print(await proven(place))


async def _timed(work: Awaitable[Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = await work
    return time.perf_counter() - began, found


@asynccontextmanager
async def _workers(place: Ground, number: int, job: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Processes that have connected and begin now; what waits until they end by themselves."""
    words = [sys.executable, "-c", _CHILD, str(place.database.settings.data)]
    pipe = asyncio.subprocess.PIPE
    children = [await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe) for _ in range(number)]
    for child in children:
        await child.stdout.readline()  # type: ignore[union-attr]
    for child in children:
        child.stdin.write(f"{job}\n".encode())  # type: ignore[union-attr]

    async def ended() -> None:
        await asyncio.gather(*(child.wait() for child in children))

    yield ended
    for child in children:
        child.stdin.close()  # type: ignore[union-attr]
    await ended()
