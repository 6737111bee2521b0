"""R4, R5, R7: twins, records, histories, late commits, fences, walls: nothing is found, and each bug is."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.torture import planted, scenarios
from tests.torture.installation import seed_of

from oxl.db.database import Database

Scenario = Callable[..., Awaitable[list[str]]]
SCENARIOS: dict[str, Scenario] = {
    "no unique key": scenarios.twins,
    "no record of records": scenarios.records,
    "read then write": scenarios.appends,
    "outbox by id": scenarios.late_commits,
    "fence ignored": scenarios.fences,
    "no walls": scenarios.walls,
}
LONG = {"no unique key": 2200, "no record of records": 500, "read then write": 46, "outbox by id": 40}  # sizes
TIMES = int(os.environ.get("TIMES", "5"))


@pytest.fixture(params=SCENARIOS, ids=[each.__name__ for each in SCENARIOS.values()])
def bug(request: pytest.FixtureRequest) -> str:
    """The bug that a scenario is there for."""
    return request.param


async def caught(bug: str, make_tenant: Callable[[], Any], database: Database, seed: int) -> list[str]:
    """What the scenario finds with the bug planted."""
    tenant = await make_tenant()
    async with database.owner() as owner:
        await planted.plant_sql(owner, bug, tenant.name)
    pull = planted.plant(bug)
    try:
        return await SCENARIOS[bug](tenant, database, seed)
    finally:
        pull()


@pytest.fixture(scope="module")
async def neighbour(make_tenant: Callable[[], Any]) -> Any:
    """Another tenant, whom nobody may see."""
    return await make_tenant()


async def test_nothing_is_found(bug, tenant, neighbour, database) -> None:
    seed = seed_of()
    assert await SCENARIOS[bug](tenant, database, seed) == [], f"SEED={seed}"


async def test_the_bug_is_caught(bug, make_tenant, database) -> None:
    seed = seed_of()
    assert await caught(bug, make_tenant, database, seed), f"{planted.BUGS[bug].what}, SEED={seed}"


@pytest.mark.torture
async def test_nothing_is_found_at_length(bug, tenant, neighbour, database, capsys) -> None:
    first = seed_of()
    for seed in range(first, first + (20 if bug == "read then write" else 1)):
        size = {"size": LONG[bug]} if bug in LONG else {}
        with capsys.disabled():
            print(f"\n{SCENARIOS[bug].__name__}, seed {seed}, {size or 'once'}")
        assert await SCENARIOS[bug](tenant, database, seed, **size) == [], f"SEED={seed}"


@pytest.mark.torture
async def test_the_bug_is_caught_every_time(bug, make_tenant, database, capsys) -> None:
    first = seed_of()
    found = [await caught(bug, make_tenant, database, seed) for seed in range(first, first + TIMES)]
    with capsys.disabled():
        print(f"\n{bug}: caught {sum(map(bool, found))} of {TIMES} times, seeds from {first}")
    assert all(found)
