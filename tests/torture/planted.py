"""Eight bugs, each of which would break a promise, planted by tests alone to prove that the tests see them.

The product has no switch for any of them: SQL bugs are planted in the tenant's schema, others in the modules of the
process that imports this. Nothing under src/ knows of this file, and it is in no package that is built.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg

from oxl.db.database import Tenant
from oxl.engines.ledger import posting
from oxl.kernel import handle
from oxl.outbox import outbox

_HORIZON = "o.xid < pg_snapshot_xmin(pg_current_snapshot())"


class Bug(NamedTuple):
    """A bug: what it is, SQL for the tenant's schema (other: another tenant's), statements to be worded otherwise."""

    what: str
    sql: str = ""
    worded: Sequence[tuple[Any, str, str, str]] = ()  # (statements, name, text, what it becomes)
    done: Callable[[], None] | None = None


class _Borrowed:
    """A tenant that gives one connection, in a transaction that its lender ends."""

    def __init__(self, tenant: Tenant, conn: asyncpg.Connection) -> None:
        self.name, self.clock, self._conn = tenant.name, tenant.clock, conn

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        yield self._conn


def _answer_before_the_commit() -> None:
    """Every group is answered while its transaction is still open, which is committed a moment later."""
    plain, ending = handle.group, set()

    async def group(tenant: Tenant, *rest: Any, **more: Any) -> Any:
        lent = tenant.connection()
        conn = await lent.__aenter__()
        transaction = conn.transaction()
        await transaction.start()
        try:
            answers = await plain(_Borrowed(tenant, conn), *rest, **more)  # type: ignore[arg-type]
        except BaseException:
            await transaction.rollback()
            await lent.__aexit__(None, None, None)
            raise

        async def end() -> None:
            await asyncio.sleep(0.05)
            await transaction.commit()
            await lent.__aexit__(None, None, None)

        task = asyncio.create_task(end())
        ending.add(task)
        task.add_done_callback(ending.discard)
        return answers

    for module in list(sys.modules.values()):
        if getattr(module, "group", None) is plain:
            module.group = group  # type: ignore[attr-defined]


_EVERYWHERE = "grant usage on schema {other} to {role}; grant select on all tables in schema {other} to {role}"
_UNFENCED = [(outbox.q, "settle", "where id = $1 and fence = $2", "where id = $1 and $2::bigint > 0")]
_UNBOUNDED = [(outbox.q, name, f"and {_HORIZON}", "") for name in ("read_after", "lease")]
_UNLOCKED = [(posting.q, "lock", "for no key update", "")]
BUGS = {
    "commit not awaited": Bug("synchronous_commit is off: a commit is acknowledged before it is on disk"),
    "answer before commit": Bug(
        "an answer is sent before its transaction is committed", done=_answer_before_the_commit
    ),
    "no unique key": Bug("everybody claims a key", "alter table idempotency drop constraint idempotency_pkey"),
    "no record of records": Bug("a record is taken twice", "alter table usage_key drop constraint usage_key_pkey"),
    "read then write": Bug("buckets are read without a lock, and written later", worded=_UNLOCKED),
    "outbox by id": Bug("events are read whatever transactions are still open", worded=_UNBOUNDED),
    "fence ignored": Bug("whoever once held a lease settles", worded=_UNFENCED),
    "no walls": Bug("a tenant's role may read the other tenants", _EVERYWHERE),
}


def plant(name: str) -> Callable[[], None]:
    """Plant a bug in this process; what it gives takes it out again, where that can be done."""
    bug, before = BUGS[name], []
    for statements, statement, text, becomes in bug.worded:
        plain = getattr(statements, statement)
        assert text in plain, f"{statement} is worded otherwise now: plant {name!r} anew"
        before.append((statements, statement, plain))
        setattr(statements, statement, plain.replace(text, becomes))
    if bug.done:
        bug.done()

    def pull() -> None:
        for each in before:
            setattr(*each)

    return pull


async def plant_sql(owner: asyncpg.Connection, name: str, tenant: str) -> None:
    """Plant the part of a bug that is in a tenant's schema."""
    if not (sql := BUGS[name].sql):
        return
    others = await owner.fetch("select schema from oxl.tenant where name <> $1 order by name limit 1", tenant)
    other = others[0]["schema"] if others else ""
    await owner.execute(f"set search_path = oxl_{tenant}; {sql.format(other=other, role=f'oxl_{tenant}')}")
