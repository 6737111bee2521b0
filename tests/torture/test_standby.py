"""P2: a commit that waits for its synchronous standby is not acknowledged, by whichever way it is asked about."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.conftest import BALANCE, DEMO_CATALOG, NOON, USAGE, usage_body
from tests.engines.books import GERMANY, fetch
from tests.torture.doors import Said, doors
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


async def _cancelled(database: Database, asking: Coroutine[Any, Any, Said]) -> Said:
    """The answer to a request whose commit does not wait to the end: it is seen then, and no standby has it."""
    answer = asyncio.create_task(asking)

    async def came() -> bool:
        async with database.owner() as conn:
            await conn.execute(CANCEL)
        return answer.done()

    await until(came)
    return await answer


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

            for door, path, asked in (
                (both[0], TOPUPS, paths[TOPUPS]),
                (calm, TOPUPS, (top_up(bucket, MICRO), "another key")),
                (calm, USAGE, paths[USAGE]),
            ):
                assert (await _cancelled(database, door.ask("POST", path, *asked))).status == 503, path
            assert await fetch(tenant, "select from idempotency where key = 'key' and status is not null")
            with pytest.MonkeyPatch.context() as patch:  # without what makes it wait it is acknowledged
                patch.setattr(handle.q, "stand", "select 1")
                assert (await calm.ask("POST", TOPUPS, *paths[TOPUPS])).status == 201
            await _standby(database, "")
            told = [(await calm.ask("POST", path, *asked)).status for path, asked in paths.items()]
        assert told[0] == 201
        assert told[1] in (201, 409)
        for table, times in {"usage": 1, "balance_action": 2}.items():  # two keys, two top-ups
            assert [row["n"] for row in await fetch(tenant, f"select count(*) as n from {table}")] == [times]
        await database.close()
