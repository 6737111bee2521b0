"""A tenant's role sees its own schema and no other; its clock is its own; the ledger is append-only for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import pytest
from tests.conftest import BALANCE, OPERATOR, USAGE, client_of, usage_body

from oxl.app import SQL_CODE
from oxl.cli import serving
from oxl.db import migrate as migrations
from oxl.db.database import Database, Tenant, UnknownTenantError
from oxl.db.migrate import create_tenant, ensure_partitions, tenant_names

REFUSED = asyncpg.InsufficientPrivilegeError


class Neighbours(NamedTuple):
    """Two tenants with something in them, and a connection as the first one's role."""

    a: Tenant
    b: Tenant
    conn: asyncpg.Connection
    relations: list[str]  # of b: tables, partitions, views
    functions: list[str]  # of b: calls with null arguments


async def provisioned(tenant: Tenant, number: str) -> dict[str, Any]:
    """A subscriber with a usage, a top-up and events."""
    async with client_of(tenant) as http:
        body = {
            "party": {"name": "Ada"},
            "logicalResource": {"value": number},
            "productOffering": {"id": "prepaid-m"},
            "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
        }
        subscriber = (await http.post(f"{OPERATOR}/subscriber", json=body)).json()
        call = usage_body("voice", number, destinationPhoneNumber="+493012345", duration=60)
        assert (await http.post(USAGE, json=call)).status_code == 201
        main = (await http.get(f"{BALANCE}/bucket?usageType=monetary")).json()[0]
        topup = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": main["id"]}}
        assert (await http.post(f"{BALANCE}/topupBalance", json=topup)).status_code == 201
        return subscriber


@pytest.fixture(scope="module")
async def neighbours(make_tenant: Callable[[], Any], database: Database) -> AsyncIterator[Neighbours]:
    a, b = await make_tenant(), await make_tenant()
    await provisioned(a, "491555500001")
    await provisioned(b, "491555500002")
    async with database.owner() as owner:
        relations = await owner.fetch(
            "select oid::regclass::text as name from pg_class where relnamespace = $1::regnamespace and relkind in"
            " ('r', 'p', 'v', 'm')",
            f"oxl_{b.name}",
        )
        functions = await owner.fetch(
            "select format('%I.%I(%s)', nspname, proname, (select coalesce(string_agg('null::' || format_type(t, null),"
            " ', ' order by n), '') from unnest(proargtypes) with ordinality as a (t, n))) as call"
            " from pg_proc join pg_namespace n on n.oid = pronamespace where starts_with(nspname, $1)",
            f"oxl_{b.name}$",
        )
    conn = await asyncpg.connect(**a._connect)
    yield Neighbours(a, b, conn, [row["name"] for row in relations], [row["call"] for row in functions])
    await conn.close()


async def test_a_role_can_read_no_table_of_another_tenant(neighbours: Neighbours) -> None:
    assert len(neighbours.relations) > 35  # with the partitions
    for relation in neighbours.relations:
        with pytest.raises(REFUSED):
            await neighbours.conn.fetch(f"select * from {relation} limit 1")


async def test_a_role_can_call_no_function_of_another_tenant(neighbours: Neighbours) -> None:
    assert len(neighbours.functions) > 30
    for call in neighbours.functions:
        with pytest.raises(REFUSED):
            await neighbours.conn.fetch(f"select {call}")


def beyond(a: str, b: str, owner: str) -> list[str]:
    """What a role must not do outside its schema, or to its own ledger."""
    return [
        f"set role {b}",
        f"set role {owner}",
        f"set session authorization {b}",
        f"create table {b}.mine (n int)",
        f"create function {b}.mine() returns int language sql as 'select 1'",
        f"insert into {b}.tenant_clock (shift) values ('1 day')",
        f"grant usage on schema {b} to {a}",
        f"alter schema {b} rename to mine",
        f"drop schema {b} cascade",
        f"drop table {a}.bucket",
        f"alter table {a}.transfer disable trigger all",
        f"alter table {a}.bucket drop constraint bucket_check",
        f"create table {a}.mine (n int)",
        "create schema mine",
        "create table public.mine (n int)",
        "create role mine",
        f"alter role {a} superuser",
        "select * from oxl.install",
        "select * from oxl.tenant",
        "insert into oxl.tenant (name, schema, role) values ('x', 'x', 'x')",
        "select * from pg_authid",
        "select pg_read_file('/etc/hostname')",
        "copy (select 1) to program 'true'",
    ]


async def test_a_role_can_do_nothing_outside_its_schema(neighbours: Neighbours, database: Database) -> None:
    async with database.owner() as owner:
        statements = beyond(
            f"oxl_{neighbours.a.name}", f"oxl_{neighbours.b.name}", await owner.fetchval("select current_user")
        )
    done = []
    for statement in statements:
        turn = neighbours.conn.transaction()
        await turn.start()
        try:
            await neighbours.conn.execute(statement)
            done.append(statement)
        except REFUSED:
            pass
        finally:
            await turn.rollback()
    assert done == []


