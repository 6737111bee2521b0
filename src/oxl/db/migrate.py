"""Brings the database to this version while others go on working: tables by numbered files, views and functions anew.

Tables are state and are migrated, by files that the version before can live with: it serves beside this one meanwhile.
Views and functions are code: each version's stand in a schema of their own behind the tenant's, and its connections
look there. A migration that would wait for a table's lock gives up soon and tries again; what cannot be done in a
moment, such as an index on a large table, is a file of statements `… concurrently`, which run one by one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files

import asyncpg

from oxl.clock import system_now
from oxl.db.database import ABSENT, Database, Tenant
from oxl.db.online import in_one_go, is_online, statements
from oxl.db.queries import definitions, load
from oxl.db.reach import VERSION, code_schema, role_password
from oxl.values import add_months, id_floor

Code = Sequence[tuple[str, str]]  # (package, .sql file) of everything that defines views and functions, in order

q = load("oxl.db", "tenants.sql")
log = logging.getLogger("oxl")

_PARTITIONED = ("delivery", "outbox", "transfer", "usage")
_MONTHS_AHEAD = 4  # each is planned for by every statement that cannot tell which month it wants
_APPEND_ONLY = ("audit", "audit_link", "transfer")
_VERSIONS = 3  # of views and functions that a tenant has at a time: this one's, and those before it
_TRIES, _PATIENCE = 20, 2  # waits for a lock, and seconds of each


class BusyError(ValueError):
    """A migration that never found a table free."""


def migrations() -> list[tuple[int, str]]:
    """The numbered migrations as (number, SQL), ascending."""
    folder = files("oxl.db").joinpath("migrations")
    found = [(int(file.name[:4]), file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted(found)


async def migrate(database: Database, code: Code, say: Callable[[str], None] = lambda _: None) -> None:
    """Every tenant to this version; the tenant that the settings name is made when it is not there."""
    async with database.owner() as conn:
        await conn.execute(q.lock)
        await conn.execute(q.shared.format())
        await conn.execute(q.keep_secret, secrets.token_urlsafe(32))
        await _ensure_tenant(conn, database.settings.tenant)
        for row in await conn.fetch(q.tenants):
            await _migrate_tenant(conn, row, code, say)
    database.code = version_of(code)


def version_of(code: Code) -> str:
    """The version of views and functions: the name of the schema that holds them, behind the tenant's and a `$`."""
    return _digest(_blocks(code))[:VERSION]


async def pending(conn: asyncpg.Connection, code: Code) -> list[str]:
    """What `migrate` would still do, in words; nothing when every tenant is at this version."""
    newest, version = max(number for number, _ in migrations()), version_of(code)
    found: list[str] = []
    for tenant in await conn.fetch(q.tenants) if await conn.fetchval(q.has_shared) else ():
        async with conn.transaction(readonly=True):
            await conn.execute(q.enter.format(schema=tenant["schema"]))
            if not await conn.fetchval(q.has_tables) or int(await conn.fetchval(q.migrated) or 0) < newest:
                found.append(f"{tenant['name']}: tables")
            elif not await conn.fetchval(q.has_schema, f'"{code_schema(tenant["schema"], version)}"'):
                found.append(f"{tenant['name']}: views and functions")
    return found


async def create_tenant(database: Database, name: str, code: Code) -> None:
    """A new tenant of that name: role, schema, tables, code. Does nothing when it is there already.

    Nobody sees it before all of it is there: the worker takes up whichever tenant it sees.
    """
    async with database.owner() as conn:
        await conn.execute(q.lock)
        async with conn.transaction():
            await _ensure_tenant(conn, name)
            for row in await conn.fetch(q.tenants):
                if row["name"] == name:
                    await _migrate_tenant(conn, row, code, lambda _: None)


async def tenant_names(database: Database) -> list[str]:
    """The tenants that are there, in all cells, but for those on their way."""
    found: list[str] = []
    async for conn in _owners(database):
        found += [row["name"] for row in await conn.fetch(q.served)]
    return sorted(found)


