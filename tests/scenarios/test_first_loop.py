"""The loop in one go: a subscriber, a usage, its price, the bucket, the live report, all over HTTP."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION, USAGE, usage_body


async def live(http: httpx.AsyncClient, device: str) -> dict[str, dict]:
    answer = await http.get(f"{CONSUMPTION}/usageConsumptionReport/live-{device}")
    assert answer.status_code == 200, answer.text
    return {bucket["name"]: bucket for bucket in answer.json()["bucket"]}


@pytest.mark.parametrize("by", ["id", "value"])
async def test_the_next_report_shows_the_usage(http, subscribe, by: str) -> None:
    subscriber = await subscribe("prepaid-m")
    device = subscriber["logicalResource"]
    before = await live(http, device[by])
    answer = await http.post(
        USAGE, json=usage_body("voice", device["value"], destinationPhoneNumber="+493012345", duration=100)
    )
    assert answer.status_code == 201, answer.text
    usage = answer.json()
    assert usage["status"] == "rated"
    assert [line["description"] for line in usage["usageProductPrice"]] == ["included"]
    after = await live(http, device[by])
    counter = after["100 minutes"]["bucketCounter"][0]
    assert Decimal(str(counter["value"]["amount"])) * 60 == pytest.approx(100, abs=Decimal("0.001"))
    assert before["100 minutes"]["bucketCounter"][0]["value"]["amount"] == 0


async def test_money_pays_what_no_allowance_covers(http, subscribe) -> None:
    subscriber = await subscribe("prepaid-m")
    number = subscriber["logicalResource"]["value"]
    account = subscriber["billingAccount"]["id"]
    main = (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]
    topup = await http.post(
        f"{BALANCE}/topupBalance", json={"amount": {"amount": 10, "units": "EUR"}, "bucket": {"id": main["id"]}}
    )
    assert topup.status_code == 201, topup.text
    assert topup.json()["status"] == "completed"
    call = usage_body("voice", number, destinationPhoneNumber="+447700900123", duration=90)
    usage = (await http.post(USAGE, json=call)).json()
    assert usage["status"] == "rated"
    line = usage["usageProductPrice"][0]
    assert line["price"]["taxIncludedAmount"] == {"unit": "EUR", "value": 0.435}
    main = (await http.get(f"{BALANCE}/bucket/{main['id']}")).json()
    assert main["remainingValue"] == {"amount": 9.565, "units": "EUR"}
    again = await http.post(USAGE, json=call)
    assert again.status_code == 409
    assert again.json()["referenceError"].endswith(usage["id"])


async def test_money_pays_for_a_line_that_began_before_the_account_s_first_one(http, subscribe) -> None:
    account = {"externalId": "two-lines"}
    await subscribe("prepaid-s", billingAccount=account, validFor={"startDateTime": "2026-06-10T00:00:00Z"})
    earlier = await subscribe("prepaid-s", billingAccount=account, validFor={"startDateTime": "2026-06-01T00:00:00Z"})
    found = await http.get(f"{BALANCE}/bucket?partyAccount.id={earlier['billingAccount']['id']}&usageType=monetary")
    credit = {"amount": {"amount": 10, "units": "EUR"}, "bucket": {"id": found.json()[0]["id"]}}
    assert (await http.post(f"{BALANCE}/topupBalance", json=credit)).status_code == 201
    call = usage_body(
        "voice",
        earlier["logicalResource"]["value"],
        start="2026-06-05T10:00:00Z",
        destinationPhoneNumber="+447700900123",
        duration=60,
    )
    assert (await http.post(USAGE, json=call)).json()["status"] == "rated"


async def test_a_line_is_terminated_from_its_end_on(http, subscribe) -> None:
    period = {"startDateTime": "2026-06-01T00:00:00Z", "endDateTime": "2026-06-15T12:00:00Z"}
    assert (await subscribe("prepaid-m", validFor=period))["status"] == "terminated"
    period["endDateTime"] = "2026-06-15T12:00:01Z"
    assert (await subscribe("prepaid-m", validFor=period))["status"] == "active"
