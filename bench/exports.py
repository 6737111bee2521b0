"""Claim: an export job of usage in any format, against COPY TO of the same documents; and how much memory it takes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.ground import Ground, ground, machine, settled
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.product_usage.formats import FORMATS
from oxl.apis.product_usage.jobs import import_file
from oxl.cli.bulk import post_all
from oxl.demo.traffic import usage_lines

PEOPLE, RECORDS = 1000, int(os.environ.get("BENCH_RECORDS", "50000"))
_COPY = "select doc from product_usage($1) order by id"
_CHILD = """
import asyncio, re, sys, time
from pathlib import Path
from oxl.apis.product_usage.exporting import Exporter
from oxl.db.database import Database
from oxl.settings import Settings

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def main():
    database = await Database.open(Settings(data=Path(sys.argv[1])))
    exporter = Exporter(await database.tenant("default"), Path(sys.argv[2]))
    at_rest = peak()
    began = time.perf_counter()
    assert await exporter.work()
    print(time.perf_counter() - began, at_rest, peak())
    await database.close()

asyncio.run(main())
"""


async def _limit(place: Ground, folder: Path) -> float:
    """Seconds to COPY the documents to a file and bring it to the disk."""
    began = time.perf_counter()
    with (folder / "limit").open("wb") as file:
        async with place.tenant.connection() as conn:
            await conn.copy_from_query(_COPY, place.tenant.clock.now(), output=file)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - began


async def main() -> None:
    """Print records a second, the ratio to the limit and the peak memory of the exporting process, by format."""
    print(machine())
    async with ground(background=False) as place:
        people = await settled(place, PEOPLE)
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            usage = folder / "usage.ndjson"
            usage.write_bytes(b"".join(usage_lines(people, place.tenant.clock.now(), 7, RECORDS)))
            await import_file(place.tenant, usage)
            limit = min([await _limit(place, folder) for _ in range(3)])
            print(f"COPY TO of the documents: {RECORDS / limit:.0f} records/s")
            for media in FORMATS:
                await post_all(place.tenant, PRODUCT_USAGE, "exportJob", [({"contentType": media}, None)])
                words = [sys.executable, "-c", _CHILD, str(place.database.settings.data), str(folder)]
                told = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=True)
                seconds, at_rest, peak = map(float, told.stdout.split())
                print(
                    f"{media:33} {RECORDS / seconds:7.0f} records/s  {limit / seconds:.2f} x COPY TO"
                    f"  peak memory {peak / 1024:.0f} MB ({at_rest / 1024:.0f} MB at rest)"
                )
