"""Connections: one process's door to its PostgreSQL, and through it to each tenant.

A tenant's connections log in as the tenant's own role, which sees its own schema and no other; they are kept on a free
list of bounded length, because the driver's pool costs more than the statements that run on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from oxl.clock import Clock
from oxl.db import embedded
from oxl.db.faults import NONE, faults_of
from oxl.db.queries import load
from oxl.settings import Settings

q = load("oxl.db", "tenants.sql")

# Failures of the database's presence, and of a race between transactions; neither is a fault of what was asked.
ABSENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    OSError,
)
LOST_RACE = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


VERSION = 8  # letters of the hash of views and functions that name their schema


def code_schema(schema: str, version: str) -> str:
    """The schema of a version's views and functions; no tenant's name has a `$`."""
    return f"{schema}${version}"


class UnknownTenantError(LookupError):
    """No tenant of that name has been made in this database."""


class Tenant:
    """One tenant: its clock, and a bounded free list of connections bound to its role and schema."""

    def __init__(self, name: str, connect: dict[str, Any], limit: int) -> None:
        self.name = name
        self.clock = Clock()
        self.faults = NONE
        self._connect = connect
        self._limit = limit
        self._open = 0
        self._free: list[asyncpg.Connection] = []
        self._closed = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def path(self) -> str:
        """Where its tables, views and functions are: a search_path."""
        return self._connect["server_settings"]["search_path"]

    @property
    def is_closed(self) -> bool:
        """Whether it was closed: whoever still holds it asks for it anew."""
        return self._closed

    def secret(self, purpose: str) -> bytes:
        """A key of the tenant for one purpose: the same in every process of this installation and after restarts."""
        return hmac.digest(self._connect["password"].encode(), purpose.encode(), "sha256")

    async def _take(self) -> asyncpg.Connection:
        while True:
            while self._free:
                conn = self._free.pop()
                if not conn.is_closed():
                    return conn
                self._open -= 1
            if self._open < self._limit:
                self._open += 1
                try:
                    return await asyncpg.connect(**self._connect)
                except BaseException:
                    self._open -= 1
                    self._wake()
                    raise
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it had been given a turn already, which goes to the next
                    self._wake()
                raise
            finally:
                with suppress(ValueError):
                    self._waiting.remove(turn)

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of this tenant, for reads; it goes back unless it broke or is mid-transaction."""
        conn = await self._take()
        sound = False
        try:
            yield conn
            sound = True
        except asyncpg.PostgresError:
            sound = True  # the server has answered; after anything else a statement may still be on its way
            raise
        finally:
            if not sound or self._closed or conn.is_closed() or conn.is_in_transaction():
                self._open -= 1
                conn.terminate()
            else:
                self._free.append(conn)
            self._wake()

    def move(self, host: str, port: int) -> None:
        """The server lives at another address now; connections that still stand are used up where they are."""
        self._connect |= {"host": host, "port": port}

    async def refresh_clock(self) -> None:
        """Read the clock an operator may have set, in this process or another."""
        async with self.connection() as conn:
            row = await conn.fetchrow(q.clock)
        self.clock.offset = row["shift"] if row else timedelta(0)
        self.clock.frozen = row["frozen"] if row else None
        self.faults = faults_of(row["faults"]) if row else NONE

    async def set_clock(self, shift: timedelta, frozen: datetime | None) -> None:
        """Shift or freeze the tenant's time, for every process; `refresh_clock` brings it to the others."""
        async with self.connection() as conn:
            await conn.execute(q.set_clock, shift, frozen)
        await self.refresh_clock()

    async def close(self) -> None:
        """Close the idle connections now, and those at work when they are done."""
        self._closed = True
        while self._free:
            await self._free.pop().close()
            self._open -= 1


