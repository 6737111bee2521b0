"""oxl upgrade: transactions of the new cluster count from its own beginning, and no listener misses an event for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from ground import Ground, quiet
from tests.waiting import until

from oxl.app import SQL_CODE, settle
from oxl.db.database import Database
from oxl.db.embedded import CLUSTER, EmbeddedError, all_binaries, read_record
from oxl.db.migrate import migrate
from oxl.db.upgrade import upgrade
from oxl.operations import audit
from oxl.outbox import audit as notes
from oxl.outbox import outbox
from oxl.settings import Settings
from oxl.verbs import Work

DEBIAN = Path("/usr/lib/postgresql/15/bin")
pytestmark = pytest.mark.skipif(
    not (DEBIAN / "postgres").exists() or max(found.major for found in all_binaries()) <= 15,
    reason="needs Debian's postgresql: apt-get install postgresql",
)
EVENT = (
    "insert into outbox (id, api, event_type, resource, resource_id, at, doc)"
    " values ($1, 'operator', 'E', 'subscriber', 'r', now(), '{}')"
)


def not_now(_: object) -> None:
    raise EmbeddedError("not now")


async def told(conn: asyncpg.Connection, place: outbox.Position, born: str) -> list[str]:
    return [event.id for event in (await outbox.read_after(conn, [("operator", place, born)], 100))[0]]


async def test_events_and_audit_go_on_in_the_new_cluster(bare: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=bare.data)
    monkeypatch.setenv("PGBIN", str(DEBIAN))
    old = await Database.open(settings)
    await migrate(old, SQL_CODE)
    tenant = await old.tenant("default")
    async with tenant.connection() as conn:
        for n in range(3000):  # so many that a new cluster has not come as far
            await conn.execute("select pg_current_xact_id()")
            if n % 1000 == 0:
                await conn.execute(EVENT, f"e{n}")
        async with conn.transaction():
            await outbox.subscribe(conn, "s", b"d", "operator", "https://a.example", "", "x", tenant.clock.now())
        await conn.execute(EVENT, "news")
        await notes.note(conn, [notes.Entry("somebody", "oxl.x:create", "r", "done")])
        async with conn.transaction():
            await audit.seal(Work(conn, tenant.clock.now(), "default"))
        await notes.note(conn, [notes.Entry("somebody", "oxl.y:create", "r", "done")])
    await old.close()
    await until(bare.gone)
    monkeypatch.delenv("PGBIN")
    with pytest.raises(EmbeddedError, match="not now"):
        upgrade(bare.data, quiet, not_now)
    assert read_record(bare.data / CLUSTER)["major"] == 15  # what could not be settled does not count
    before, after = await asyncio.to_thread(upgrade, bare.data, quiet, lambda reach: settle(settings, reach, quiet))
    assert before < after
    new = await Database.open(settings)
    tenant = await new.tenant("default")
    async with tenant.connection() as conn:
        await conn.execute(EVENT, "z-later")
        row = await conn.fetchrow("select xid::text, event_id, born::text from subscription")
        assert await told(conn, outbox.Position(row["xid"], row["event_id"]), row["born"]) == ["news", "z-later"]
        async with conn.transaction():
            await audit.seal(Work(conn, tenant.clock.now(), "default"))
        assert (await audit.walk(conn))[::2] == (2, None)
    await new.close()
