"""Moving a tenant from one database to another while servers run: `oxl tenant move` calls this.

Nothing in a tenant's schema leads out of it, so a tenant can live in any database (a cell) that an installation knows.
What a client was told is never lost: the tenant is closed where it is, its last transaction awaited, its rows are
copied with a proof for each table, and only what proved itself is opened at the other place. While it is nowhere open,
requests are answered 503. Cut short at any point, it is taken up again by the same command.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from oxl.db import archive
from oxl.db.archive import After, Proof, Say
from oxl.db.database import Database
from oxl.db.migrate import Code, create_tenant, drop_tenant
from oxl.db.queries import load

q = load("oxl.db", "tenants.sql")
_GRACE = 10.0  # seconds that the sessions of a tenant which is to move have to end
_LOOKS = 4
Prove = Callable[[asyncpg.Connection], Awaitable[Any]]


class CannotMoveError(RuntimeError):
    """The tenant stays where it is; the text says why."""


async def move(
    source: Database, target: Database, name: str, code: Code, prove: Prove, say: Say, after: After = ()
) -> dict[str, Proof]:
    """Bring a tenant from one database to another; gives what was proved of each table.

    prove: what must be the same there as it was here, on a connection in the tenant's schema.
    CannotMoveError, with the tenant open again where it was, when anything is not.
    """
    states = [await _state(database, name) for database in (source, target)]
    if states[0] is None or states[1] == "here":
        raise CannotMoveError(f"tenant {name} is not in the first database, or is open in the second")
    found: dict[str, Proof] = {}
    if states != ["gone", "arriving"]:  # else it was cut short behind the point from which there is only forward
        say("closing it")
        await _close(source, name)
        try:
            found = await _copy(source, target, name, code, prove, say, after)
        except BaseException:
            await _open(source, name)
            raise
        await _put(source, name, "gone")
    await _open(target, name)
    await drop_tenant(source, name)
    return found


async def holds(database: Database, name: str) -> bool:
    """Whether a tenant is in a database, or is leaving it."""
    return await _state(database, name) in ("here", "leaving", "gone")


async def _state(database: Database, name: str) -> str | None:
    async with database.owner() as conn:
        row = await conn.fetchrow(q.find_tenant, name)
    return row["state"] if row else None


async def _found(conn: asyncpg.Connection, name: str) -> asyncpg.Record:
    row = await conn.fetchrow(q.find_tenant, name)
    if row is None:
        raise CannotMoveError(f"there is no tenant {name!r}")
    return row


async def _put(database: Database, name: str, state: str) -> None:
    async with database.owner() as conn:
        await conn.execute(q.put_tenant, name, state)


async def _close(database: Database, name: str) -> None:
    """Let nobody in, and wait for the end of those who are in."""
    async with database.owner() as conn:
        row = await _found(conn, name)
        await conn.execute(q.put_tenant, name, "leaving")
        await conn.execute(q.let_nobody_in.format(role=row["role"]))
        quiet = 0  # looks at which nobody was there; one who was just coming in is not shown at once
        for _ in range(round(_GRACE / 0.02)):
            await conn.execute(q.end_sessions, row["role"])
            quiet = 0 if await conn.fetchval(q.sessions, row["role"]) else quiet + 1
            if quiet == _LOOKS:
                return
            await asyncio.sleep(0.02)
    raise CannotMoveError(f"sessions of tenant {name} do not end")


async def _open(database: Database, name: str) -> None:
    async with database.owner() as conn:
        row = await _found(conn, name)
        await conn.execute(q.let_in.format(role=row["role"]))
        await conn.execute(q.put_tenant, name, "here")


async def _copy(
    source: Database, target: Database, name: str, code: Code, prove: Prove, say: Say, after: After
) -> dict[str, Proof]:
    """All rows, and the proof that they are the same and mean the same."""
    if await _state(target, name) is not None:  # of a move that was cut short
        await drop_tenant(target, name)
    before = await _proved(source, name, prove)
    async with target.owner() as conn:
        await conn.execute(q.await_tenant, name)
    await create_tenant(target, name, code)
    with tempfile.TemporaryDirectory(prefix="oxl-move-") as folder:
        file = Path(folder) / "tenant.tar.gz"
        await archive.write(source, file, [name], say)
        found = (await archive.restore(target, file, code, say, after))[name]
    if await _proved(target, name, prove) != before:
        await drop_tenant(target, name)
        raise CannotMoveError(f"what is proved of tenant {name} differs between the databases")
    return found


async def _proved(database: Database, name: str, prove: Prove) -> Any:
    async with database.owner() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        row = await _found(conn, name)
        await conn.execute(q.enter.format(schema=row["schema"]))
        return await prove(conn)