async def test_a_role_reads_its_own_schema(neighbours: Neighbours) -> None:
    assert await neighbours.conn.fetchval("select count(*) from bucket") > 0
    assert await neighbours.conn.fetchval("select current_user") == f"oxl_{neighbours.a.name}"


@pytest.mark.parametrize(
    "statement", ["update {} set amount = 1", "delete from {}", "truncate {}", "update {} set kind = kind where false"]
)
async def test_the_ledger_is_append_only_for_the_role_also_in_its_partitions(neighbours, statement: str) -> None:
    rows = await neighbours.conn.fetch(
        "select relid::text as name from pg_partition_tree('transfer') where isleaf or level = 0"
    )
    assert len(rows) > 4
    for row in rows:
        with pytest.raises(REFUSED):
            await neighbours.conn.execute(statement.format(row["name"]))


async def test_another_tenants_password_does_not_open_the_door(neighbours: Neighbours) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**neighbours.a._connect | {"user": f"oxl_{neighbours.b.name}"})


async def test_the_same_id_asked_of_another_tenant_is_not_there(neighbours: Neighbours) -> None:
    async with client_of(neighbours.a) as one, client_of(neighbours.b) as other:
        for path in (USAGE, f"{BALANCE}/bucket", f"{OPERATOR}/subscriber"):
            theirs = (await other.get(path)).json()[0]["id"]
            assert (await other.get(f"{path}/{theirs}")).status_code == 200
            assert (await one.get(f"{path}/{theirs}")).status_code == 404


async def test_clocks_of_tenants_are_independent(neighbours: Neighbours) -> None:
    a, b = neighbours.a, neighbours.b
    await a.set_clock(timedelta(0), datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC))
    await b.set_clock(timedelta(days=-30), None)
    shown = {}
    for tenant in (a, b):
        async with client_of(tenant) as http:
            main = (await http.get(f"{BALANCE}/bucket?usageType=monetary")).json()[0]
            body = {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": main["id"]}}
            topup = (await http.post(f"{BALANCE}/topupBalance", json=body)).json()
            unknown = {"usageSpecification": {"id": "none"}, "usageType": tenant.name}
            usage = (await http.post(USAGE, json=unknown)).json()
            shown[tenant.name] = (topup["requestedDate"], topup["confirmationDate"], usage["creationDate"])
    assert set(shown[a.name]) == {"2031-02-03T04:05:06.000Z"}
    ago = datetime.now(UTC) - timedelta(days=30)
    for text in shown[b.name]:
        assert abs(datetime.fromisoformat(text) - ago) < timedelta(minutes=1)


async def test_a_clock_that_was_set_is_kept_for_other_processes(make_tenant, database: Database) -> None:
    tenant, at = await make_tenant(), datetime(2027, 1, 1, tzinfo=UTC)
    await tenant.set_clock(timedelta(hours=2), at)
    other = Tenant(tenant.name, tenant._connect, 1)
    await other.refresh_clock()
    assert (other.clock.offset, other.clock.frozen) == (timedelta(hours=2), at)
    await other.close()


async def test_a_tenant_that_was_never_made_is_unknown(database: Database) -> None:
    with pytest.raises(UnknownTenantError):
        await database.tenant("nobody")


async def test_rows_of_a_month_that_has_no_partition_yet_stand_in_nobodys_way(make_tenant, database: Database) -> None:
    tenant = await make_tenant()
    tenant.clock.frozen = datetime(2031, 3, 3, tzinfo=UTC)
    await provisioned(tenant, "491555500003")
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {tenant.path}")
        await ensure_partitions(conn, datetime(2031, 1, 1, tzinfo=UTC))
        made = await conn.fetch("select relid::text as name from pg_partition_tree('transfer') where isleaf")
    assert "transfer_2031_02" in {row["name"] for row in made}
    async with client_of(tenant) as http:
        assert len((await http.get(USAGE)).json()) == 1


async def test_a_tenant_is_seen_when_all_of_it_is_there(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    ensure = migrations.ensure_partitions

    async def looked(conn: asyncpg.Connection, at: datetime) -> None:
        seen.append(await tenant_names(database))
        await ensure(conn, at)

    monkeypatch.setattr(migrations, "ensure_partitions", looked)
    await create_tenant(database, "slowly", SQL_CODE)
    assert seen
    assert not [names for names in seen if "slowly" in names]
    assert "slowly" in await tenant_names(database)


async def test_a_worker_passes_over_a_tenant_that_is_being_erased(database: Database, make_tenant: Any) -> None:
    tenant = await make_tenant()
    await database.forget(tenant.name)
    async with database.owner() as conn:
        await conn.execute(f"alter role oxl_{tenant.name} nologin")
    assert await serving._opened(database, tenant.name) is None
    assert await serving._opened(database, "nobody") is None


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a;drop schema oxl", "a" * 41, "ä"])
async def test_a_name_that_is_no_identifier_makes_no_tenant(database: Database, name: str) -> None:
    with pytest.raises(ValueError, match="tenant name"):
        await create_tenant(database, name, SQL_CODE)
