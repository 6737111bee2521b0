"""The version that was released last becomes this one: its rows come along, and its processes serve on meanwhile."""

from __future__ import annotations

import tarfile
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.apis.conftest import RESOURCES, place
from tests.conftest import BALANCE, USAGE, client_of, usage_body
from tests.db.released import PLACE, told
from tests.engines.books import fetch, sound

from oxl.app import AFTER_RESTORE, SQL_CODE
from oxl.cli.seed import KATE
from oxl.db import archive, migrate
from oxl.db.archive import read_manifest
from oxl.db.database import Database, Tenant
from oxl.db.reach import code_schema
from oxl.engines.billing import read
from oxl.kernel.background import once
from oxl.operations import audit

NAME = "released"
ROW = {"name": NAME, "schema": f"oxl_{NAME}", "role": f"oxl_{NAME}"}
OLD, AGAIN = "released", "again"  # the released version's views and functions, before and after
# What that version's own proof said of these rows: a cycle's bill after an interim one took a fee for not charged.
ITS_OWN = {"accounts whose fees are not the sum of their lines: 2"}
# What the version before may not do any more beside this one: (file, statement) and why.
BROKEN: dict[tuple[str, str], str] = {}


async def install(conn: asyncpg.Connection, version: str, blocks: list[str]) -> None:
    """A version's views and functions, as it would have installed them."""
    name = code_schema(ROW["schema"], version)
    await conn.execute(f'create schema "{name}"; set search_path = "{name}", {ROW["schema"]}')
    for block in blocks:
        await conn.execute(block)
    await conn.execute(f'grant usage on schema "{name}" to {ROW["role"]}; set search_path = {ROW["schema"]}')


async def fill(conn: asyncpg.Connection) -> None:
    """The rows that it left."""
    await conn.execute("set timezone = 'UTC'")
    with tarfile.open(PLACE / "rows.tar.gz") as tar:
        members = {member.name.partition("/")[2]: member for member in tar.getmembers()}
        for table in [row["name"] for row in await conn.fetch(archive.q.tables)]:
            columns = members[table].pax_headers["columns"].split(",")
            await conn.copy_to_table(table, source=tar.extractfile(members[table]), columns=columns)


@pytest.fixture(scope="module")
async def old(database: Database) -> AsyncIterator[Tenant]:
    """A tenant of the released version, as its processes see it: now, and when this version has come."""
    left = told()
    async with database.owner() as conn:
        await migrate._ensure_tenant(conn, NAME)
        async with conn.transaction():
            await conn.execute(f"set local search_path = {ROW['schema']}")
            for number, sql in left["migrations"]:
                await conn.execute(sql)
                await conn.execute(migrate.q.keep_version, number)
            await migrate.ensure_partitions(conn, migrate.system_now())
        await conn.execute(f"set search_path = {ROW['schema']}")
        await fill(conn)
        await install(conn, OLD, left["code"])
        await conn.execute(migrate._granted(ROW))
    before = Database(database.settings, database._owner, None)
    before.code = OLD
    tenant = await before.tenant(NAME)
    assert await cannot(tenant, left["statements"]) == []  # as it was, all of it works
    yield tenant
    await before.close()


@pytest.fixture(scope="module")
async def upgraded(database: Database, old: Tenant) -> Tenant:
    """The same tenant, migrated to this version."""
    assert old.name == NAME
    async with database.owner() as conn:
        await migrate._migrate_tenant(conn, ROW, SQL_CODE, lambda _: None)
    await archive.settle(database, AFTER_RESTORE)
    tenant = await database.tenant(NAME)
    tenant.clock.frozen = old.clock.frozen
    return tenant


async def cannot(tenant: Tenant, statements: dict[str, dict[str, str]]) -> list[str]:
    """The statements that the database refuses to prepare, with its reason."""
    faults = []
    async with tenant.connection() as conn:
        for file, named in statements.items():
            for name, sql in named.items():
                if "{" not in sql and ";" not in sql and (file, name) not in BROKEN:
                    try:
                        await conn.prepare(sql)
                    except asyncpg.PostgresError as error:
                        faults.append(f"{file} {name}: {error}")
    return faults


def test_a_released_migration_is_never_changed() -> None:
    kept = [tuple(each) for each in told()["migrations"]]
    assert migrate.migrations()[: len(kept)] == kept, "make a further migration instead"


async def test_every_row_has_come_along(upgraded: Tenant) -> None:
    manifest = read_manifest(PLACE / "rows.tar.gz")["tenants"]["default"]
    there = {
        row["name"]
        for row in await fetch(
            upgraded, "select relname as name from pg_class where relnamespace = current_schema::regnamespace"
        )
    }
    counts = {}
    for table in set(manifest) & there:
        (row,) = await fetch(upgraded, f"select count(*) as n from {table}")
        counts[table] = row["n"]
    assert counts == {table: rows for table, (rows, _) in manifest.items() if table in there}
    assert counts["usage"] > 200
    assert counts["bill"] > 0


async def test_every_proof_holds_and_every_list_answers(upgraded: Tenant) -> None:
    await sound(upgraded)
    assert set(await once(upgraded, read.proof)) <= ITS_OWN
    while await once(upgraded, audit.seal):
        continue
    async with upgraded.connection() as conn:
        assert (await audit.walk(conn)).broken is None
    async with client_of(upgraded) as http:  # it holds every answer against the contract
        for api, resource in RESOURCES:
            answer = await http.get(place(api, resource))
            assert answer.status_code in (200, 206), answer.text


async def test_work_goes_on(upgraded: Tenant) -> None:
    async with client_of(upgraded) as http:
        call = usage_body("sms", KATE, "2026-06-20T10:00:00Z", destinationPhoneNumber="+493012345")
        answer = await http.post(USAGE, json=call)
        assert answer.status_code == 201, answer.text
        main = (await http.get(f"{BALANCE}/bucket?usageType=monetary&limit=1")).json()[0]
        body = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": main["id"]}}
        assert (await http.post(f"{BALANCE}/topupBalance", json=body)).status_code == 201
    await sound(upgraded)


async def test_the_released_version_serves_on_beside_this_one(
    database: Database, old: Tenant, upgraded: Tenant
) -> None:
    left = told()
    assert upgraded.path != old.path
    faults = await cannot(old, left["statements"])
    assert faults == [], "a table may only gain what the version before can live without; see CONTRIBUTING"
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {ROW['schema']}")
        await install(conn, AGAIN, left["code"])  # every function is read again, against the tables as they are now
    async with old.connection() as conn:
        assert await conn.fetchval("select count(*) from ledger_bucket(now())") > 0
        assert await conn.fetchval("select count(*) from usage_record()") > 200


def test_every_exception_has_its_reason() -> None:
    statements: Any = told()["statements"]
    assert all(reason and name in statements[file] for (file, name), reason in BROKEN.items())
