"""A tenant that is there to be tried out: its clock is moved, faults are set, and it is emptied to begin anew."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from oxl.db.database import Database, Tenant
from oxl.db.faults import Faults, text_of
from oxl.db.queries import load

q = load("oxl.db", "sandbox.sql")


class Unfinished(NamedTuple):
    """An action that a worker is to do, with what its client sent, as JSON text."""

    id: str
    body: str


async def is_marked(conn: Any) -> bool:
    """Whether the tenant is a sandbox, whoever may come in."""
    return bool(await conn.fetchval(q.is_marked))


async def mark(conn: Any, is_sandbox: bool) -> None:
    """Make the tenant a sandbox, or no longer."""
    await conn.execute(q.mark, is_sandbox)


async def move_to(conn: Any, moment: datetime) -> None:
    """Have the tenant's clock show an instant now, and go on from there."""
    await conn.execute(q.shift, moment)


async def set_faults(conn: Any, faults: Faults) -> None:
    """What is to go wrong from now on."""
    await conn.execute(q.set_faults, text_of(faults))


async def keep(conn: Any, action_id: str, kind: str, state: str, at: datetime, body: str) -> None:
    """Keep what was done, or is to be done by a worker."""
    await conn.execute(q.keep, action_id, kind, state, at, body)


async def unfinished(conn: Any) -> Unfinished | None:
    """The oldest action that is not done."""
    row = await conn.fetchrow(q.unfinished)
    return Unfinished(row["id"], row["body"]) if row else None


async def tell(conn: Any, action_id: str, state: str, note: str) -> None:
    """How far an action is."""
    await conn.execute(q.tell, action_id, state, note)


async def empty(database: Database, tenant: Tenant) -> None:
    """Empty a tenant of everything but keys, audit and what it is, and have its clock go with the machine's."""
    async with tenant.connection() as conn:
        tables = await conn.fetchval(q.tables)
        await conn.execute(q.reset_clock)
    async with database.owner(tenant.cell) as conn:
        await conn.execute(q.empty.format(tables=tables))
    await tenant.refresh_clock()
