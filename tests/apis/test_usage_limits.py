"""What a family shares, a cap for each, spend limits: who is told what, and once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest
from tests.apis.consumption import REPORT, bucket, counters, report
from tests.conftest import CONSUMPTION, NOON, USAGE, usage_body
from tests.engines.books import credit, fetch

from oxl.apis.usage_consumption.jobs import Answering
from oxl.db.database import Tenant

LIMIT = f"{CONSUMPTION}/usageLimit"
BRITAIN = "+447700900123"
_uses = count(1)


async def use(http: httpx.AsyncClient, line: dict[str, Any], service: str, **values: Any) -> None:
    body = usage_body(service, line["logicalResource"]["value"], **values)
    body["externalIdentifier"] = [{"id": f"limit-{next(_uses)}"}]
    answer = await http.post(USAGE, json=body)
    assert (answer.status_code, answer.json()["status"]) == (201, "rated"), answer.text


async def limit(http: httpx.AsyncClient, line: dict[str, Any], amount: Any, units: str, **more: Any) -> dict[str, Any]:
    device = {"logicalResource": {"id": line["logicalResource"]["id"]}}
    answer = await http.post(LIMIT, json=device | {"limitValue": {"amount": amount, "units": units}} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def told(tenant: Tenant, limit_id: str) -> list[int]:
    """The thresholds that the events of a limit tell of."""
    await Answering(tenant).sweep()
    rows = await fetch(
        tenant,
        "select (doc ->> 'thresholdReached')::int as at from outbox where resource_id = $1"
        " and event_type = 'UsageLimitThresholdEvent' order by xid, id",
        limit_id,
    )
    return [row["at"] for row in rows]


@pytest.fixture(scope="module")
async def five(http: httpx.AsyncClient, subscribe: Callable[..., Any]) -> list[dict[str, Any]]:
    """A family of five that shares 100 GB; each has a cap of 10, 20, 30, 40 and 50 GB."""
    account = {"externalId": "family-of-five"}
    lines = [await subscribe("family-share", billingAccount=account) for _ in range(5)]
    for n, line in enumerate(lines, 1):
        await limit(http, line, 10 * n, "GB", bucketSpecification={"id": "data-100gb"}, name=f"cap {n}")
    return lines


async def test_a_family_of_five_with_a_cap_each(http, tenant, five) -> None:
    for n, line in enumerate(five, 1):
        await use(http, line, "data", volume=n * 6, volumeUnit="GB")
    household = await report(http, f"live-{five[0]['billingAccount']['id']}")
    assert len(household["bucket"]) == len({each["id"] for each in household["bucket"]}) == 3
    shared = bucket(household, "data")
    left = 100 - 6 * (1 + 2 + 3 + 4 + 5)
    assert (shared["isShared"], shared["remainingValue"]["amount"]) == (True, left)
    numbers = [line["logicalResource"]["value"] for line in five]
    whole = counters(shared)
    assert whole["used", "global"] == 90
    assert sorted((each["counterType"], each["level"]) for each in shared["bucketCounter"]) == sorted(
        [("used", "global"), ("remaining", "global"), ("reserved", "global")]
        + [("used", "detailed by user"), ("used", "detailed by product"), ("remaining", "detailed by user")] * 5
    )
    for n, (line, number) in enumerate(zip(five, numbers, strict=True), 1):
        assert whole["used", number] == 6 * n
        assert whole["remaining", number] == min(10 * n - 6 * n, left)
        own = bucket(await report(http, f"live-{line['logicalResource']['id']}"), "data")
        assert (own["id"], own["remainingValue"]) == (shared["id"], shared["remainingValue"])
        mine = counters(own)
        assert (mine["used", "global"], mine["used", number]) == (90, 6 * n)
        assert mine["remaining", number] == whole["remaining", number]
        assert not {other for _, other in mine} & (set(numbers) - {number}), "what others use is not his to see"
        products = [each["characteristic"][0]["value"] for each in own["bucketCounter"] if "characteristic" in each]
        assert line["id"] in products
    assert sum(whole["used", number] for number in numbers) == whole["used", "global"], "nothing is counted twice"


async def test_the_summary_of_a_household_can_be_kept(http, five) -> None:
    account = five[0]["billingAccount"]["id"]
    kept = (await http.post(REPORT, json={"partyAccount": [{"id": account}]})).json()
    live = await report(http, f"live-{account}")
    assert kept["bucket"] == live["bucket"]
    assert [each["id"] for each in kept["logicalResource"]] == sorted(each["logicalResource"]["id"] for each in five)
    assert kept["product"] == live["product"]


async def test_a_cap_is_told_once_at_each_threshold(http, tenant, five) -> None:
    line = five[4]
    capped = (await http.get(f"{LIMIT}?logicalResource.id={line['logicalResource']['id']}")).json()[0]
    before = capped["usedValue"]["amount"]
    assert (capped["limitValue"]["amount"], capped["threshold"]) == (50, [80, 100])
    assert await told(tenant, capped["id"]) == []
    await use(http, line, "data", volume=40 - before, volumeUnit="GB")
    assert await told(tenant, capped["id"]) == [80]
    for _ in range(2):
        assert await told(tenant, capped["id"]) == [80]
    shown = (await http.get(capped["href"])).json()
    assert (shown["usedValue"]["amount"], shown["remainingValue"]["amount"], shown["thresholdReached"]) == (40, 10, 80)


async def test_a_spend_limit_of_who_pays_ahead(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await credit(tenant, line["billingAccount"]["id"], 50_000_000)
    await use(http, line, "sms", destinationPhoneNumber=BRITAIN)
    spent = await limit(http, line, 1, "EUR", threshold=[50, 100], description="for school")
    assert (spent["usedValue"]["amount"], spent["description"]) == (0, "for school"), "it counts from when it is set"
    assert await told(tenant, spent["id"]) == []
    (sent,) = await fetch(tenant, "select used from bucket where account_id = $1 and kind = 'main'",
                          line["billingAccount"]["id"])  # fmt: skip
    price, used = Decimal(sent["used"]) / 1_000_000, Decimal(0)
    while used < 1:
        reached = [each for each in (50, 100) if used * 100 >= each]
        assert await told(tenant, spent["id"]) == reached
        await use(http, line, "sms", destinationPhoneNumber=BRITAIN)
        used += price
    assert await told(tenant, spent["id"]) == [50, 100]
    summary = counters((await report(http, f"live-{line['logicalResource']['id']}"))["product"][0])
    assert summary["limit", "spend limit"] == 1
    assert Decimal(str(summary["used", "spend limit"])) == used
    assert summary["remaining", "spend limit"] == 0


async def test_a_spend_limit_of_who_pays_later(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    await use(http, line, "voice", destinationPhoneNumber=BRITAIN, duration=600)
    (owed,) = await fetch(tenant, "select sum(amount) as net from charge where product_id = $1", line["id"])
    net = Decimal(owed["net"]) / 1_000_000
    spent = await limit(http, line, float(2 * net), "EUR", threshold=[50, 100])
    assert Decimal(str(spent["usedValue"]["amount"])) == net, "what is owed already counts"
    assert await told(tenant, spent["id"]) == [50]
    await use(http, line, "voice", destinationPhoneNumber=BRITAIN, duration=600)
    assert await told(tenant, spent["id"]) == [50, 100]


async def test_two_thresholds_at_once_are_told_as_the_higher(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    spent = await limit(http, line, 0.01, "EUR")
    await use(http, line, "voice", destinationPhoneNumber=BRITAIN, duration=600)
    assert await told(tenant, spent["id"]) == [100]


async def test_a_month_later_a_limit_begins_anew(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m", billingAccount={"externalId": "months", "billingDay": 20})
    await credit(tenant, line["billingAccount"]["id"], 50_000_000)
    spent = await limit(http, line, 0.05, "EUR", threshold=[100])
    await use(http, line, "sms", destinationPhoneNumber=BRITAIN)
    assert await told(tenant, spent["id"]) == [100]
    try:
        tenant.clock.frozen = datetime(2026, 6, 20, 0, 1, tzinfo=UTC)
        assert await told(tenant, spent["id"]) == [100]
        shown = (await http.get(spent["href"])).json()
        assert (shown["usedValue"]["amount"], "thresholdReached" in shown) == (0, False)
        assert shown["consumptionPeriod"]["startDateTime"] == "2026-06-20T00:00:00.000Z"
        await use(http, line, "sms", destinationPhoneNumber=BRITAIN)
        assert await told(tenant, spent["id"]) == [100, 100]
    finally:
        tenant.clock.frozen = NOON


async def test_a_limit_comes_and_goes_and_is_told(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    made = await limit(http, line, 5, "EUR", **{"@type": "UsageLimit"})
    assert (await http.delete(made["href"])).status_code == 204
    assert (await http.get(made["href"])).status_code == 404
    rows = await fetch(tenant, "select event_type from outbox where resource_id = $1 order by xid, id", made["id"])
    assert [row["event_type"] for row in rows] == ["UsageLimitCreateEvent", "UsageLimitDeleteEvent"]
    await limit(http, line, 5, "EUR")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"logicalResource": {"id": "nobody's"}}, 400, "unknownDevice", "logicalResource"),
        ({"limitValue": {"amount": 5, "units": "USD"}}, 400, "unitMismatch", "limitValue.units"),
        ({"limitValue": {"amount": 5, "units": "GB"}}, 400, "unitMismatch", "limitValue.units"),
        ({"limitValue": {"amount": 0, "units": "EUR"}}, 400, "invalidValue", "limitValue.amount"),
        ({"limitValue": {"amount": -5, "units": "EUR"}}, 400, "invalidValue", "limitValue.amount"),
        ({"limitValue": {"amount": 5, "units": "shells"}}, 400, "invalidValue", "limitValue.units"),
        ({"limitValue": {"amount": 5}}, 400, "invalidValue", "limitValue.units"),
        ({"limitValue": {"amount": 0.0000001, "units": "EUR"}}, 400, "invalidValue", "limitValue.amount"),
        ({"threshold": []}, 400, "invalidValue", "threshold"),
        ({"threshold": [0]}, 400, "invalidValue", "threshold"),
        ({"threshold": [100, 1001]}, 400, "invalidValue", "threshold"),
        ({"bucketSpecification": {"id": "data-10gb"}}, 400, "unknownAllowance", "bucketSpecification.id"),
    ],
)
async def test_what_is_no_limit_is_refused(http, subscribe, change, status, code, field) -> None:
    line = await subscribe("prepaid-m")
    body = {"logicalResource": line["logicalResource"], "limitValue": {"amount": 5, "units": "EUR"}}
    body["logicalResource"] = {"id": line["logicalResource"]["id"]}
    answer = await http.post(LIMIT, json=body | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["message"].startswith(field)


async def test_a_device_has_one_limit_of_a_kind(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await limit(http, line, 5, "EUR")
    body = {"logicalResource": {"id": line["logicalResource"]["id"]}, "limitValue": {"amount": 6, "units": "EUR"}}
    answer = await http.post(LIMIT, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")
