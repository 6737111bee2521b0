"""Claim: live reports over HTTP against pgbench running the same SQL; flat as history grows; and 2,000 open streams.

OXL_BENCH_SUBSCRIBERS, OXL_BENCH_STREAMS and OXL_BENCH_SECONDS set the sizes.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time

from bench.ground import Ground, ground, http_load, machine, memory, pgbench
from oxl.apis.operator.api import OPERATOR
from oxl.cli.bulk import post_all

SUBSCRIBERS = int(os.environ.get("OXL_BENCH_SUBSCRIBERS", "200000"))
STREAMS = int(os.environ.get("OXL_BENCH_STREAMS", "2000"))
SECONDS = int(os.environ.get("OXL_BENCH_SECONDS", "5"))
CHARGES = 500  # a second, while the streams are open
ASKED = 2000  # devices whose reports are read; they are the ones with a history
MONTHS, LONGER = 3, 30
REPORT = "/tmf-api/usageConsumption/v5/usageConsumptionReport"

# Subscribers as if they had come one by one: a party, an account, a device, a product and eight buckets each.
_FILL = """
set search_path = oxl_default;
create table bench_device (n int primary key, id text not null);
insert into bench_device select n, uuidv7()::text from generate_series(1, {people}) n;
insert into party select 'p' || n, 'Ada ' || n, '{{}}', now() from bench_device;
insert into account select 'a' || n, 'e' || n, 'p' || n, 'prepaid', 'EUR', 1, 1, now() from bench_device;
insert into device select id, 'a' || n, (490000000000 + n)::text, now() from bench_device;
insert into product
select 's' || n, 'x' || n, 'subscription', 'a' || n, id, 'active', now() - interval '3 years', null, now()
from bench_device;
insert into product_plan select 's' || n, now() - interval '3 years', null, 'prepaid-m', 'prepaid-m' from bench_device;
insert into bucket (id, kind, account_id, product_id, device_id, allowance_id, name, unit, display_unit, display_atoms,
                    usage_type, usage_label, match, valid_from, valid_to, credited, used, created_at)
select 'b' || n || '-' || k, case k when 0 then 'main' else 'allowance' end, 'a' || n,
       case when k > 0 then 's' || n end, case when k > 0 then id end,
       case when k > 0 then 'allowance-' || k end, 'Bucket ' || k,
       case when k = 0 then 'EUR' when k % 2 = 0 then 'byte' else 'second' end,
       case when k = 0 then 'EUR' when k % 2 = 0 then 'GB' else 'min' end,
       case when k = 0 then 1000000 when k % 2 = 0 then 1000000000 else 60 end,
       case when k = 0 then 'monetary' when k % 2 = 0 then 'data' else 'voice' end,
       case when k = 0 then 'monetary' when k % 2 = 0 then 'data' else 'voice' end,
       '{{"service": ["data"], "zone": ["home", "roaming-eu"]}}', now() - interval '5 days',
       case when k > 0 then now() + interval '25 days' end, 20000000000, 3000000 * k, now()
from bench_device cross join generate_series(0, 7) k;
insert into bucket_use select 'b' || n || '-0', id, 0 from bench_device;
grant all on bench_device to oxl_default;
"""
# What months that are over leave behind, of the devices that are asked for: their buckets, and charges on bills.
_HISTORY = """
set search_path = oxl_default;
insert into bucket (id, kind, account_id, product_id, device_id, allowance_id, name, unit, display_unit, display_atoms,
                    usage_type, usage_label, match, valid_from, valid_to, credited, used, created_at, ended_at)
select 'b' || n || '-' || k || '-' || m, 'allowance', 'a' || n, 's' || n, id, 'allowance-' || k, 'Bucket ' || k, 'byte',
       'GB', 1000000000, 'data', 'data', '{{}}', now() - (m + 1) * interval '30 days', now() - m * interval '30 days',
       20000000000, 20000000000, now(), now()
