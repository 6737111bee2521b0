"""A live report reads what belongs to its account, by indexes, however many others there are and however long ago."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bench.consumption import _FILL, _HISTORY
from tests.conftest import NOON
from tests.plans.test_plans import Explaining, _passed_over, nodes

from oxl.apis.usage_consumption.api import USAGE_CONSUMPTION
from oxl.db.database import Tenant
from oxl.engines.consumption import consumption
from oxl.engines.consumption.template import Query
from oxl.kernel import select
from oxl.verbs import Work

REPORT = next(each for each in USAGE_CONSUMPTION.resources if each.name == "usageConsumptionReport")
PEOPLE, OLD = 10_000, 50


@pytest.fixture(scope="module")
async def filled(tenant: Tenant, database: Any) -> list[str]:
    """Subscribers with eight buckets each, some of them with three years behind them; the devices of the first."""
    async with database.owner() as owner:
        for script in (_FILL.format(people=PEOPLE), _HISTORY.format(first=1, last=36, asked=OLD)):
            for statement in script.replace("oxl_default", f"oxl_{tenant.name}").split(";\n"):
                if statement.strip():
                    await owner.execute(statement)
    tenant.clock.frozen = None
    async with tenant.connection() as conn:
        rows = await conn.fetch("select id from bench_device where n <= 20 order by n")
    yield [row["id"] for row in rows]
    tenant.clock.frozen = NOON


def read(plan: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """(table or index, rows that were looked at) of every scan."""
    for node in nodes(plan):
        if "Scan" in node["Node Type"] and "Relation Name" in node:
            rows = (node["Actual Rows"] + _passed_over(node)) * node["Actual Loops"]
            yield f"{node['Relation Name']} by {node['Node Type']}", rows


async def explained(tenant: Tenant, call: Any) -> list[dict[str, float]]:
    async with tenant.connection() as plain:
        conn = Explaining(plain)
        await call(conn)
    return [dict(sorted(read(plan))) for plan in conn.plans]


@pytest.mark.parametrize("place", [0, 19])
async def test_of_a_device_only_its_own_rows_are_read(tenant: Tenant, filled: list[str], place: int) -> None:
    now = tenant.clock.now()
    (looked,) = await explained(tenant, lambda conn: select.by_ids(conn, REPORT, now, [f"live-{filled[place]}"]))
    assert sum(looked.values()) < 150, looked


async def test_of_an_account_only_its_own_rows_are_read(tenant: Tenant, filled: list[str]) -> None:
    now = tenant.clock.now()
    (looked,) = await explained(tenant, lambda conn: select.by_ids(conn, REPORT, now, ["live-a7"]))
    assert sum(looked.values()) < 150, looked


async def test_a_querys_devices_are_found_by_indexes(tenant: Tenant, filled: list[str]) -> None:
    queries = [
        Query(ids=(filled[0],)),
        Query(numbers=("490000000002",)),
        Query(products=("s3",)),
        Query(accounts=("a4",), parties=("p4",)),
        Query(parties=("p5",)),
    ]
    found: list[Any] = []

    async def ask(conn: Any) -> None:
        found.extend(await consumption.find(Work(conn, tenant.clock.now(), tenant.name), queries))

    (looked,) = await explained(tenant, ask)
    assert [[each.account_id for each in devices] for devices in found] == [[f"a{n}"] for n in (1, 2, 3, 4, 5)]
    assert sum(looked.values()) < 400, looked
