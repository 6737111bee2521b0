"""Dunning: its steps in their time, each once, and lines that are suspended until that is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from tests.conftest import usage_body
from tests.engines.bills import at, set_policy, sound_bills
from tests.engines.books import BRITAIN, CHANGES, USAGES, fetch, posted, told
from tests.engines.year import Year

from oxl.apis.billing import jobs as billing
from oxl.apis.billing.api import BILLING, DUNNING
from oxl.db.database import Tenant
from oxl.kernel.background import once
from oxl.kernel.select import by_ids

POLICY = msgspec.json.encode({
    "dunning": [{"name": "Reminder", "afterDays": 3}, {"name": "Last reminder", "afterDays": 10, "fee": "5.00"},
                {"name": "Suspension", "afterDays": 20, "suspend": True}]
}).decode()  # fmt: skip
DUE = at("2026-07-14T22:00")


async def _owing(make_tenant: Callable[[], Any]) -> tuple[Tenant, Year]:
    """A tenant with an account that has a bill of the 1st of July, due on the 15th."""
    tenant = await make_tenant()
    await set_policy(tenant, POLICY)
    tenant.clock.frozen = at("2026-05-31T22:00")
    year = Year(tenant)
    await year.subscribe("postpaid-l")
    tenant.clock.frozen = at("2026-06-30T22:00")
    await year.bill()
    return tenant, year


async def _status(tenant: Tenant) -> list[str]:
    return [row["status"] for row in await fetch(tenant, "select status from product where kind = 'subscription'")]


async def _usages(tenant: Tenant) -> list[tuple[str, str | None]]:
    return [
        (row["status"], row["reason"]) for row in await fetch(tenant, "select status, reason from usage order by id")
    ]


async def _docs(tenant: Tenant) -> list[dict[str, Any]]:
    ids = [row["id"] for row in await fetch(tenant, "select id from bill_dunning order by id")]
    docs = await once(tenant, lambda work: by_ids(work.conn, DUNNING, work.now, ids))
    return [msgspec.json.decode(docs[each]) for each in ids]


async def _events(tenant: Tenant) -> list[str]:
    rows = await fetch(tenant, "select event_type from outbox where api = $1 and resource = 'dunningStep' order by id",
                       BILLING.name)  # fmt: skip
    return [row["event_type"] for row in rows]


async def test_steps_are_taken_in_their_time_and_a_payment_lifts_the_suspension(make_tenant: Callable[[], Any]) -> None:
    tenant, year = await _owing(make_tenant)
    for days, taken in ((2, 0), (3, 1), (4, 0), (10, 1), (19, 0)):
        tenant.clock.frozen = DUE + timedelta(days=days)
        assert await billing.dun(tenant) == taken, days
    assert await _status(tenant) == ["active"]
    tenant.clock.frozen = DUE + timedelta(days=20)
    assert await billing.dun(tenant) == 1
    assert await _status(tenant) == ["suspended"]
    docs = await _docs(tenant)
    assert [each["state"] for each in docs] == ["taken", "taken", "suspending"]
    assert [each["id"] for each in docs[2]["suspended"]] == [year.product]
    assert await billing.lift(tenant) == 0
    await year.pay("10.00")
    assert await billing.lift(tenant) == 0, "a part is not all"
    await year.pay("500.00")
    assert await billing.lift(tenant) == 1
    assert await billing.lift(tenant) == 0
    assert await _status(tenant) == ["active"]
    last = (await _docs(tenant))[2]
    assert (last["state"], last["liftDate"]) == ("lifted", "2026-08-03T22:00:00.000Z")
    assert await _events(tenant) == ["DunningStepCreateEvent"] * 3 + ["DunningStepStateChangeEvent"]
    changes = await fetch(tenant, "select action from subscriber_change order by id")
    assert [row["action"] for row in changes] == ["suspend", "resume"]
    await year.call("60")
    await sound_bills(tenant)


async def test_use_while_suspended_waits(make_tenant: Callable[[], Any]) -> None:
    tenant, year = await _owing(make_tenant)
    tenant.clock.frozen = DUE + timedelta(days=20)
    assert await billing.dun(tenant) == 3, "what was missed is made good, in one sweep"
    (answer,) = await posted(
        tenant,
        USAGES,
        [usage_body("voice", year.number, "2026-08-03T20:00:00Z", destinationPhoneNumber=BRITAIN, duration=60)],
    )
    assert told(answer) != "rated"
    (usage,) = await _usages(tenant)
    assert usage == ("failed", "productSuspended")


async def test_a_line_that_somebody_suspended_stays_so(make_tenant: Callable[[], Any]) -> None:
    tenant, year = await _owing(make_tenant)
    tenant.clock.frozen = DUE + timedelta(days=1)
    body = {"subscriber": {"id": year.product}, "action": "suspend"}
    assert [told(each) for each in await posted(tenant, CHANGES, [body])] == ["done"]
    tenant.clock.frozen = DUE + timedelta(days=20)
    assert await billing.dun(tenant) == 3
    assert [each["state"] for each in await _docs(tenant)] == ["taken"] * 3
    await year.pay("500.00")
    assert await billing.lift(tenant) == 0
    assert await _status(tenant) == ["suspended"]


async def test_two_bills_hold_a_line_until_both_are_paid(make_tenant: Callable[[], Any]) -> None:
    tenant, year = await _owing(make_tenant)
    tenant.clock.frozen = at("2026-07-31T22:00")
    await year.bill()
    tenant.clock.frozen = at("2026-09-10T00:00")
    assert await billing.dun(tenant) == 6
    assert [each["state"] for each in await _docs(tenant)].count("suspending") == 2
    (first,) = await fetch(tenant, "select owed from bill where place = 1")
    await year.pay(f"{first['owed'] / 1_000_000:.2f}")
    assert await billing.lift(tenant) == 1
    assert await _status(tenant) == ["suspended"]
    await year.pay("500.00")
    assert await billing.lift(tenant) == 1
    assert await _status(tenant) == ["active"]


async def test_two_workers_take_a_step_once(make_tenant: Callable[[], Any]) -> None:
    tenant, _ = await _owing(make_tenant)
    tenant.clock.frozen = DUE + timedelta(days=10)
    assert sum(await asyncio.gather(*(billing.dun(tenant) for _ in range(4)))) == 2
    assert len(await fetch(tenant, "select 1 from bill_item where rate_type = 'lateFee'")) == 1
