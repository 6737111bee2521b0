"""Claim: balance actions over HTTP, committed durably in natural groups with exact refusals, against pgbench.

pgbench runs one action a transaction: the same function and effects, on the same database in the same run.
"""

from __future__ import annotations

import json
import os
from typing import Any

from bench.ground import Ground, ground, http_load, machine, money_buckets, pgbench, proven
from oxl.engines.ledger import ledger
from oxl.kernel.background import once

BUCKETS = int(os.environ.get("OXL_BENCH_BUCKETS", "200000"))
SECONDS, ROUNDS = 5, int(os.environ.get("OXL_BENCH_ROUNDS", "3"))

# What one POST of an adjustment does to the database, as one statement a client could call.
ONE_ACTION = """
create table bench_bucket as select row_number() over (order by id)::int as n, id from bucket;
alter table bench_bucket add primary key (n);
analyze bench_bucket;
create function bench_adjust(at int) returns text language plpgsql as $$
declare
    refused text;
    b text := (select id from bench_bucket where n = at);
    action text := gen_random_uuid()::text;
begin
    select refusal into refused from ledger_move(
        now(), array[uuidv7()::text], array[action], array['adjust'], array['adjust'], array[b], array[null::text],
        array['EUR'], array[-10000::bigint], array[null::timestamptz],
        array[jsonb_build_object('amount', jsonb_build_object('amount', -0.01, 'units', 'EUR'),
                                 'bucket', jsonb_build_object('id', b))::text], '{}');
    insert into outbox (id, api, event_type, resource, resource_id, at, doc)
    select uuidv7()::text, 'prepay_balance', 'AdjustBalanceCreateEvent', 'adjustBalance', action, now(), doc
    from prepay_adjust(now()) where id = action;
    return refused;
end $$;
"""


async def _prepare(place: Ground) -> list[str]:
    """Buckets with EUR 1,000 each; the first one, which clients will fight for, has a million."""
    ids = await money_buckets(place, BUCKETS)
    rich = [ledger.Move("topup", ids[0], "EUR", 10**12, "topup_clearing", "{}")]
    await once(place.tenant, lambda work: ledger.move(work, rich))
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute(ONE_ACTION)
        await conn.execute("grant all on bench_bucket to oxl_default")
        await conn.execute("analyze")
    return ids


async def _http(place: Ground, ids: list[str], clients: int) -> dict[str, Any]:
    """One cent off each of the buckets in turn."""
    path = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
    lines = [
        json.dumps(["POST", path, {"amount": {"amount": -0.01, "units": "EUR"}, "bucket": {"id": bucket}}])
        for bucket in ids
    ]
    return await http_load(place, lines, clients, SECONDS)


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
                    assert set(found["statuses"]) <= {"201", "409"}, found
                    rounds.append((found["rate"] / limit, limit, found))
                ratio, limit, found = sorted(rounds, key=lambda each: each[0])[ROUNDS // 2]
                told = f"{found['rate']:6.0f}/s  p50 {found['p50']:6.1f} ms  p99 {found['p99']:6.1f} ms"
                print(f"{title:8} {clients:4} clients: {ratio:5.2f} x pgbench ({limit:6.0f}/s)  {told}", end="  ")
                print(f"{found['cpu']:.2f} ms CPU  {found['statuses']}", flush=True)
        print(await proven(place))
