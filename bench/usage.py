"""Claim: importing usage with guiding and rating, against the least that any importer must do with the same rows: COPY
into staging, then INSERT … SELECT of all the rows that rating writes. And how much the importing process takes, and the
one that reads the file for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.ground import Ground, ground, machine, proven, settled
from oxl.demo.traffic import usage_lines

RECORDS = int(os.environ.get("BENCH_RECORDS", "50000"))
PEOPLE = int(os.environ.get("OXL_BENCH_SUBSCRIBERS", str(max(1000, RECORDS // 100))))
_WRITTEN = ("usage", "usage_key", "transfer", "bucket_use", "bucket_mark", "usage_counter", "charge", "outbox")

_CLONE = "create table limit_{table} (like {table} including all)"
_STAGE = "create unlogged table limit_stage (line text)"
_FILL = "insert into limit_{table} select * from {table}"
_CHILD = """
import json, re, resource, sys, time
from pathlib import Path
from oxl.apis.product_usage import reading
from oxl.apis.product_usage.jobs import import_file
from oxl.cli.ground import run
from oxl.db.database import Database
from oxl.settings import Settings

def peak(process="self"):
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path(f"/proc/{process}/status").read_text())[1])

reader = [0]
end = reading._Process.end

def ended(process):
    reader.append(peak(process._child.pid))
    end(process)

reading._Process.end = ended

async def main():
    database = await Database.open(Settings(data=Path(sys.argv[1])))
    tenant = await database.tenant("default")
    at_rest = peak()
    began, worked = time.perf_counter(), time.process_time()
    report = await import_file(tenant, Path(sys.argv[2]))
    taken = time.perf_counter() - began
    own, others = time.process_time() - worked, resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = [own, others.ru_utime + others.ru_stime]
    print(json.dumps([taken, computed, at_rest, [peak(), max(reader)], report.outcome]))
    await database.close()

run(main())
"""


async def _limit(place: Ground, file: Path) -> float:
    """Seconds to COPY the lines into staging and write again every row that the import wrote, all indexes kept."""
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute("set jit = off")
        await conn.execute(_STAGE)
        for table in _WRITTEN:
            await conn.execute(_CLONE.format(table=table))
        began = time.perf_counter()
        await conn.copy_to_table("limit_stage", source=file, format="csv", delimiter="\x01", quote="\x02")
        for table in _WRITTEN:
            await conn.execute(_FILL.format(table=table))
        return time.perf_counter() - began


async def main() -> None:
    """Print records a second, the ratio to the limit, and what both processes computed and held."""
    print(machine())
    async with ground(background=False) as place:
        now = place.tenant.clock.now()
        people = await settled(place, PEOPLE)
        with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
            file.writelines(usage_lines(people, now, 7, RECORDS))
            file.flush()
            words = [sys.executable, "-c", _CHILD, str(place.database.settings.data), file.name]
            told = await asyncio.to_thread(subprocess.run, words, stdout=subprocess.PIPE, check=True)
            taken, computed, at_rest, peaks, outcome = json.loads(told.stdout)
            limit = await _limit(place, Path(file.name))
        print(f"import of {RECORDS:,}: {RECORDS / taken:6.0f} records/s, {limit / taken:.2f} x limit", end="  ")
        print(f"(COPY + INSERT … SELECT of the same rows: {RECORDS / limit:6.0f}/s)  {outcome}")
        for process, cpu, peak in zip(("importing", "reading"), computed, peaks, strict=True):
            print(f"{process} process: {cpu / RECORDS * 1e6:.0f} µs CPU a record, peak memory {peak / 1024:.0f} MB")
        print(f"at rest before it began: {at_rest / 1024:.0f} MB")
        print(await proven(place))
