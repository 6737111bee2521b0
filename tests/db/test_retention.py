"""What is kept for a time only goes when that is over; what a bill, a proof or a listener needs stays, however old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.conftest import NOON, OPERATOR, USAGE, client_of, usage_body
from tests.engines.books import fetch, new_number, sound

from oxl.cli.retention import RULES, keep_within
from oxl.clock import system_now
from oxl.db.database import Database, Tenant
from oxl.db.migrate import as_owner, ensure_partitions
from oxl.engines.billing import read
from oxl.kernel.background import once
from oxl.operations import audit
from oxl.outbox import outbox
from oxl.settings import Settings
from oxl.values import id_floor

LONG_AGO = NOON - timedelta(days=130)
KEPT = Settings(usage_days=62, event_days=90, delivery_days=30, audit_days=365)


def quiet(*_: object) -> None:
    """Nobody listens."""


async def told(tenant: Tenant, at: datetime) -> list[str]:
    """The types of the events that are older."""
    rows = await fetch(tenant, "select event_type from outbox where id < $1 order by id", id_floor(at))
    return [row["event_type"] for row in rows]


@pytest.fixture
async def old(make_tenant: Callable[[], Any], database: Database) -> Any:
    """A tenant with a prepaid and a postpaid line, both used long ago; and a record of the first."""
    tenant = await make_tenant()
    async with as_owner(database, tenant) as conn:
        await ensure_partitions(conn, LONG_AGO)
    tenant.clock.frozen = LONG_AGO
    numbers = [new_number(), new_number()]
    async with client_of(tenant) as http:
        for number, offering in zip(numbers, ("prepaid-m", "postpaid-l"), strict=True):
            body = {
                "party": {"name": "Ada"}, "logicalResource": {"value": number}, "productOffering": {"id": offering},
                "validFor": {"startDateTime": (LONG_AGO - timedelta(days=2)).isoformat()},
            }  # fmt: skip
            assert (await http.post(f"{OPERATOR}/subscriber", json=body)).status_code == 201
        start = (LONG_AGO - timedelta(hours=2)).isoformat()
        called = ("+493012345", "+447700900123")  # in the allowance of the first; charged to the second
        calls = [
            usage_body("voice", each, start, destinationPhoneNumber=whom, duration=60)
            for each, whom in zip(numbers, called, strict=True)
        ]
        for call in calls:
            answer = await http.post(USAGE, json=call)
            assert answer.json()["status"] == "rated", answer.text
    tenant.clock.frozen = NOON
    return tenant, calls[0]


async def test_what_is_over_its_time_goes_and_what_is_needed_stays(database: Database, old: Any) -> None:
    tenant, call = old
    assert await told(tenant, NOON - timedelta(days=90)) != []
    heard: list[tuple[str, int, int]] = []
    found = await keep_within(KEPT, database, tenant, lambda *each: heard.append(each))
    assert found["usage"] == 1
    assert found["outbox"] >= 4
    assert ("outbox", found["outbox"], found["outbox"]) in heard
    assert await told(tenant, NOON - timedelta(days=90)) == []
    (left,) = await fetch(tenant, "select id, charge_window from usage")
    assert left["charge_window"] is not None  # it is on a bill to come
    await sound(tenant)
    assert await once(tenant, read.proof) == []
    async with client_of(tenant) as http:
        again = await http.post(USAGE, json=call)
        assert again.status_code == 409  # what was known once is known
    month = f"{LONG_AGO:%Y_%m}"
    query = "select relname as name from pg_class where relnamespace = current_schema::regnamespace"
    parts = {row["name"] for row in await fetch(tenant, query)}
    assert f"usage_{month}" in parts  # something is left in it
    assert f"transfer_{month}" in parts  # the ledger's never go
    assert f"outbox_{month}" not in parts
    assert await keep_within(KEPT, database, tenant, quiet) == {}


async def test_nothing_goes_that_is_kept_for_ever(database: Database, old: Any) -> None:
    tenant, _ = old
    before = await told(tenant, NOON)
    for_ever = Settings(usage_days=0, event_days=0, delivery_days=0, audit_days=0)
    assert await keep_within(for_ever, database, tenant, quiet) == {}
    assert await told(tenant, NOON) == before
    for rule in RULES:
        assert rule.before(for_ever, NOON) is None
    assert RULES[-1].before(Settings(usage_days=1), NOON) == NOON - timedelta(days=62)


async def test_an_event_that_somebody_is_yet_to_be_told_of_stays(database: Database, old: Any) -> None:
    tenant, _ = old
    async with tenant.connection() as conn:
        for name, api in (("behind", "operator"), ("elsewhere", "prepay_balance")):
            await outbox.subscribe(conn, name, name.encode(), api, "https://a.example", "", "x", NOON)
        await conn.execute("update subscription set xid = '1', born = '1:1:' where id = 'behind'")
        rows = await conn.fetch("select id, xid::text as xid from outbox where api <> 'operator' order by id")
        await conn.execute(
            "insert into undelivered (subscription_id, event_id, xid, resource, resource_id, attempts, since, due_at,"
            " status, reason) values ('elsewhere', $1, $2::text::xid8, 'r', 'r', 1, $3, $3, 500, 'x')",
            rows[0]["id"], rows[0]["xid"], NOON,
        )  # fmt: skip
    before = await told(tenant, NOON - timedelta(days=90))
    await keep_within(KEPT, database, tenant, quiet)
    left = await fetch(tenant, "select id, api from outbox where id < $1", id_floor(NOON - timedelta(days=90)))
    assert {row["api"] for row in left if row["id"] != rows[0]["id"]} == {"operator"}
    assert rows[0]["id"] in {row["id"] for row in left}
    assert 2 < len(left) < len(before)
    async with tenant.connection() as conn:  # given up long ago, it is let go of
        await conn.execute("update undelivered set due_at = null, dead_at = $1", LONG_AGO)
        await conn.execute("update subscription set ended_at = $1", LONG_AGO)
    await keep_within(KEPT, database, tenant, quiet)
    assert await told(tenant, NOON - timedelta(days=90)) == []


async def test_a_pruned_audit_is_proven_from_where_it_begins(database: Database, make_tenant: Any) -> None:
    tenant = await make_tenant()
    now = system_now()
    async with tenant.connection() as conn:
        for n in range(9):
            at = now - timedelta(days=500 if n < 5 else 5)
            await conn.execute(
                "insert into audit (id, at, caller, operation, resource_id, outcome, trace)"
                " values ($1, $2, 'a', 'oxl.x:create', 'r', 'done', '')",
                f"{n:04}",
                at,
            )
    while await once(tenant, audit.seal):
        continue
    async with tenant.connection() as conn:
        whole = await audit.walk(conn)
    assert (whole.length, whole.broken) == (9, None)
    assert (await keep_within(KEPT, database, tenant, quiet))["audit"] == 5
    assert "audit" not in await keep_within(KEPT, database, tenant, quiet)
    while await once(tenant, audit.seal):
        continue
    async with tenant.connection() as conn:
        pruned = await audit.walk(conn)
        assert (pruned.length, pruned.broken) == (10, None)  # with the entry that tells of it
        assert await conn.fetchval("select count(*) from audit") == 5
    async with as_owner(database, tenant) as conn:
        await conn.execute("delete from audit_link where number = 5")  # cut off further, and nobody said so
        await conn.execute("delete from audit where id = '0005'")
    async with tenant.connection() as conn:
        assert (await audit.walk(conn)).broken == 6
