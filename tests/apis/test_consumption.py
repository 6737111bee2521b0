"""TMF677 over HTTP: live reports, kept ones, queries by template, and what they say of every kind of bucket."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.apis.consumption import REPORT, ask, bucket, counters, report
from tests.conftest import BALANCE, USAGE, usage_body
from tests.engines.books import GERMANY, credit, fetch

from oxl.db.database import Tenant
from oxl.engines.consumption.consumption import speak
from oxl.kernel.background import once


async def use(http: httpx.AsyncClient, service: str, number: str, **values: Any) -> None:
    answer = await http.post(USAGE, json=usage_body(service, number, **values))
    assert (answer.status_code, answer.json()["status"]) == (201, "rated"), answer.text


async def test_the_next_report_shows_what_was_charged(http: httpx.AsyncClient, tenant: Tenant, subscribe: Any) -> None:
    line = await subscribe("prepaid-m")
    number, device = line["logicalResource"]["value"], line["logicalResource"]["id"]
    await credit(tenant, line["billingAccount"]["id"], 3_500_000)
    await use(http, "data", number, volume=8.2, volumeUnit="GB")
    told = await report(http, f"live-{device}")
    data = bucket(told, "data")
    assert (data["remainingValue"], data["remainingValueName"]) == ({"amount": 1.8, "units": "GB"}, "1.8 GB left")
    assert counters(data) == {("used", "global"): 8.2, ("remaining", "global"): 1.8, ("reserved", "global"): 0}
    assert bucket(told, "monetary")["remainingValueName"] == "€3.50 left"
    assert [each["thresholdReached"] for each in _characteristics(data)] == [80]
    for same in (f"live-{number}", f"live-%2B{number}"):
        assert (await report(http, same))["bucket"] == told["bucket"]


def _characteristics(holder: dict[str, Any]) -> list[dict[str, Any]]:
    found = [each for counter in holder["bucketCounter"] for each in counter.get("characteristic", ())]
    return [{each["name"]: each["value"]} for each in found]


async def test_what_is_reserved_is_told_with_its_reservation(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    main = await credit(tenant, line["billingAccount"]["id"], 10_000_000)
    made = await http.post(
        f"{BALANCE}/reserveBalance", json={"amount": {"amount": 4, "units": "EUR"}, "bucket": {"id": main}}
    )
    money = bucket(await report(http, f"live-{line['logicalResource']['id']}"), "monetary")
    assert (money["remainingValue"]["amount"], money["reservedValue"]["amount"]) == (6, 4)
    assert [each["id"] for each in money["reserveBalance"]] == [made.json()["id"]]
    assert counters(money)["reserved", "global"] == 4


async def test_it_says_in_small_units_what_is_little_and_that_nothing_is_left(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    number = line["logicalResource"]["value"]
    await use(http, "data", number, volume=9.99955, volumeUnit="GB")
    await use(http, "voice", number, destinationPhoneNumber=GERMANY, duration=6000)
    told = await report(http, f"live-{number}")
    assert bucket(told, "data")["remainingValueName"] == "400 kB left"
    assert bucket(told, "voice")["remainingValueName"] == "exhausted"


async def test_names_are_in_the_operators_language(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    number = line["logicalResource"]["value"]
    await credit(tenant, line["billingAccount"]["id"], 1_234_500_000)
    await use(http, "data", number, volume=8.2, volumeUnit="GB")
    try:
        await once(tenant, lambda work: speak(work, "de"))
        told = await report(http, f"live-{number}")
        assert told["name"] == f"Verbrauch von {number}"
        assert bucket(told, "data")["remainingValueName"] == "noch 1,8 GB"
        assert bucket(told, "voice")["remainingValueName"] == "noch 100 Min."
        assert bucket(told, "monetary")["remainingValueName"] == "noch 1.234,50 €"
    finally:
        await once(tenant, lambda work: speak(work, "en"))


async def test_packs_are_told_by_service_and_where_they_are_for(http, subscribe) -> None:
    line = await subscribe("postpaid-l", addOn=[{"id": "roaming-eu-pack"}, {"id": "roaming-world-pack"}])
    told = await report(http, f"live-{line['logicalResource']['id']}")
    labels = sorted(each["usageType"] for each in told["bucket"])
    plain = ["data", "sms", "tv", "voice"]
    assert labels == sorted([*plain, "sms roaming", *["data roaming", "voice roaming"] * 2])
    tv = bucket(told, "tv")
    assert tv["remainingValue"] == {"amount": 3000, "units": "tv-minute"}
    assert tv["remainingValueName"] == "3,000 min left"


async def test_what_is_outside_of_buckets_and_what_has_no_limit_is_in_the_summary(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    number = line["logicalResource"]["value"]
    await use(http, "voice", number, destinationPhoneNumber="+447700900123", duration=600)
    await use(http, "sms", number, destinationPhoneNumber="+447700900123")
    (product,) = (await report(http, f"live-{number}"))["product"]
    out = [each for each in product["consumptionSummary"] if each["counterType"] == "outOfBucket"]
    (owed,) = await fetch(tenant, "select sum(amount) as net from charge where product_id = $1", line["id"])
    money, *units = [each["value"] for each in out]
    assert Decimal(str(money["amount"])) * 1_000_000 == owed["net"] > 0
    assert units == [{"amount": 10, "units": "min"}, {"amount": 1, "units": "sms"}]
    period = out[0]["consumptionPeriod"]
    assert period == {"startDateTime": "2026-06-15T10:00:00.000Z", "endDateTime": "2026-06-15T12:00:00.000Z"}
    unlimited = [each for each in product["consumptionSummary"] if each.get("valueName") == "Unlimited"]
    assert [(each["counterType"], "value" in each) for each in unlimited] == [("voice freephone", False)]


async def test_prepaid_money_is_out_of_bucket_too(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    number = line["logicalResource"]["value"]
    await credit(tenant, line["billingAccount"]["id"], 10_000_000)
    await use(http, "sms", number, destinationPhoneNumber="+447700900123")
    told = await report(http, f"live-{number}")
    used = counters(bucket(told, "monetary"))["used", "global"]
    assert used > 0
    assert counters(told["product"][0])["outOfBucket", "global"] == used


async def test_buckets_that_came_together_for_one_kind_of_usage_name_each_other(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    about = {
        "partyAccount": {"id": line["billingAccount"]["id"]},
        "product": [{"id": line["id"]}],
        "usageType": "other",
    }
    period = {"validFor": {"startDateTime": "2026-06-01T00:00:00Z"}}
    made = [await http.post(f"{BALANCE}/bucket", json=about | period) for _ in range(2)]
    assert [each.status_code for each in made] == [201, 201]
    one, other = [each.json()["id"] for each in made]
    told = await report(http, f"live-{line['logicalResource']['id']}")
    named = {each["id"]: [r["bucket"]["id"] for r in each.get("bucketRelationship", ())] for each in told["bucket"]}
    assert {key: found for key, found in named.items() if found} == {one: [other], other: [one]}


async def test_every_period_begins_before_it_ends(http, subscribe) -> None:
    line = await subscribe("postpaid-l", addOn=[{"id": "roaming-eu-pack"}])
    told = await report(http, f"live-{line['logicalResource']['id']}")
    periods = [counter["consumptionPeriod"] for each in told["bucket"] for counter in each["bucketCounter"]]
    periods += [each["consumptionPeriod"] for each in told["product"][0]["consumptionSummary"]]
    assert len(periods) > 10
    for period in periods:
        assert period.get("startDateTime", "") <= period["endDateTime"] == "2026-06-15T12:00:00.000Z"


@pytest.fixture(scope="module")
async def pair(subscribe: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two lines that have nothing to do with each other."""
    return await subscribe("postpaid-l", addOn=[{"id": "roaming-eu-pack"}]), await subscribe("prepaid-m")


