"""Brings the database to this version: tenants' tables by numbered files, views and functions anew when they changed.

Tables are state and are migrated; views and functions are code and are replaced. Each tenant is done in a transaction
of its own, so that one that fails leaves the others as they were.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files

import asyncpg

from oxl.clock import system_now
from oxl.db.database import Database, role_password
from oxl.db.queries import definitions, load
from oxl.values import add_months, id_floor

Code = Sequence[tuple[str, str]]  # (package, .sql file) of everything that defines views and functions, in order

q = load("oxl.db", "tenants.sql")

_PARTITIONED = ("delivery", "outbox", "transfer", "usage")
_MONTHS_AHEAD = 4  # each is planned for by every statement that cannot tell which month it wants
_APPEND_ONLY = ("audit", "audit_link", "transfer")


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


async def pending(conn: asyncpg.Connection, code: Code) -> list[str]:
    """What `migrate` would still do, in words; nothing when every tenant is at this version."""
    newest = max(number for number, _ in migrations())
    found: list[str] = []
    for tenant in await conn.fetch(q.tenants) if await conn.fetchval(q.has_shared) else ():
        async with conn.transaction(readonly=True):
            await conn.execute(q.enter.format(schema=tenant["schema"]))
            if not await conn.fetchval(q.has_tables) or int(await conn.fetchval(q.migrated) or 0) < newest:
                found.append(f"{tenant['name']}: tables")
            elif await conn.fetchval(q.code_hash) != _digest(_blocks(code)):
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
    """The tenants that are there."""
    async with database.owner() as conn:
        return [row["name"] for row in await conn.fetch(q.tenants)]


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
    async with conn.transaction():
        await conn.execute(q.enter.format(schema=tenant["schema"]))
        done = int(await conn.fetchval(q.migrated) or 0) if await conn.fetchval(q.has_tables) else 0
        for number, sql in migrations():
            if number > done:
                say(f"tenant {tenant['name']}: migration {number}")
                await conn.execute(sql)
                await conn.execute(q.keep_version, number)
        await ensure_partitions(conn, system_now())
        await _replace_code(conn, code)
        await conn.execute(_granted(tenant))


async def keep_partitions(database: Database) -> None:
    """Every tenant's partitions for the months ahead; the worker asks for this now and then."""
    async with database.owner() as conn:
        for tenant in await conn.fetch(q.tenants):
            async with conn.transaction():
                await conn.execute(q.enter.format(schema=tenant["schema"]))
                await ensure_partitions(conn, system_now())
                await conn.execute(_granted(tenant))


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


async def _replace_code(conn: asyncpg.Connection, code: Code) -> None:
    blocks = _blocks(code)
    digest = _digest(blocks)
    if await conn.fetchval(q.code_hash) == digest:
        return
    await conn.execute(q.drop_code)
    for block in blocks:
        await conn.execute(block)
    await conn.execute(q.keep_code_hash, digest)


def _blocks(code: Code) -> list[str]:
    return [block for package, file in code for block in definitions(package, file).values()]


def _digest(blocks: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(blocks).encode()).hexdigest()
