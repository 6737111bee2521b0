"""Migrations beside others' work: locks are waited for shortly, indexes built beside writes, two versions at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from tests.conftest import OPERATOR, client_of
from tests.waiting import until

from oxl.app import SQL_CODE
from oxl.db import migrate as migrations
from oxl.db.database import Database, Tenant, UnknownTenantError
from oxl.db.migrate import BusyError, version_of

EARLIER = SQL_CODE[:3]  # a version with fewer views and functions


@pytest.fixture
def further(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that adds migrations behind those that are there."""
    known = migrations.migrations()

    def add(*files: str) -> None:
        last = known[-1][0]
        monkeypatch.setattr(migrations, "migrations", lambda: [*known, *enumerate(files, last + 1)])

    return add


def row_of(tenant: Tenant) -> dict[str, str]:
    return {"schema": f"oxl_{tenant.name}", "role": f"oxl_{tenant.name}", "name": tenant.name}


async def asked(tenant: Tenant, statement: str) -> Any:
    async with tenant.connection() as conn:
        return await conn.fetchval(statement)


async def test_a_change_lets_everybody_by_until_the_table_is_free(
    database: Database, make_tenant: Any, further: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await make_tenant()
    monkeypatch.setattr(migrations, "_PATIENCE", 1)
    further("alter table party add column nickname text")
    held, waited = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with tenant.connection() as conn, conn.transaction():
            await conn.execute("lock table party in access share mode")
            held.set()
            await waited.wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    async with database.owner() as changing, database.owner() as conn:
        migrating = asyncio.create_task(migrations._migrate_tenant(changing, row_of(tenant), SQL_CODE, lambda _: None))
        waits = "select count(*) from pg_locks where not granted and relation = $1::text::regclass"
        await until(lambda: conn.fetchval(waits, f"oxl_{tenant.name}.party"))
        assert not migrating.done()
        assert await asked(tenant, "select count(*) from party") == 0  # though the change waits
        waited.set()
        await holding
        await migrating
    assert await asked(tenant, "select count(nickname) from party") == 0


async def test_a_table_that_is_never_free_is_told(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr(migrations, "_PATIENCE", 0)
    monkeypatch.setattr(migrations, "_TRIES", 2)

    async def never() -> None:
        raise asyncpg.LockNotAvailableError("held")

    async with database.owner() as conn:
        with pytest.raises(BusyError, match="never free"):
            await migrations.patiently(conn, never)


async def test_an_index_is_built_beside_writes_and_again_when_it_was_cut_short(
    database: Database, make_tenant: Any
) -> None:
    tenant = await make_tenant()
    online = (
        "-- for look-ups by name; it takes a while\ncreate index concurrently if not exists party_name on party (name);"
    )
    assert migrations.is_online(online)
    assert migrations.statements(online) == [online.split("\n")[1].rstrip(";")]
    assert "concurrently" not in migrations.in_one_go(online)
    async with database.owner() as conn:
        schema = f"oxl_{tenant.name}"
        await conn.execute(f"set search_path = {schema}; create index party_name on party (name)")
        await conn.execute("update pg_index set indisvalid = false where indexrelid = 'party_name'::regclass")
        await migrations._step(conn, schema, 9999, online)
        valid = "select indisvalid from pg_index where indexrelid = 'party_name'::regclass"
        assert await conn.fetchval(valid) is True
        assert await conn.fetchval("select max(version) from schema_version") == 9999


async def test_the_version_before_serves_on_beside_this_one(database: Database, make_tenant: Any) -> None:
    tenant = await make_tenant()
    before = Database(database.settings, database._owner, None)
    before.code = version_of(EARLIER)
    with pytest.raises(UnknownTenantError, match="oxl migrate"):
        await before.tenant(tenant.name)
    async with database.owner() as conn:
        row = row_of(tenant)
        await migrations.patiently(conn, lambda: migrations._install(conn, row, EARLIER))
        old = await before.tenant(tenant.name)
        assert old.path != tenant.path
        assert await asked(old, "select instant_text('2026-06-15T12:00:00Z')") == "2026-06-15T12:00:00.000Z"
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await asked(old, "select count(*) from inventory_account()")  # this version's alone
        async with client_of(tenant) as http:
            assert (await http.get(f"{OPERATOR}/subscriber")).status_code == 200
        for n in range(4):  # versions come and go; what is served by the last few is left
            await migrations.patiently(conn, lambda n=n: migrations._install(conn, row, SQL_CODE[: n + 4]))
        kept = await conn.fetch("select nspname from pg_namespace where starts_with(nspname, $1)", f"{row['schema']}$")
        assert len(kept) == migrations._VERSIONS
        await migrations.patiently(conn, lambda: migrations._install(conn, row, SQL_CODE))
    await before.close()


async def test_pending_says_what_is_to_be_done(database: Database, make_tenant: Any, further: Any) -> None:
    tenant = await make_tenant()
    async with database.owner() as conn:
        assert not [each for each in await migrations.pending(conn, SQL_CODE) if each.startswith(f"{tenant.name}:")]
        late = (*SQL_CODE, ("oxl.db", "archive.sql"))
        assert f"{tenant.name}: views and functions" not in await migrations.pending(conn, late)  # it defines none
        assert f"{tenant.name}: views and functions" in await migrations.pending(conn, SQL_CODE[:-1])
        further("select 1")
        assert f"{tenant.name}: tables" in await migrations.pending(conn, SQL_CODE)
