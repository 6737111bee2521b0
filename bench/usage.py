"""Claim: importing usage with guiding and rating, against the least that any importer must do with the same rows: COPY
into staging, then INSERT … SELECT of all the rows that rating writes.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.ground import Ground, ground, machine
from oxl.apis.operator.api import OPERATOR
from oxl.apis.product_usage.jobs import import_file
from oxl.cli.bulk import keyed, post_all
from oxl.demo.population import subscribers
from oxl.demo.traffic import usage_lines

PEOPLE, RECORDS = 1000, 50_000
_WRITTEN = ("usage", "usage_key", "transfer", "bucket_use", "charge", "outbox")

_CLONE = "create table limit_{table} (like {table} including all)"
_STAGE = "create unlogged table limit_stage (line text)"
_FILL = "insert into limit_{table} select * from {table}"


async def _limit(place: Ground, file: Path) -> float:
    """Seconds to COPY the lines into staging and write again every row that the import wrote, all indexes kept."""
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute(_STAGE)
        for table in _WRITTEN:
            await conn.execute(_CLONE.format(table=table))
        began = time.perf_counter()
        await conn.copy_to_table("limit_stage", source=file, format="csv", delimiter="\x01", quote="\x02")
        for table in _WRITTEN:
            await conn.execute(_FILL.format(table=table))
        return time.perf_counter() - began


async def main() -> None:
    """Print records a second and the ratio to the limit."""
    print(machine())
    async with ground() as place:
        now = place.tenant.clock.now()
        people = list(subscribers(PEOPLE, now, 7))
        bodies = [{name: value for name, value in body.items() if name != "topup"} for body in people]
        await post_all(place.tenant, OPERATOR, "subscriber", keyed(bodies, "bench"))
        with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
            file.writelines(usage_lines(people, now, 7, RECORDS))
            file.flush()
            began = time.perf_counter()
            report = await import_file(place.tenant, Path(file.name))
            taken = time.perf_counter() - began
            limit = await _limit(place, Path(file.name))
        print(f"import: {report.records / taken:6.0f} records/s, {limit / taken:.2f} x limit", end="  ")
        print(f"(COPY + INSERT … SELECT of the same rows: {report.records / limit:6.0f}/s)  {dict(report.outcome)}")
