"""R15: an upgrade while requests come: migrations, then views and functions made anew. No request is a 5xx."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from tests.conftest import BALANCE, USAGE, usage_body
from tests.engines.books import GERMANY, sound, whole
from tests.torture.doors import Door, doors
from tests.torture.installation import seed_of
from tests.torture.scenarios import MICRO, line, top_up
from tests.waiting import until

from oxl.app import SQL_CODE
from oxl.db.database import Database, Tenant
from oxl.db.migrate import create_tenant


async def _busy(
    door: Door, choose: random.Random, bucket: str, number: str, seen: Counter[Any], stop: list[bool]
) -> None:
    n = 0
    while not stop:
        n += 1
        usage = usage_body("sms", number, destinationPhoneNumber=GERMANY, messageCount=1)
        usage["externalIdentifier"] = [{"id": f"{number}-{choose.random()}-{n}", "externalIdentifierType": "cdr"}]
        asked: tuple[Any, ...] = choose.choice(
            [
                ("POST", f"{BALANCE}/topupBalance", top_up(bucket, MICRO)),
                ("POST", USAGE, usage),
                ("GET", f"{BALANCE}/bucket/{bucket}"),
                ("GET", f"{USAGE}?limit=2"),
            ]
        )
        said = await door.ask(*asked)
        seen[said.status, said.json["message"] if said.status >= 400 else asked[1].split("?")[0]] += 1


async def upgraded(tenant: Tenant, database: Database, times: int, say: pytest.CaptureFixture[str]) -> None:
    seed, seen, stop = seed_of(), Counter[Any](), list[bool]()
    choose = random.Random(seed)
    async with doors(tenant, 2) as both:
        bucket, number = await line(both[0])
        working = [
            asyncio.create_task(_busy(door, choose, bucket, number, seen, stop)) for door in both for _ in range(2)
        ]
        try:
            for _ in range(times):
                enough = seen.total() + 30
                await until(lambda enough=enough: seen.total() >= enough)
                async with database.owner() as conn:  # as one of another version would have left it
                    await conn.execute(f"update oxl_{tenant.name}.code_version set hash = 'another version'")
                await create_tenant(database, tenant.name, SQL_CODE)
            enough = seen.total() + 30
            await until(lambda: seen.total() >= enough)
        finally:
            stop.append(True)
            await asyncio.gather(*working)
    with say.disabled():
        print(f"\nSEED={seed}: {seen.total()} requests through {times} upgrades: {dict(seen)}")
    assert {status for status, _ in seen} <= {200, 201, 206}, seen
    await sound(tenant)
    assert (await whole(tenant))["usage"] == sum(
        n for (status, path), n in seen.items() if (status, path) == (201, USAGE)
    )


async def test_an_upgrade_under_load_is_not_noticed(tenant, database, capsys) -> None:
    await upgraded(tenant, database, 2, capsys)


@pytest.mark.torture
async def test_many_upgrades_under_load(tenant, database, capsys) -> None:
    await upgraded(tenant, database, 30, capsys)
