"""Claim: a bill run against the bare INSERT … SELECT of the same rows. Each account has three usage charges and one
monthly fee, in advance; of one in ten a part of it, since its plan ends in the middle of the month. OXL_BENCH_ACCOUNTS
says how many accounts.

The limit writes, into empty tables with the same indexes and references, every row that the run has written as it
stands in the end: bills, lines, taxes, numbers and fees, their events where the run told of them, and the rows that it
changed (charges that are billed, accounts whose windows were closed, the run's items). Beside it is shown the limit of
the bills' own rows: without events and what was changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.ground import database_seconds, machine
from oxl.apis.customer_bill.jobs import work_off
from oxl.app import SQL_CODE
from oxl.cli.seed import publish_catalog
from oxl.db.database import Database, Tenant
from oxl.db.migrate import migrate
from oxl.engines.billing import run, setup
from oxl.engines.billing.run import NewRun
from oxl.kernel.background import once
from oxl.settings import Settings

SIZES = [int(each) for each in os.environ.get("OXL_BENCH_ACCOUNTS", "20000,200000").split(",")]
_BILLS = ("bill", "bill_line", "bill_tax", "bill_number", "bill_fee")
_CHANGED = ("charge", "account", "bill_account", "bill_run_item")
_CLONE = "create table limit_{table} (like {table} including all)"
_REFERENCES = """
    select coalesce(string_agg(format('alter table limit_%s add %s', $1::text, pg_get_constraintdef(oid)), ';'),
                    'select')
    from pg_constraint where conrelid = $1::regclass and contype = 'f'"""
_FILL = "insert into limit_{table} ({names}) select {names} from {table}"
_NAMES = """select string_agg(attname, ', ') from pg_attribute
    where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''"""
_PEOPLE = """
insert into party (id, name, doc, created_at) values ('p', 'Bench', '{{}}', '{start}');
insert into account (id, party_id, kind, currency, billing_day, created_at)
select 'a' || n, 'p', 'postpaid', 'EUR', 1, '{start}' from generate_series(1, {n}::bigint) n;
insert into device (id, account_id, value, created_at)
select 'd' || n, 'a' || n, n::text, '{start}' from generate_series(1, {n}::bigint) n;
insert into product (id, kind, account_id, device_id, status, valid_from, created_at)
select 'x' || n, 'subscription', 'a' || n, 'd' || n, 'active', '{start}'::timestamptz, '{start}'::timestamptz
from generate_series(1, {n}::bigint) n;
insert into product_plan (product_id, valid_from, valid_to, offering_id, plan_id)
select 'x' || n, '{start}', case when n % 10 = 0 then '{change}'::timestamptz end, 'postpaid-l', 'postpaid-l'
from generate_series(1, {n}::bigint) n;
insert into product_plan (product_id, valid_from, offering_id, plan_id)
select 'x' || n, '{change}', 'data-only', 'data-only' from generate_series(10, {n}::bigint, 10) n;
insert into charge (account_id, charge_window, product_id, component, zone, tax_category, unit, quantity, amount,
                    events, first_at, last_at)
select 'a' || n, 1, 'x' || n, c, 'national', 'S', 'second', 60 * n % 1000, 12345 * n % 10000000, 3, '{middle}',
       '{middle}'
from generate_series(1, {n}::bigint) n, unnest(array['voice-national', 'sms-national', 'data-home']) c;
"""


async def _population(database: Database, tenant: Tenant, accounts: int) -> None:
    now = tenant.clock.now()
    days = {"start": now.replace(day=1), "middle": now.replace(day=15), "change": now.replace(month=7, day=15)}
    async with database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        await conn.execute(_PEOPLE.format(n=accounts, **days))
        await conn.execute("analyze")


async def _limit(database: Database, tables: Sequence[str]) -> dict[str, float]:
    """Seconds of the bare INSERT … SELECT of each table's rows."""
    took = {}
    async with database.owner() as conn:
        await conn.execute("set search_path = oxl_default")
        for table in tables:
            names = await conn.fetchval(_NAMES, table)
            await conn.execute(_CLONE.format(table=table))
            await conn.execute(await conn.fetchval(_REFERENCES, table))
            began = time.perf_counter()
            await conn.execute(_FILL.format(table=table, names=names))
            took[table] = time.perf_counter() - began
    return took


async def _measure(accounts: int, events: bool) -> str:
    os.environ |= {"OXL_PG_SHARED_BUFFERS": "1GB", "OXL_PG_MAX_WAL_SIZE": "4GB"}
    folder = Path(tempfile.mkdtemp(prefix="oxl-bench-"))
    folder.chmod(0o711)
    database = await Database.open(Settings(data=folder / "data", connections=8))
    try:
        await migrate(database, SQL_CODE)
        tenant = await database.tenant("default")
        await publish_catalog(tenant)
        tenant.clock.frozen = tenant.clock.now().replace(month=6, day=20, hour=0)
        policy = f'{{"starts": "{tenant.clock.frozen.year}-07-01"}}'  # what came before was billed elsewhere
        await once(tenant, lambda work: setup.set_policy(work, policy))
        await _population(database, tenant, accounts)
        tenant.clock.frozen = tenant.clock.frozen.replace(month=7, day=1)
        began, cpu = time.perf_counter(), database_seconds(folder / "data")
        cycle = tenant.clock.now().date().isoformat()
        (started,) = await once(tenant, lambda work: run.start(work, [NewRun("onCycle", cycle)]))
        if events:
            await work_off(tenant, started.id)
        else:
            while await once(tenant, lambda work: run.batch(work, started.id)):
                continue
        billed, cpu = time.perf_counter() - began, database_seconds(folder / "data") - cpu
        (ended,) = await once(tenant, lambda work: run.finish(work, started.id))
        proven = time.perf_counter() - began - billed
        before = database_seconds(folder / "data")
        took = await _limit(database, (*_BILLS, *_CHANGED, *(("outbox",) if events else ())))
        limit_cpu = database_seconds(folder / "data") - before
    finally:
        await database.close()
        shutil.rmtree(folder, ignore_errors=True)  # the server is still leaving
    how = "with an event for each bill, two workers" if events else "the verb alone, one connection"
    limit, alone = sum(took.values()), sum(took[table] for table in _BILLS)
    return (
        f"{accounts:7,} accounts, {how}: {accounts / billed:6.0f} accounts/s, {limit / billed:.2f} x the bare INSERT"
        f" ({accounts / limit:6.0f}/s; {alone / billed:.2f} x that of the bills' own rows);"
        f" {cpu / accounts * 1e6:.0f} µs CPU of the database an account, the limit {limit_cpu / accounts * 1e6:.0f};"
        f" control sums {proven:.1f} s, {ended.status}"
    )


async def main() -> None:
    """Print accounts a second and the ratio to the limit, by size."""
    print(machine())
    for accounts in SIZES:
        for events in (False, True):
            print(await _measure(accounts, events), flush=True)