from bench_device cross join generate_series(1, 7) k cross join generate_series({first}, {last}) m where n <= {asked};
insert into charge select 'a' || n, m, 's' || n, 'c' || k, 'national', 'S', 'second', 60, 1000, 1, now(), now(), 'bill'
from bench_device cross join generate_series(1, 5) k cross join generate_series({first}, {last}) m where n <= {asked};
vacuum analyze;
"""
_SAME = """
\\set n random(1, :most)
select id, doc from usage_consumption_report_one(now(), array['live-' || (select id from bench_device where n = :n)]);
"""


async def _sql(place: Ground, script: str, **values: int) -> None:
    async with place.database.owner() as conn:
        for statement in script.format(**values).split(";\n"):
            if statement.strip():
                await conn.execute(statement)


async def _reports(place: Ground, title: str) -> None:
    async with place.tenant.connection() as conn:
        rows = await conn.fetch("select id from bench_device where n <= $1", ASKED)
    lines = [json.dumps(["GET", f"{REPORT}/live-{row['id']}", None]) for row in rows]
    for clients in (1, 8, 32):
        rounds = []
        for _ in range(3):
            limit = await asyncio.to_thread(pgbench, place, _SAME, clients, SECONDS, most=ASKED)
            found = await http_load(place, lines, clients, SECONDS)
            assert set(found["statuses"]) == {"200"}, found
            rounds.append((found["rate"] / limit, limit, found))
        ratio, limit, found = sorted(rounds, key=lambda each: each[0])[1]
        told = f"{found['rate']:6.0f}/s  p50 {found['p50']:6.1f} ms  p99 {found['p99']:6.1f} ms"
        print(f"{title:22} {clients:3} clients: {ratio:4.2f} x pgbench ({limit:5.0f}/s)  {told}", end="  ")
        print(f"{found['cpu']:.2f} ms CPU", flush=True)


async def _streams(place: Ground) -> None:
    """Open streams of as many devices, charge some of them 500 times a second, and see when the last word is heard."""
    bodies = [
        ({"party": {"name": f"Ada {n}"}, "logicalResource": {"value": str(491600000000 + n)},
          "productOffering": {"id": "prepaid-m"}, "validFor": {"startDateTime": "2026-01-05T00:00:00Z"}}, None)
        for n in range(STREAMS)
    ]  # fmt: skip
    await post_all(place.tenant, OPERATOR, "subscriber", bodies)
    numbers = [body["logicalResource"]["value"] for body, _ in bodies]
    async with place.database.owner() as conn:
        await conn.execute("vacuum analyze")
    before = memory(place.server.pid)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.streams", str(place.port), str(CHARGES), str(SECONDS * 2),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(numbers).encode() + b"\n")
    began = time.perf_counter()
    opened = json.loads(await child.stdout.readline())
    grown = (memory(place.server.pid) - before) / STREAMS
    print(f"{opened['open']} streams open after {time.perf_counter() - began:.1f} s, {grown:.1f} kB each", flush=True)
    found = json.loads(await child.stdout.readline())
    then = (memory(place.server.pid) - before) / STREAMS
    print(
        f"{found['charges']} charges in {found['seconds']:.1f} s ({found['charges'] / found['seconds']:.0f}/s, p99"
        f" {found['p99']:.0f} ms) of {found['charged']} devices: {found['right']} streams ended on the right value,"
        f" {found['late']} of them later than 1 s; lag p50 {found['lag50']:.0f} ms, p99 {found['lag99']:.0f} ms,"
        f" most {found['lag100']:.0f} ms; {found['events']} events; then {then:.1f} kB"
    )
    await child.wait()


async def main() -> None:
    """Print the ratios with a short and a ten times longer history, then the streams."""
    print(machine())
    async with ground() as place:
        began = time.perf_counter()
        await _sql(place, _FILL, people=SUBSCRIBERS)
        await _sql(place, _HISTORY, first=1, last=MONTHS, asked=ASKED)
        print(f"{SUBSCRIBERS:,} subscribers with 8 buckets each in {time.perf_counter() - began:.0f} s", flush=True)
        await _reports(place, f"{MONTHS} months of history")
        await _sql(place, _HISTORY, first=MONTHS + 1, last=LONGER, asked=ASKED)
        await _reports(place, f"{LONGER} months of history")
        await _streams(place)