async def _owners(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """An owner's connection to each cell; one that is away is passed over, but for this installation's own."""
    for cell in database.cells:
        try:
            async with database.owner(cell) as conn:
                yield conn
        except ABSENT as error:
            if not cell:
                raise
            log.warning("cell %d is away: %s", cell, error)


async def drop_tenant(database: Database, name: str) -> None:
    """Remove a tenant with its schema, its role and all that is in it; LookupError when there is none."""
    async with database.owner() as conn:
        await conn.execute(q.lock)
        row = await conn.fetchrow(q.find_tenant, name)
        if row is None:
            raise LookupError(f"there is no tenant {name!r}")
        async with conn.transaction():  # committed first, so that nobody comes in while the schema is dropped
            await conn.execute(q.forget_tenant, name)
            await conn.execute(q.let_nobody_in.format(role=row["role"]))
        await conn.fetch(q.end_sessions, row["role"])
        async with conn.transaction():
            for each in await conn.fetch(q.codes, row["schema"]):
                await conn.execute(q.drop_schema.format(code=each["name"]))
            await conn.execute(q.drop_tenant.format(schema=row["schema"], role=row["role"]))


async def _ensure_tenant(conn: asyncpg.Connection, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValueError(f"tenant name {name!r}: lower-case letters, digits and _, starting with a letter")
    schema = role = f"oxl_{name}"
    async with conn.transaction():
        if not await conn.fetchval(q.role_exists, role):
            password = role_password(str(await conn.fetchval(q.secret)), role)
            await conn.execute(q.make_role.format(role=role, password=password))
        await conn.execute(q.make_schema.format(schema=schema))
        await conn.execute(q.keep_tenant, name, schema, role)


async def _migrate_tenant(
    conn: asyncpg.Connection, tenant: Mapping[str, str], code: Code, say: Callable[[str], None]
) -> None:
    done: list[int] = []

    async def look() -> None:
        await conn.execute(q.enter.format(schema=tenant["schema"]))
        done.append(int(await conn.fetchval(q.migrated) or 0) if await conn.fetchval(q.has_tables) else 0)

    await patiently(conn, look)
    due = [(number, sql) for number, sql in migrations() if number > done[0]]

    async def everything() -> None:
        await conn.execute(q.enter.format(schema=tenant["schema"]))
        for number, sql in due:
            say(f"tenant {tenant['name']}: migration {number}")
            await conn.execute(in_one_go(sql))
            await conn.execute(q.keep_version, number)

    if done[0] == 0:  # nobody is in it yet
        await patiently(conn, everything)
    else:
        for number, sql in due:
            say(f"tenant {tenant['name']}: migration {number}")
            await _step(conn, tenant["schema"], number, sql)

    async def finish() -> None:
        await conn.execute(q.enter.format(schema=tenant["schema"]))
        await ensure_partitions(conn, system_now())
        await _install(conn, tenant, code)
        await conn.execute(_granted(tenant))

    await patiently(conn, finish)


async def _step(conn: asyncpg.Connection, schema: str, number: int, sql: str) -> None:
    """One migration of a tenant that is in use."""

    async def change() -> None:
        await conn.execute(q.enter.format(schema=schema))
        if not is_online(sql):
            await conn.execute(sql)
        await conn.execute(q.keep_version, number)

    if is_online(sql):
        await conn.execute(q.enter_for_good.format(schema=schema))
        for row in await conn.fetch(q.half_made):
            await conn.execute(q.drop_index.format(name=row["name"]))
        for statement in statements(sql):
            await conn.execute(statement)
    await patiently(conn, change)


async def patiently(conn: asyncpg.Connection, step: Callable[[], Awaitable[None]]) -> None:
    """Run a step in a transaction; when it cannot have a lock it lets everybody else by and begins again."""
    for n in range(_TRIES):
        try:
            async with conn.transaction():
                await conn.execute(q.patience.format(seconds=_PATIENCE))
                return await step()
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(min(0.1 * 2**n, _PATIENCE))
    raise BusyError("a table was never free for a change: who holds it is in pg_stat_activity; try again later")


async def keep_partitions(database: Database) -> None:
    """Every tenant's partitions for the months ahead; the worker asks for this now and then."""
    async for conn in _owners(database):
        for tenant in await conn.fetch(q.tenants):

            async def keep(conn: asyncpg.Connection = conn, tenant: Mapping[str, str] = tenant) -> None:
                await conn.execute(q.enter.format(schema=tenant["schema"]))
                await ensure_partitions(conn, system_now())
                await conn.execute(_granted(tenant))

            await patiently(conn, keep)


async def drop_empty_partitions(database: Database, tenant: Tenant, table: str, before: datetime) -> list[str]:
    """Drop a table's partitions of months that had ended by then and in which nothing is left; which they were."""
    dropped: list[str] = []
    async with database.owner(tenant.cell) as conn:

        async def drop() -> None:
            dropped.clear()
            await conn.execute(q.enter.format(schema=tenant.path))
            for row in await conn.fetch(q.month_partitions, table, f"{table}_{before.astimezone(UTC):%Y_%m}"):
                await conn.execute(q.lock_partition.format(table=row["name"]))
                if await conn.fetchval(q.is_empty.format(table=row["name"])):
                    await conn.execute(q.drop_partition.format(table=row["name"]))
                    dropped.append(row["name"])

        await patiently(conn, drop)
    return dropped


@asynccontextmanager
async def as_owner(database: Database, tenant: Tenant) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of the owner's in a tenant: for what the tenant's role may not."""
    async with database.owner(tenant.cell) as conn, conn.transaction():
        await conn.execute(q.enter.format(schema=tenant.path))
        yield conn


def _granted(tenant: Mapping[str, str]) -> str:
    return q.grant.format(schema=tenant["schema"], role=tenant["role"], append_only=", ".join(_APPEND_ONLY))


async def ensure_partitions(conn: asyncpg.Connection, now: datetime) -> None:
    """Monthly partitions of the big tables from this month on, and a default one for what lies outside."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for table in _PARTITIONED:
        await conn.execute(q.other_partition.format(table=table))
        for ahead in range(_MONTHS_AHEAD):
            start, end = add_months(month, ahead), add_months(month, ahead + 1)
            bounds = {"start": id_floor(start), "end": id_floor(end)}
            with suppress(asyncpg.CheckViolationError):  # rows came before their month's partition: they stay outside
                async with conn.transaction():
                    await conn.execute(q.month_partition.format(table=table, month=f"{start:%Y_%m}", **bounds))


async def _install(conn: asyncpg.Connection, tenant: Mapping[str, str], code: Code) -> None:
    """This version's views and functions beside those of the versions before, which may still be serving."""
    blocks = _blocks(code)
    digest = _digest(blocks)
    schema, name = tenant["schema"], code_schema(tenant["schema"], digest[:VERSION])
    await conn.execute(q.enter.format(schema=schema))
    if not await conn.fetchval(q.has_schema, f'"{name}"'):
        await conn.execute(q.drop_code)
        await conn.execute(q.make_code.format(code=name, schema=schema))
        for block in blocks:
            await conn.execute(block)
        await conn.execute(q.enter.format(schema=schema))
        await conn.execute(q.show_code.format(code=name, role=tenant["role"]))
        for row in (await conn.fetch(q.codes, schema))[_VERSIONS:]:
            await conn.execute(q.drop_schema.format(code=row["name"]))
    await conn.execute(q.keep_code_hash, digest)


def _blocks(code: Code) -> list[str]:
    return [block for package, file in code for block in definitions(package, file).values()]


def _digest(blocks: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(blocks).encode()).hexdigest()
