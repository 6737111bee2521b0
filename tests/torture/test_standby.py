"""P2: a commit that waits for its synchronous standby is not acknowledged, by whichever way it is asked about."""

from __future__ import annotations

import pytest
from tests.conftest import BALANCE, DEMO_CATALOG, NOON, USAGE, usage_body
from tests.engines.books import GERMANY, fetch
from tests.torture.doors import doors
from tests.torture.postgres import postgres
from tests.torture.scenarios import MICRO, line, top_up
from tests.waiting import until

from oxl.db.database import Database, Tenant
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel import handle
from oxl.kernel.background import once

TOPUPS = f"{BALANCE}/topupBalance"
CANCEL = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"


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
        hasty = Tenant(tenant.name, tenant._connect | {"command_timeout": 1.5}, 3)  # as a server's, which gives up
        hasty.clock = tenant.clock
        async with doors(tenant, 1) as (calm,), doors(hasty, 2) as both:
            bucket, number = await line(calm)
            record = usage_body("sms", number, destinationPhoneNumber=GERMANY, messageCount=1)
            paths = {TOPUPS: (top_up(bucket, MICRO), "key"), USAGE: (record, "")}
            await _standby(database, "nobody")
            for path, asked in paths.items():
                for door in (*both, *both):
                    said = await door.ask("POST", path, *asked)
                    assert said.status == 503, (path, said)

            async def given_up() -> bool:
                """Its wait is cancelled, as a driver does that gives up: it is seen then, and no standby has it."""
                async with database.owner() as conn:
                    await conn.execute(CANCEL)
                if await fetch(tenant, "select from idempotency where key = 'key' and status is not null"):
                    return True
                await both[0].ask("POST", TOPUPS, *paths[TOPUPS])
                return False

            await until(given_up)
            with pytest.MonkeyPatch.context() as patch:  # without what makes it wait it is acknowledged
                patch.setattr(handle.q, "stand", "select 1")
                assert (await calm.ask("POST", TOPUPS, *paths[TOPUPS])).status == 201
            await _standby(database, "")
            told = [(await calm.ask("POST", path, *asked)).status for path, asked in paths.items()]
        assert told[0] == 201
        assert told[1] in (201, 409)
        for table in ("usage", "balance_action"):
            assert [row["n"] for row in await fetch(tenant, f"select count(*) as n from {table}")] == [1]
        await database.close()