class Database:
    """This process's PostgreSQL: embedded (joined by a lease) or external; hands out its tenants."""

    def __init__(self, settings: Settings, owner: dict[str, Any], lease: embedded.Lease | None) -> None:
        self.settings = settings
        self.lease = lease
        self.code = ""  # the version of views and functions to look at; empty: the newest
        self.statement_seconds = 0  # how long a statement of a tenant may take; 0: as long as it wants
        self._owner = owner
        self._tenants: dict[str, Tenant] = {}

    async def keep(self) -> None:
        """Join again when the embedded server was lost, and read the tenants' clocks; to be called now and then."""
        if self.lease is not None and self.lease.lost:
            self.lease.close()
            self.lease = await asyncio.to_thread(embedded.join, self.settings.data, lambda _: None)
            self._owner |= {"host": self.lease.host, "port": self.lease.port}
            for tenant in self._tenants.values():
                tenant.move(self.lease.host, self.lease.port)
        for tenant in list(self._tenants.values()):
            try:
                await tenant.refresh_clock()
            except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.UndefinedTableError):  # it was erased
                await self.forget(tenant.name)

    @classmethod
    async def open(cls, settings: Settings, say: Callable[[str], None] = lambda _: None) -> Database:
        """Join or start the database that the settings name; `say` is told of progress."""
        if settings.database_url:
            return cls(settings, {"dsn": settings.database_url}, None)
        lease = await asyncio.to_thread(embedded.join, settings.data, say)
        owner = {"host": lease.host, "port": lease.port, "database": lease.database}
        return cls(settings, owner | {"user": lease.user, "password": lease.password}, lease)

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that owns the schemas: for migrations, tenants, partitions and backups, never for requests."""
        conn = await asyncpg.connect(**self._owner, server_settings={"application_name": "oxl-owner"})
        try:
            yield conn
        finally:
            await conn.close()

    async def tenant(self, name: str) -> Tenant:
        """The tenant called `name`; UnknownTenantError when it was never made."""
        if name not in self._tenants:
            async with self.owner() as conn:
                row = await conn.fetchrow(q.find_tenant, name)
                path = await self._path(conn, row["schema"]) if row else ""
            if row is None:
                raise UnknownTenantError(f"there is no tenant {name!r} here; `oxl migrate` makes it")
            tenant = Tenant(
                name,
                self._owner
                | {
                    "user": row["role"],
                    "password": role_password(row["secret"], row["role"]),
                    "server_settings": {"search_path": path, "application_name": "oxl", "jit": "off"}
                    | limits_of(self.statement_seconds),
                },
                self.settings.connections,
            )
            await tenant.refresh_clock()
            self._tenants[name] = tenant
        return self._tenants[name]

    async def _path(self, conn: asyncpg.Connection, schema: str) -> str:
        """Where a tenant's tables are, and behind them the views and functions of the version that this process is."""
        version = self.code or (await conn.fetchval(q.newest_code.format(schema=schema)) or "")[:VERSION]
        code = code_schema(schema, version)
        if not await conn.fetchval(q.has_schema, f'"{code}"'):
            raise UnknownTenantError(
                f"{schema} has not the views and functions of this version; `oxl migrate` brings them"
            )
        return f'{schema},"{code}"'

    def opened(self) -> list[Tenant]:
        """The tenants that are open now."""
        return list(self._tenants.values())

    async def forget(self, name: str) -> None:
        """Close a tenant that nobody has asked for in a while; asked for again it is opened again."""
        if tenant := self._tenants.pop(name, None):
            await tenant.close()

    async def close(self) -> None:
        """Close every connection and give the lease back."""
        for tenant in self._tenants.values():
            await tenant.close()
        if self.lease is not None:
            self.lease.close()


def limits_of(seconds: int) -> dict[str, str]:
    """The settings of a session whose statements take so long at most, and half of that to wait for a lock."""
    if not seconds:
        return {}
    limits = {"statement_timeout": seconds, "lock_timeout": seconds / 2, "idle_in_transaction_session_timeout": seconds}
    return {name: str(round(limit * 1000)) for name, limit in limits.items()}


def role_password(secret: str, role: str) -> str:
    """The password of a tenant's role: derived, so that every process of this installation knows it."""
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()