async def test_a_report_stays_as_it_was_kept(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    number, device = line["logicalResource"]["value"], line["logicalResource"]["id"]
    made = await http.post(REPORT, json={"logicalResource": [{"id": device}], "name": "June", "description": "mine"})
    assert (made.status_code, made.json()["name"]) == (201, "June")
    await use(http, "data", number, volume=1, volumeUnit="GB")
    kept = await report(http, made.json()["id"])
    assert kept == made.json()
    assert bucket(kept, "data")["remainingValue"]["amount"] == 10
    assert bucket(await report(http, f"live-{device}"), "data")["remainingValue"]["amount"] == 9
    listed = (await http.get(f"{REPORT}?logicalResource.id={device}")).json()
    assert [each["id"] for each in listed] == [made.json()["id"]]
    assert (await http.delete(made.json()["href"])).status_code == 204
    assert (await http.get(made.json()["href"])).status_code == 404


async def test_a_report_of_nobody_who_is_known_is_kept_as_it_was_sent(http) -> None:
    body = {
        "@type": "UsageConsumptionReport",
        "logicalResource": [{"id": "elsewhere"}],
        "description": "from a partner",
    }
    made = (await http.post(REPORT, json=body)).json()
    assert made["description"] == "from a partner"
    assert "bucket" not in made
    assert made["creationDate"] == made["lastUpdate"] == "2026-06-15T12:00:00.000Z"


async def test_a_report_is_of_one_device_or_one_account(http, pair) -> None:
    both = [{"id": line["logicalResource"]["id"]} for line in pair]
    answer = await http.post(REPORT, json={"logicalResource": both})
    assert (answer.status_code, answer.json()["code"]) == (400, "ambiguousSubject")
    accounts = [{"id": line["billingAccount"]["id"]} for line in pair]
    answer = await http.post(REPORT, json={"partyAccount": accounts})
    assert (answer.status_code, answer.json()["code"]) == (400, "ambiguousSubject")
    one = (await http.post(REPORT, json={"partyAccount": accounts[:1]})).json()
    assert [each["id"] for each in one["partyAccount"]] == [accounts[0]["id"]]


async def test_a_live_report_cannot_be_deleted_and_a_querys_can(http, pair) -> None:
    device = pair[0]["logicalResource"]["id"]
    answer = await http.delete(f"{REPORT}/live-{device}")
    assert (answer.status_code, answer.json()["code"]) == (409, "liveReport")
    told = await ask(http, {"logicalResource": [{"id": device}]})
    assert (await http.delete(f"{REPORT}/{told['id']}.1")).status_code == 204
    assert (await http.get(told["href"])).json()["usageConsumption"] == []
    assert (await http.delete(told["href"])).status_code == 204
    assert (await http.get(told["href"])).status_code == 404
    assert (await http.get(f"{REPORT}/live-nobody")).status_code == 404
