"""Connections: one process's door to its PostgreSQL, and through it to each tenant.

A tenant's connections log in as the tenant's own role, which sees its own schema and no other; they are kept on a free
list of bounded length, because the driver's pool costs more than the statements that run on it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from oxl.clock import Clock, skew_of
from oxl.db import embedded
from oxl.db.faults import NONE, faults_of
from oxl.db.leading import check_safe, connect
from oxl.db.queries import load
from oxl.db.reach import SESSION, VERSION, addresses_of, code_schema, limits_of, patience_of, role_password
from oxl.settings import Settings

q = load("oxl.db", "tenants.sql")
log = logging.getLogger("oxl")
_NOTEWORTHY = timedelta(seconds=1)

# Failures of the database's presence, and of a race between transactions; neither is a fault of what was asked.
ABSENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a leader that was: another one has taken over
    OSError,
)
LOST_RACE = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)


class UnknownTenantError(LookupError):
    """No tenant of that name has been made in this database."""


class TenantAwayError(asyncpg.InvalidAuthorizationSpecificationError, ConnectionError):
    """A tenant was erased, or is on its way to another database: whoever holds it asks for it anew."""


class Tenant:
    """One tenant: its clock, and a bounded free list of connections bound to its role and schema."""

    def __init__(self, name: str, connect: dict[str, Any], limit: int, cell: int = 0) -> None:
        self.name = name
        self.cell = cell  # the database it lives in, as `Database.owner` counts them
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
                    return await connect(**self._connect)
                except BaseException as error:
                    self._open -= 1
                    self._wake()
                    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
                        self._closed = True
                        raise TenantAwayError(f"tenant {self.name} is not here: {error}") from None
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
        """A connection of this tenant; it goes back unless it broke or is mid-transaction.

        UnsafeCommitError at the end, where something was committed that a standby may not have.
        """
        conn = await self._take()
        sound = False
        try:
            yield conn
            check_safe(conn)
            sound = True
        except asyncpg.PostgresError as error:
            # The server has answered; after anything else a statement may still be on its way.
            sound = not isinstance(error, asyncpg.ReadOnlySQLTransactionError)
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
        """Read the clock that an operator may have set anywhere, and by how much this machine's is out."""
        async with self.connection() as conn:
            before = self.clock.source()
            row = await conn.fetchrow(q.clock)
            assert row is not None  # noqa: S101 – there is always one
            skew = skew_of(row["told"], before, self.clock.source())
        if skew != self.clock.skew and abs(skew - self.clock.skew) > _NOTEWORTHY:
            log.warning("this machine's clock is %s from the database's, which decides", -skew)
        self.clock.skew = skew
        self.clock.offset = row["shift"] or timedelta(0)
        self.clock.frozen = row["frozen"]
        self.faults = faults_of(row["faults"])

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
        self._others = [{"dsn": url} for url in addresses_of(settings.cells)]
        self._tenants: dict[str, Tenant] = {}

    async def keep(self) -> None:
        """Join again when the embedded server was lost, and read the tenants' clocks; to be called now and then."""
        if self.lease is not None and self.lease.lost:
            self.lease.close()
            self.lease = await asyncio.to_thread(embedded.join, self.settings.data, lambda _: None)
            self._owner |= {"host": self.lease.host, "port": self.lease.port}
            for tenant in self._tenants.values():
                if not tenant.cell:
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

    @property
    def cells(self) -> range:
        """The databases in which tenants live, by number; 0 is this installation's own."""
        return range(1 + len(self._others))

    def _cell(self, number: int) -> dict[str, Any]:
        return self._others[number - 1] if number else self._owner

    @asynccontextmanager
    async def owner(self, cell: int = 0) -> AsyncIterator[asyncpg.Connection]:
        """A connection that owns the schemas: for migrations, tenants, partitions and backups, never for requests."""
        conn = await connect(**self._cell(cell), server_settings=SESSION | {"application_name": "oxl-owner"})
        try:
            yield conn
        finally:
            await conn.close()

    async def tenant(self, name: str) -> Tenant:
        """The tenant called `name`, in whichever cell it lives.

        UnknownTenantError when it was never made, TenantAwayError while it moves.
        """
        if name not in self._tenants or self._tenants[name].is_closed:
            cell, row, path = await self._find(name)
            tenant = Tenant(
                name,
                self._cell(cell)
                | {
                    "user": row["role"],
                    "password": role_password(row["secret"], row["role"]),
                    "server_settings": SESSION
                    | {"search_path": path, "application_name": "oxl"}
                    | limits_of(self.statement_seconds),
                }
                | patience_of(self.statement_seconds),
                self.settings.connections,
                cell,
            )
            await tenant.refresh_clock()
            self._tenants[name] = tenant
        return self._tenants[name]

    async def _find(self, name: str) -> tuple[int, asyncpg.Record, str]:
        """The cell of a tenant, how it is found there, and its search_path."""
        moving, lost = False, None
        for cell in self.cells:
            try:
                async with self.owner(cell) as conn:
                    row = await conn.fetchrow(q.find_tenant, name)
                    if row is not None and row["state"] == "here":
                        return cell, row, await self._path(conn, row["schema"])
            except ABSENT as error:  # the tenants of the other cells go on
                lost = error
                continue
            moving = moving or row is not None
        if lost is not None:
            raise lost
        if moving:
            raise TenantAwayError(f"tenant {name!r} is on its way to another database")
        raise UnknownTenantError(f"there is no tenant {name!r} here; `oxl migrate` makes it")

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
