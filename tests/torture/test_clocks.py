"""R12: a worker whose machine's clock is out by an hour or a day, either way, decides as the database's clock says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.conftest import BALANCE
from tests.engines.books import fetch
from tests.torture.doors import doors
from tests.torture.scenarios import MICRO, line, top_up
from tests.waiting import until

from oxl.apis.prepay_balance.jobs import sweep
from oxl.clock import skew_of, system_now
from oxl.db.database import Tenant
from oxl.outbox import outbox

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLOSE = timedelta(minutes=5)  # far more than any machine takes between two looks, far less than what clocks are out by


def astray(tenant: Tenant, by: timedelta) -> Tenant:
    """The tenant in a process on a machine whose clock is out by so much."""
    other = Tenant(tenant.name, tenant._connect, 3)
    other.clock.source = lambda: system_now() + by
    return other


@pytest.fixture(scope="module", autouse=True)
async def going(tenant: Tenant) -> None:
    """The tenant's clock goes."""
    await tenant.set_clock(tenant.clock.now() - system_now(), None)


@pytest.mark.parametrize("by", [HOUR, -HOUR, DAY, -DAY], ids=str)
async def test_a_clock_that_is_out_decides_nothing(tenant: Tenant, by: timedelta) -> None:
    other = astray(tenant, by)
    await other.refresh_clock()
    assert abs(other.clock.now() - tenant.clock.now()) < CLOSE
    async with doors(tenant, 1) as (door,):
        bucket, _ = await line(door)
        await door.ask("POST", f"{BALANCE}/hub", {"callback": f"http://127.0.0.1:9/{by.days}/{by.seconds}"})
        await door.ask("POST", f"{BALANCE}/topupBalance", top_up(bucket, 5 * MICRO))
        held = (await door.ask("POST", f"{BALANCE}/reserveBalance", top_up(bucket, MICRO))).json["id"]
    async with tenant.connection() as conn:
        now = tenant.clock.true()
        assert await until(lambda: outbox.lease(conn, tenant.clock.true(), now + timedelta(minutes=30), 100, 10))
        there = other.clock.true()
        assert await outbox.lease(conn, there, there + timedelta(minutes=10), 100, 10) == [], "no lease is lost"
        await conn.execute("update subscription set ended_at = $1", now)
    await sweep(other)
    assert await _status(tenant, held) == "created", "nothing ends before its time"
    if by == DAY:  # or the test could not fail
        other.clock.skew = timedelta(0)
        await sweep(other)
        assert await _status(tenant, held) == "cancelled"
    await other.close()


async def _status(tenant: Tenant, reservation: str) -> str:
    (row,) = await fetch(tenant, "select status from reservation where id = $1", reservation)
    return row["status"]


def test_clocks_that_nearly_agree_are_left_alone() -> None:
    at = system_now()
    second = timedelta(seconds=1)
    assert skew_of(at, at - second / 2, at + second / 2) == timedelta(0)
    assert skew_of(at - second, at, at + 30 * second) == timedelta(0)
    assert skew_of(at + HOUR, at - second, at) == HOUR
    assert skew_of(at - DAY, at, at + second) == -DAY - second
