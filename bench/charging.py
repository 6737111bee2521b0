"""Claim: balance actions over HTTP, committed durably in natural groups with exact refusals, against pgbench.

pgbench runs one action a transaction: the same function and effects, on the same database in the same run.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from bench.ground import Ground, cpu_seconds, ground, machine, pgbench
from oxl.engines.ledger import grants, ledger
from oxl.kernel.background import once

BUCKETS, SECONDS, ROUNDS = 20_000, 5, 3

# What one POST of an adjustment does to the database, as one statement a client could call.
ONE_ACTION = """
create table bench_bucket as select row_number() over (order by id)::int as n, id from bucket;
alter table bench_bucket add primary key (n);
analyze bench_bucket;
create function bench_adjust(at int) returns text language plpgsql as $$
declare
    found record;
    b text := (select id from bench_bucket where n = at);
    action text := gen_random_uuid()::text;
begin
    select * into found from ledger_move(
        now(), array[uuidv7()::text], array[action], array['adjust'], array['adjust'], array[b], array[null::text],
        array['EUR'], array[-10000::bigint], array[null::timestamptz]);
    insert into balance_action (id, kind, bucket_id, account_id, unit, amount, status, requested_at, confirmed_at,
                                reason, body)
    values (action, 'adjust', b, found.account_id, 'EUR', -10000,
            case when found.refusal is null then 'completed' else 'failed' end, now(), now(), found.refusal,
            jsonb_build_object('amount', jsonb_build_object('amount', -0.01, 'units', 'EUR'),
                               'bucket', jsonb_build_object('id', b)));
    insert into outbox (id, api, event_type, resource, resource_id, at, doc)
    select uuidv7()::text, 'prepay_balance', 'AdjustBalanceCreateEvent', 'adjustBalance', action, now(), doc
    from prepay_adjust(now()) where id = action;
    return found.refusal;
end $$;
"""


async def _prepare(place: Ground) -> list[str]:
    """Buckets with EUR 1,000 each; the first one's is what clients will fight for."""
    for start in range(0, BUCKETS, 1000):
        accounts = [(f"bench-{n}", "EUR", place.tenant.clock.now()) for n in range(start, start + 1000)]
        await once(place.tenant, lambda work, accounts=accounts: grants.open_main(work, accounts))
    async with place.tenant.connection() as conn:
        ids = [row["id"] for row in await conn.fetch("select id from bucket order by id")]
    for start in range(0, BUCKETS, 1000):
        moves = [
            ledger.Move("topup", bucket, "EUR", 10**9, "topup_clearing", "{}") for bucket in ids[start : start + 1000]
        ]
        await once(place.tenant, lambda work, moves=moves: ledger.move(work, moves))
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute(ONE_ACTION)
        await conn.execute("grant all on bench_bucket to oxl_default")
    return ids


async def _http(place: Ground, ids: list[str], clients: int) -> dict[str, Any]:
    """The load over HTTP: one cent off each of the buckets in turn."""
    path = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
    lines = [
        json.dumps(["POST", path, {"amount": {"amount": -0.01, "units": "EUR"}, "bucket": {"id": bucket}}])
        for bucket in ids
    ]
    before = cpu_seconds(place)
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", str(place.port), str(clients), str(SECONDS),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    told, _ = await load.communicate("\n".join(lines).encode())
    found = json.loads(told)
    found["rate"] = found["requests"] / found["seconds"]
    found["cpu"] = (cpu_seconds(place) - before) / found["requests"] * 1000
    return found


async def main() -> None:
    """Print the ratios, medians of rounds in which limit and product take turns."""
    print(machine())
    async with ground() as place:
        ids = await _prepare(place)
        for title, some, most in (("uniform", ids, BUCKETS), ("hot", ids[:1], 1)):
            for clients in (1, 32, 128):
                rounds = []
                for _ in range(ROUNDS):
                    script = "\\set n random(1, :most)\nselect bench_adjust(:n);\n"
                    limit = pgbench(place, script, min(clients, 32), SECONDS, most=most)
                    found = await _http(place, some, clients)
                    rounds.append((found["rate"] / limit, limit, found))
                ratio, limit, found = sorted(rounds, key=lambda each: each[0])[ROUNDS // 2]
                told = f"{found['rate']:6.0f}/s  p50 {found['p50']:6.1f} ms  p99 {found['p99']:6.1f} ms"
                print(f"{title:8} {clients:4} clients: {ratio:5.2f} x pgbench ({limit:6.0f}/s)  {told}", end="  ")
                print(f"{found['cpu']:.2f} ms CPU  {found['statuses']}", flush=True)
        async with place.tenant.connection() as conn:
            faults, totals = await ledger.proof(conn)
        debited = totals[0]["debited"] / 10**6
        print(f"ledger: {len(faults)} faults, {totals[0]['buckets']} buckets, {debited:,.2f} EUR debited")
