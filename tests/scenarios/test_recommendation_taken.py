"""Accepting a recommendation in one step, and the catalog behind it that lives while things are owned."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, BILLING, NOON, OPERATOR
from tests.engines.bills import billed, set_policy
from tests.engines.books import fetch, sound
from tests.scenarios.recommending import accept, ask, main_bucket, offered, top_up, use

from oxl.apis.customer_bill.jobs import use_credits
from oxl.engines.billing.dunning import dun
from oxl.engines.billing.run import NewRun
from oxl.engines.ledger import grants
from oxl.kernel.background import once


@pytest.fixture
async def kate(http: httpx.AsyncClient, subscribe: Any) -> dict[str, Any]:
    """A line with 30 euros and 91 per cent of its data used."""
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    await use(http, line, "data", volume=9100, volumeUnit="MB")
    return line


async def first(http: httpx.AsyncClient, line: dict[str, Any]) -> dict[str, Any]:
    return (await ask(http, line["party"]["id"]))["recommendationItem"][0]


async def data_left(http: httpx.AsyncClient, line: dict[str, Any]) -> dict[str, float]:
    found = (await http.get(f"{BALANCE}/bucket?partyAccount.id={line['billingAccount']['id']}&usageType=data")).json()
    return {bucket["name"]: bucket["remainingValue"]["amount"] for bucket in found}


async def test_one_step_charges_activates_and_grants(http, tenant, kate) -> None:
    item = await first(http, kate)
    answer = await accept(http, item)
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    assert taken["productOffering"]["id"] == "data-pack-2gb"
    product = (await http.get(f"{OPERATOR}/product/{taken['product']['id']}")).json()
    assert (product["status"], product["productOffering"]["id"]) == ("active", "data-pack-2gb")
    assert product["validFor"]["endDateTime"] == "2026-07-15T12:00:00.000Z"
    assert (await main_bucket(http, kate))["remainingValue"]["amount"] == 25.01
    assert await data_left(http, kate) == {"10 GB data": 0.9, "2 GB data": 2}
    found = offered(await ask(http, kate["party"]["id"]))
    assert "data-pack-2gb" not in found
    await sound(tenant)


async def test_a_pack_ends_with_its_month_and_may_be_bought_again(http, tenant, kate) -> None:
    taken = (await accept(http, await first(http, kate))).json()
    tenant.clock.frozen = NOON + timedelta(days=31)
    try:
        await once(tenant, grants.grant_due)
        product = (await http.get(f"{OPERATOR}/product/{taken['product']['id']}")).json()
        assert product["status"] == "terminated"
        bought = [name for name in await data_left(http, kate) if name == "2 GB data"]
        assert len(bought) == 1, "nothing is granted beyond the month that was paid"
    finally:
        tenant.clock.frozen = NOON


async def test_accepting_again_charges_nothing(http, tenant, kate) -> None:
    item = await first(http, kate)
    answers = await asyncio.gather(*(accept(http, item) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["referenceError"].rpartition("/")[2]) == ("alreadyAccepted", item["id"])
    assert (await main_bucket(http, kate))["remainingValue"]["amount"] == 25.01
    assert (await data_left(http, kate))["2 GB data"] == 2
    await sound(tenant)


async def test_a_key_repeats_the_answer(http, kate) -> None:
    item = await first(http, kate)
    some, other = [await accept(http, item, **{"Idempotency-Key": f"take-{item['id']}"}) for _ in range(2)]
    assert (some.status_code, some.content) == (other.status_code, other.content) == (201, some.content)


async def test_an_offer_is_bought_once_by_who_began_earlier_and_came_later(http, tenant, kate) -> None:
    """The line's lock decides, not the time at which a transaction began."""
    one, two = await first(http, kate), await first(http, kate)
    tenant.clock.frozen = NOON + timedelta(seconds=5)
    try:
        assert (await accept(http, one)).status_code == 201
    finally:
        tenant.clock.frozen = NOON
    refused = await accept(http, two)
    assert (refused.status_code, refused.json()["code"]) == (409, "alreadyOwned")


async def test_what_was_shown_is_logged_with_what_came_of_it(http, kate) -> None:
    query = await ask(http, kate["party"]["id"])
    taken, *others = query["recommendationItem"]
    product = (await accept(http, taken)).json()["product"]["id"]
    log = f"{OPERATOR}/recommendationExposure?relatedParty.id={kate['party']['id']}"
    found = {each["id"]: each for each in (await http.get(log)).json()}
    assert set(found) == {item["id"] for item in query["recommendationItem"]}
    told = found[taken["id"]]
    assert (told["priority"], told["source"], told["product"]["id"]) == (1, "rule:nearly-used", product)
    assert told["takenDate"] == told["acceptanceDate"] == told["exposureDate"]
    assert not [each["id"] for each in others if "takenDate" in found[each["id"]]]
    (sums,) = (await http.get(f"{OPERATOR}/recommendationTakeUp?source=rule&priority=1")).json()
    assert sums["shown"] >= sums["taken"] >= sums["accepted"] >= 1
    assert sums["takeUp"] == pytest.approx(sums["taken"] / sums["shown"], abs=1e-6)


