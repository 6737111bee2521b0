"""Claim: a usage record POSTed over HTTP is guided, rated, drawn and committed durably before it is answered, in
natural groups with others; against pgbench.

pgbench writes one record a transaction: one function that looks up the owner, locks the buckets and writes the same
rows with the price given, on the same database in the same run.
"""

from __future__ import annotations

import json
import os
from itertools import count

from bench.ground import Ground, ground, http_load, machine, pgbench, proven, settled
from oxl.engines.ledger import ledger
from oxl.kernel.background import once

PEOPLE = int(os.environ.get("OXL_BENCH_SUBSCRIBERS", "2000"))
SECONDS, ROUNDS = 5, int(os.environ.get("OXL_BENCH_ROUNDS", "3"))
_PATH = "/tmf-api/productUsageManagement/v5/productUsage"
_run = count()

# What one POST of an SMS that is paid with money does to the database, as one statement that a client could call.
_ONE_RECORD = """
create table bench_line as
select row_number() over (order by p.id)::int as n, u.number, p.account_id, b.id as bucket_id
from product p join number_use u on u.product_id = p.id join account a on a.id = p.account_id and a.kind = 'prepaid'
join bucket b on b.account_id = a.id and b.kind = 'main';
alter table bench_line add primary key (n);
create function bench_usage(at int) returns void language plpgsql as $$
declare
    line bench_line := (select l from bench_line l where n = at);
    usage text := uuidv7()::text;
    owner record;
    held record;
    body jsonb := jsonb_build_object('@type', 'ProductUsage', 'usageType', 'sms',
        'usageSpecification', jsonb_build_object('@type', 'ProductUsageSpecificationRef', 'id', 'sms'),
        'externalIdentifier', jsonb_build_array(jsonb_build_object(
            '@type', 'ExternalIdentifier', 'owner', 'bench', 'externalIdentifierType', 'cdr', 'id', usage)),
        'usageCharacteristic', (
            select jsonb_agg(jsonb_build_object('@type', type || 'Characteristic', 'name', name, 'value', value))
            from (values ('String', 'originatingPhoneNumber', to_jsonb(line.number)),
                         ('String', 'destinationPhoneNumber', '"+12025550123"'),
                         ('String', 'startDateTime', to_jsonb(instant_text(now()))),
                         ('Integer', 'messageCount', '1')) as c (type, name, value)));
begin
    insert into usage_key (key, usage_id, body_hash)
    values (sha256(usage::bytea), usage, sha256(body::text::bytea)) on conflict do nothing;
    select * into owner from inventory_guide(array[line.number], array[null::text], array[now()]);
    perform from bucket b where b.account_id = line.account_id and (b.valid_to is null or b.valid_to > now())
    order by b.id for no key update;
    update bucket b set used = b.used + 10000, version = b.version + 1 where b.id = line.bucket_id
    returning b.credited - b.used - b.debited as posted, b.version into held;
    insert into transfer (id, at, dr_bucket, cr_system, unit, amount, kind, action_id, leg, dr_after, dr_version)
    values (uuidv7()::text, now(), line.bucket_id, 'usage_consumed', 'EUR', 10000, 'usage', usage, 0, held.posted,
            held.version);
    insert into bucket_use (bucket_id, device_id, used) values (line.bucket_id, owner.device_id, 10000)
    on conflict (bucket_id, device_id) do update set used = bucket_use.used + excluded.used;
    insert into usage (id, status, usage_type, specification_id, started_at, product_id, account_id, device_id, plan_id,
                       plan_version, unit, quantity, prices, created_at, updated_at, body, draws, key)
    values (usage, 'rated', 'sms', 'sms', now(), owner.product_id, owner.account_id, owner.device_id, owner.plan_id, 1,
            'message', 1, jsonb_build_array(jsonb_build_object(
                'net', 8403, 'kind', 'usage', 'name', 'SMS to the world', 'unit', 'message', 'zone', 'world',
                'gross', 10000, 'bucket', null, 'currency', 'EUR', 'quantity', 1, 'tax_rate', '19',
                'component', 'sms-world')),
            now(), now(), body, jsonb_build_array(jsonb_build_array(line.bucket_id, 10000)), sha256(usage::bytea));
    insert into outbox (id, api, event_type, resource, resource_id, at, doc)
    select uuidv7()::text, 'product_usage', 'ProductUsageCreateEvent', 'productUsage', usage, now(), doc
    from product_usage(now()) where id = usage;
    perform outbox_wake(array['product_usage_v4']);
end $$;
"""


