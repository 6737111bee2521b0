"""P2: a commit that waits for its synchronous standby is not acknowledged, by whichever way it is asked about."""

from __future__ import annotations

from tests.conftest import BALANCE, DEMO_CATALOG, NOON, USAGE, usage_body
from tests.engines.books import GERMANY, fetch
from tests.torture.doors import doors
from tests.torture.postgres import postgres
from tests.torture.scenarios import MICRO, line, top_up

from oxl.db.database import Database
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel.background import once


async def _standby(database: Database, name: str) -> None:
    """Have commits wait for a standby of that name; '' for none."""
    async with database.owner() as conn:
        await conn.execute(f"alter system set synchronous_standby_names = '{name}'")
        await conn.execute("select pg_reload_conf()")


async def test_what_no_standby_has_is_acknowledged_to_nobody() -> None:
    async with postgres() as server:
        database = await server.open()
        tenant = await database.tenant("default")
        tenant.clock.frozen = NOON
        await once(tenant, lambda work: registry.publish(work, read_texts(DEMO_CATALOG)))
        tenant._connect["command_timeout"] = 1.0  # as a server's, so that a commit is given up
        async with doors(tenant, 2) as (door, other):
            bucket, number = await line(door)
            await other.ask("GET", f"{BALANCE}/bucket/{bucket}")
            record = usage_body("sms", number, destinationPhoneNumber=GERMANY, messageCount=1)
            await _standby(database, "nobody")
            asked = [
                ("topupBalance", f"{BALANCE}/topupBalance", top_up(bucket, MICRO), "key"),
                ("record", USAGE, record, ""),
            ]
            for what, path, body, key in asked:
                for _ in range(2):
                    for each in (door, other):
                        said = await each.ask("POST", path, body, key)
                        assert said.status == 503, (what, said)
            await _standby(database, "")
            assert (await door.ask("POST", f"{BALANCE}/topupBalance", top_up(bucket, MICRO), "key")).status == 201
            assert (await door.ask("POST", USAGE, record)).status in (201, 409)
            assert [row["n"] for row in await fetch(tenant, "select count(*) as n from usage")] == [1]
            (row,) = await fetch(tenant, "select count(*) as n from balance_action")
            assert row["n"] == 1
        await database.close()