async def test_the_same_offer_of_two_queries_is_bought_once(http, kate) -> None:
    one, two = await first(http, kate), await first(http, kate)
    assert (await accept(http, one)).status_code == 201
    refused = await accept(http, two)
    assert (refused.status_code, refused.json()["code"]) == (409, "alreadyOwned")
    assert (await main_bucket(http, kate))["remainingValue"]["amount"] == 25.01


async def test_what_cannot_be_paid_is_not_activated(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 3)
    await use(http, line, "data", volume=9100, volumeUnit="MB")
    refused = await accept(http, await first(http, line))
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficientBalance")
    assert (await main_bucket(http, line))["remainingValue"]["amount"] == 3
    assert list(await data_left(http, line)) == ["10 GB data"]
    await top_up(http, line, 10)
    assert (await accept(http, await first(http, line))).status_code == 201


async def test_a_postpaid_line_pays_on_its_bill(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    await use(http, line, "data", volume=39, volumeUnit="GB")
    answer = await accept(http, await first(http, line))
    assert answer.status_code == 201, answer.text
    assert (await data_left(http, line))["2 GB data"] == 2
    tenant.clock.frozen = NOON + timedelta(days=31)
    try:
        for _ in range(2):
            await billed(tenant, NewRun("offCycle", accounts=(line["billingAccount"]["id"],)))
    finally:
        tenant.clock.frozen = NOON
    packs = await fetch(
        tenant, "select rate_type, shown as gross from bill_line where product_id = $1", answer.json()["product"]["id"]
    )
    assert packs == [{"rate_type": "oneTimeCharge", "gross": 4_990_000}]


async def test_who_is_dunned_is_offered_nothing_that_costs_until_it_is_paid(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    account, party = line["billingAccount"]["id"], line["party"]["id"]
    await set_policy(tenant, '{"dunning": [{"name": "Reminder", "afterDays": 1}]}')
    try:
        tenant.clock.frozen = NOON + timedelta(days=31)
        await billed(tenant, NewRun("offCycle", accounts=(account,)))
        assert offered(await ask(http, party))
        tenant.clock.frozen = NOON + timedelta(days=90)
        await once(tenant, dun)
        assert offered(await ask(http, party)) == []
        (bill,) = await fetch(tenant, "select owed from bill where account_id = $1", account)
        due = {"value": bill["owed"] / 1_000_000, "unit": "EUR"}
        paid = {"paymentReference": "bank-1", "billingAccount": {"id": account}, "amount": due}
        answer = await http.post(f"{BILLING}/payment", json=paid)
        assert answer.status_code == 201, answer.text
        await use_credits(tenant)
        assert offered(await ask(http, party))
    finally:
        tenant.clock.frozen = NOON
        await set_policy(tenant, "{}")


async def test_an_upgrade_moves_the_line_to_the_bigger_plan(http, subscribe) -> None:
    line = await subscribe("prepaid-s")
    query = await ask(http, line["party"]["id"], recommendationType="upSell")
    answer = await accept(http, query["recommendationItem"][0])
    assert answer.status_code == 201, answer.text
    found = (await http.get(f"{OPERATOR}/subscriber/{line['id']}")).json()
    assert found["productOffering"]["id"] == "prepaid-m"
    assert (await data_left(http, line))["10 GB data"] == 10


@pytest.mark.parametrize("item", ["nothing", "nothing.1", "0197.0", "0197.99", ".1"])
async def test_what_was_not_recommended_cannot_be_accepted(http, item: str) -> None:
    refused = await accept(http, {"id": item})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknownRecommendation")


async def test_an_answer_holds_for_a_day(http, tenant, kate) -> None:
    item = await first(http, kate)
    tenant.clock.frozen = NOON + timedelta(hours=24)
    try:
        refused = await accept(http, item)
        assert (refused.status_code, refused.json()["code"]) == (409, "recommendationExpired")
    finally:
        tenant.clock.frozen = NOON


async def test_a_top_up_is_paid_elsewhere(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    refused = await accept(http, await first(http, line))
    assert (refused.status_code, refused.json()["code"]) == (409, "notOrderable")