async def _prepare(place: Ground) -> list[str]:
    """Prepaid lines with EUR 1,000 each: their numbers."""
    await settled(place, PEOPLE)
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute(_ONE_RECORD)
        await conn.execute("grant all on bench_line to oxl_default")
        rows = await conn.fetch("select number, bucket_id from bench_line order by n")
    buckets = sorted({row["bucket_id"] for row in rows})
    moves = [ledger.Move("topup", bucket, "EUR", 10**9, "topup_clearing", "{}") for bucket in buckets]
    await once(place.tenant, lambda work: ledger.move(work, moves))
    async with place.database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute("analyze")
    return [row["number"] for row in rows]


def _lines(place: Ground, numbers: list[str]) -> list[str]:
    """Requests enough for a round, each a record of its own: an SMS abroad, of the lines in turn."""
    start, run = place.tenant.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), next(_run)
    made = []
    for n in range(5000 * SECONDS):
        values = {"originatingPhoneNumber": f"+{numbers[n % len(numbers)]}", "destinationPhoneNumber": "+12025550123"}
        texts = {**values, "startDateTime": start}
        characteristics = [
            {"@type": "StringCharacteristic", "name": name, "value": value} for name, value in texts.items()
        ]
        characteristics.append({"@type": "IntegerCharacteristic", "name": "messageCount", "value": 1})
        body = {
            "@type": "ProductUsage",
            "usageType": "sms",
            "usageSpecification": {"@type": "ProductUsageSpecificationRef", "id": "sms"},
            "externalIdentifier": [{
                "@type": "ExternalIdentifier", "owner": "bench", "externalIdentifierType": "cdr", "id": f"{run}-{n}"
            }],
            "usageCharacteristic": characteristics,
        }  # fmt: skip
        made.append(json.dumps(["POST", _PATH, body]))
    return made


async def main() -> None:
    """Print the ratios, medians of rounds in which limit and product take turns."""
    print(machine())
    async with ground() as place:
        numbers = await _prepare(place)
        for clients in (1, 32):
            rounds = []
            for _ in range(ROUNDS):
                script = "\\set n random(1, :most)\nselect bench_usage(:n);\n"
                limit = pgbench(place, script, clients, SECONDS, most=len(numbers))
                found = await http_load(place, _lines(place, numbers), clients, SECONDS)
                assert set(found["statuses"]) == {"201"}, found["statuses"]
                rounds.append((found["rate"] / limit, limit, found))
            ratio, limit, found = sorted(rounds, key=lambda each: each[0])[ROUNDS // 2]
            told = f"{found['rate']:6.0f}/s  p50 {found['p50']:6.1f} ms  p99 {found['p99']:6.1f} ms"
            print(f"{clients:4} clients: {ratio:5.2f} x pgbench ({limit:6.0f}/s)  {told}", end="  ")
            print(f"{found['cpu']:.2f} ms CPU", flush=True)
        async with place.tenant.connection() as conn:
            reached = await conn.fetch("select status, reason, count(*) as n from usage group by 1, 2 order by 3 desc")
        print("usages:", ", ".join(f"{row['n']:,} {row['status']} {row['reason'] or ''}".strip() for row in reached))
        print(await proven(place))
