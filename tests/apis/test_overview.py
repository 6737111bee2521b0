"""Figures over time and the steps of the loop: counted once, whatever runs beside, and read from few rows."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.conftest import BALANCE, NOON, OPERATOR, USAGE, usage_body

from oxl.apis import APIS
from oxl.apis.operator.overview import count
from oxl.kernel.background import once
from oxl.outbox import tally

NAMES = [api.name for api in APIS]


async def counted(tenant, most: int = 3) -> None:
    """Count until nothing is left, a few at a time."""
    while await once(tenant, lambda work: count(work, NAMES, most)):
        continue


async def series(http, window: str) -> dict[tuple[str, str], dict]:
    answer = await http.get(f"{OPERATOR}/overview/{window}")
    assert answer.status_code == 200
    return {(each["name"], each["label"]): each for each in answer.json()["series"]}


async def test_what_happened_is_counted_in_its_hour_and_day(http, tenant, subscribe) -> None:
    ada = await subscribe("prepaid-m")
    number, account = ada["logicalResource"]["value"], ada["billingAccount"]["id"]
    bucket = (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]["id"]
    for amount in (5, 7.5):
        credit = {"amount": {"amount": amount, "units": "EUR"}, "bucket": {"id": bucket}}
        assert (await http.post(f"{BALANCE}/topupBalance", json=credit)).status_code == 201
    starts = ["2026-06-15T10:00:00Z", "2026-06-15T10:59:59Z", "2026-06-14T23:00:00Z"]
    usages = [
        (
            await http.post(USAGE, json=usage_body("sms", number, start=at, destinationPhoneNumber="+447700900123"))
        ).json()
        for at in starts
    ]
    assert {each["status"] for each in usages} == {"rated"}
    unknown = usage_body("voice", "4915550999999", destinationPhoneNumber="+493012345678", duration=10)
    assert (await http.post(USAGE, json=unknown)).json()["status"] == "failed"
    await counted(tenant)
    await counted(tenant)
    day, month = await series(http, "day"), await series(http, "month")
    assert len(day["usage", "sms"]["number"]) == 24
    assert len(month["usage", "sms"]["number"]) == 30
    # The last hour is the one that has begun at noon.
    assert day["usage", "sms"]["number"][-3:] == [2, 0, 0]
    assert sum(day["usage", "sms"]["number"]) == 3
    assert month["usage", "sms"]["number"][-2:] == [1, 2]
    paid = [each["price"]["taxIncludedAmount"]["value"] for usage in usages for each in usage["usageProductPrice"]]
    assert sum(map(Decimal, map(str, month["usage", "sms"]["amount"]))) == sum(map(Decimal, map(str, paid))) > 0
    assert day["topup", "topup"]["amount"][-1] == 12.5
    assert day["topup", "topup"]["number"][-1] == 2
    assert day["event", "prepay_balance"]["number"][-1] >= 2
    assert "amount" not in day["event", "prepay_balance"]
    steps = {each["id"]: each for each in (await http.get(f"{OPERATOR}/loopStep")).json()}
    assert steps["usage"]["attention"] == 1
    assert steps["usage"]["lastDate"] == "2026-06-15T12:00:00.000Z" == steps["worker"]["lastDate"]
    assert {name: each["attention"] for name, each in steps.items() if name != "usage"} == dict.fromkeys(
        ("balance", "bill", "event", "export", "recommendation", "worker"), 0
    )


async def test_counters_side_by_side_count_everything_once(http, tenant, subscribe) -> None:
    before = (await _total(http)) + await _waiting(tenant)
    await asyncio.gather(*[subscribe("prepaid-s") for _ in range(4)], *[counted(tenant, 2) for _ in range(3)])
    await counted(tenant)
    assert await _total(http) >= before + 4
    async with tenant.connection() as conn:
        assert await _total(http) == await conn.fetchval("select count(*) from outbox")


async def test_after_a_restore_everything_is_counted_anew(http, tenant) -> None:
    await counted(tenant)
    before = await _total(http)
    async with tenant.connection() as conn:
        await tally.rebase(conn)
    assert await _total(http) == 0
    await counted(tenant)
    assert await _total(http) == before


async def test_a_counter_that_finds_nothing_is_seen_all_the_same(http, tenant) -> None:
    await counted(tenant)
    async with tenant.connection() as conn:
        await tally.count(conn, [], [], NOON.replace(hour=13))
    assert (await http.get(f"{OPERATOR}/loopStep/worker")).json()["lastDate"] == "2026-06-15T13:00:00.000Z"


async def _total(http) -> int:
    return sum(sum(each["number"]) for (name, _), each in (await series(http, "month")).items() if name == "event")


async def _waiting(tenant) -> int:
    async with tenant.connection() as conn:
        return len(await tally.uncounted(conn, NAMES, 10_000))
