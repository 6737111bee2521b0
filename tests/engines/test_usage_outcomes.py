"""What becomes of one usage, and what it does to buckets, charges and the ledger: a table of outcomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import NOON, OPERATOR, USAGE, usage_body
from tests.engines.books import (
    BRITAIN,
    EMERGENCY,
    GERMANY,
    USAGES,
    available,
    credit,
    fetch,
    new_number,
    posted,
    sound,
    told,
    whole,
)

from oxl.kernel import select


def voice(to: str, seconds: int, start: str = "2026-06-15T10:00:00Z") -> tuple[str, str, dict[str, Any]]:
    return "voice", start, {"destinationPhoneNumber": to, "duration": seconds}


def sms(count: int, to: str = GERMANY, start: str = "2026-06-15T10:00:00Z") -> tuple[str, str, dict[str, Any]]:
    return "sms", start, {"destinationPhoneNumber": to, "messageCount": count}


def data(volume: int, unit: str = "byte", start: str = "2026-06-15T10:00:00Z") -> tuple[str, str, dict[str, Any]]:
    return "data", start, {"volume": volume, "volumeUnit": unit}


# offering, credit in micros, the usage, outcome, lines as (kind, quantity, gross), what is drawn by bucket
M, L, S, TABLET = "prepaid-m", "postpaid-l", "prepaid-s", "data-only"
CALLS, MESSAGES, DATA, MONEY = "100 minutes 05-20", "50 messages 05-20", "10 GB data 05-20", "Main balance 05-20"
TABLE: list[tuple[str, int, Any, str, list[tuple[str, int, int]], dict[str, int]]] = [
    (M, 0, voice(GERMANY, 100), "rated", [("included", 100, 0)], {CALLS: 100}),
    (M, 0, voice(GERMANY, 1), "rated", [("included", 60, 0)], {CALLS: 60}),
    (M, 0, voice(GERMANY, 6000), "rated", [("included", 6000, 0)], {CALLS: 6000}),
    (M, 90_000, voice(GERMANY, 6060), "rated", [("included", 6000, 0), ("overage", 60, 90_000)],
     {CALLS: 6000, MONEY: 90_000}),
    (M, 89_999, voice(GERMANY, 6060), "failed insufficientCredit", [], {}),
    (M, 435_000, voice(BRITAIN, 90), "rated", [("usage", 90, 435_000)], {MONEY: 435_000}),
    (M, 434_999, voice(BRITAIN, 90), "failed insufficientCredit", [], {}),
    (M, 0, voice(BRITAIN, 1), "failed insufficientCredit", [], {}),
    (M, 0, voice(GERMANY, 0), "rated", [("usage", 0, 0)], {}),
    (M, 0, voice(EMERGENCY, 100), "notRated", [("included", 100, 0)], {}),
    (M, 0, sms(50), "rated", [("included", 50, 0)], {MESSAGES: 50}),
    (M, 180_000, sms(52), "rated", [("included", 50, 0), ("overage", 2, 180_000)], {MESSAGES: 50, MONEY: 180_000}),
    (M, 179_999, sms(52), "failed insufficientCredit", [], {}),
    (M, 5_000_000, sms(1, EMERGENCY), "failed noTariff", [], {}),
    (M, 0, data(1), "rated", [("included", 100_000, 0)], {DATA: 100_000}),
    (M, 0, data(10, "GB"), "rated", [("included", 10**10, 0)], {DATA: 10**10}),
    (M, 10_000, data(10_001, "MB"), "rated", [("included", 10**10, 0), ("overage", 10**6, 10_000)],
     {DATA: 10**10, MONEY: 10_000}),
    (M, 0, ("tv", "2026-06-15T10:00:00Z", {"viewingTime": 5}), "failed noTariff", [], {}),
    (TABLET, 0, voice(GERMANY, 60), "failed noTariff", [], {}),
    (S, 9_000_000, voice(GERMANY, 60), "rated", [("usage", 60, 90_000)], {MONEY: 90_000}),
    (L, 0, voice(BRITAIN, 60), "rated", [("usage", 60, 285_600)], {}),
    (L, 0, ("tv", "2026-06-14T19:00:00Z", {"viewingTime": 20}), "rated", [("included", 30, 0)],
     {"50 hours of television 05-20": 30}),
    (M, 0, voice(GERMANY, 60, "2026-06-15T12:15:00Z"), "rated", [("included", 60, 0)], {CALLS: 60}),
    (M, 0, voice(GERMANY, 60, "2026-06-15T12:15:00.001Z"), "failed inFuture", [], {}),
    (M, 0, voice(GERMANY, 60, "2026-05-19T23:59:59Z"), "failed unknownSubscriber", [], {}),
]  # fmt: skip


@pytest.mark.parametrize(("offering", "money", "usage", "outcome", "lines", "drawn"), TABLE)
async def test_a_usage_comes_to(tenant, subscribe, offering, money, usage, outcome, lines, drawn) -> None:
    line = await subscribe(offering)
    account = line["billingAccount"]["id"]
    if money:
        await credit(tenant, account, money)
    before = await available(tenant, account)
    service, start, values = usage
    (answer,) = await posted(tenant, USAGES, [usage_body(service, line["logicalResource"]["value"], start, **values)])
    assert told(answer) == outcome
    after = await available(tenant, account)
    assert {name: before[name] - after[name] for name in before if before[name] != after[name]} == drawn
    (row,) = await fetch(tenant, "select prices, reason, status from usage where id = $1", answer.result.id)
    found = [(each["kind"], each["quantity"], each["gross"]) for each in json.loads(row["prices"])]
    assert found == lines
    transfers = await fetch(tenant, "select amount from transfer where action_id = $1", answer.result.id)
    assert sum(each["amount"] for each in transfers) == sum(drawn.values())
    await sound(tenant)


async def test_a_record_older_than_60_days_waits_for_somebody_to_look_at_it(tenant, subscribe) -> None:
    line = await subscribe("prepaid-m", validFor={"startDateTime": "2026-01-20T00:00:00Z"})
    number, border = line["logicalResource"]["value"], NOON - timedelta(days=60)
    bodies = [
        usage_body("sms", number, at.isoformat(), destinationPhoneNumber=GERMANY)
        for at in (border, border - timedelta(seconds=1))
    ]
    assert [told(answer) for answer in await posted(tenant, USAGES, bodies)] == ["rated late", "failed tooLate"]


async def test_a_late_record_draws_from_the_bucket_of_its_own_period(tenant, subscribe) -> None:
    line = await subscribe("prepaid-m", validFor={"startDateTime": "2026-03-20T00:00:00Z"})
    account, number = line["billingAccount"]["id"], line["logicalResource"]["value"]
    before = await available(tenant, account)
    starts = ["2026-05-19T22:59:59Z", "2026-05-19T23:00:00Z", "2026-05-20T00:00:00Z"]  # one in the morning in Berlin
    bodies = [usage_body("sms", number, start, destinationPhoneNumber=GERMANY) for start in starts]
    assert [told(answer) for answer in await posted(tenant, USAGES, bodies)] == ["rated"] * 3
    after = await available(tenant, account)
    drawn = {name: before[name] - after[name] for name in before if before[name] != after[name]}
    assert drawn == {"50 messages 04-19": 1, "50 messages 05-19": 2}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"usageSpecification": {"id": "mystery"}, "usageCharacteristic": [{"name": "a", "value": 1}]},
         "failed unknownSpecification"),
        (usage_body("sms", "4915550000000", destinationPhoneNumber=GERMANY), "failed unknownSubscriber"),
        (usage_body("sms", "4915550000001", destinationPhoneNumber=GERMANY) | {"product": {"id": "none"}},
         "failed unknownSubscriber"),
    ],
)  # fmt: skip
async def test_a_usage_of_nobody_is_kept_in_suspense(tenant, body, outcome) -> None:
    (answer,) = await posted(tenant, USAGES, [body])
    assert told(answer) == outcome
    async with tenant.connection() as conn:
        kept = await select.by_ids(conn, USAGES.resource, tenant.clock.now(), [answer.result.id])
    assert '"status": "failed"' in kept[answer.result.id]


async def test_a_product_that_is_named_is_meant_whatever_the_number(tenant, subscribe) -> None:
    line, other = await subscribe("prepaid-m"), await subscribe("prepaid-m")
    body = usage_body("sms", other["logicalResource"]["value"], destinationPhoneNumber=GERMANY)
    (answer,) = await posted(tenant, USAGES, [body | {"product": {"id": line["id"]}}])
    assert told(answer) == "rated"
    assert (await available(tenant, line["billingAccount"]["id"]))[MESSAGES] == 49
    assert (await available(tenant, other["billingAccount"]["id"]))[MESSAGES] == 50


@pytest.mark.parametrize("action", ["suspend", "portOut"])
async def test_a_line_that_is_suspended_or_gone_is_not_charged(http, tenant, subscribe, action) -> None:
    line = await subscribe("prepaid-m")
    body = {"subscriber": {"id": line["id"]}, "action": action, "effectiveDate": "2026-06-10T00:00:00Z"}
    assert (await http.post(f"{OPERATOR}/subscriberChange", json=body)).status_code == 201
    number = line["logicalResource"]["value"]
    usage = usage_body("sms", number, destinationPhoneNumber=GERMANY)
    named = usage | {"product": {"id": line["id"]}, "externalIdentifier": [{"id": number}]}
    expected = {"suspend": ["productSuspended"] * 2, "portOut": ["unknownSubscriber", "productTerminated"]}[action]
    answers = await posted(tenant, USAGES, [usage, named])
    assert [told(answer) for answer in answers] == [f"failed {reason}" for reason in expected]


async def test_duplicates_are_refused_and_refer_to_the_first(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    number = line["logicalResource"]["value"]
    await credit(tenant, line["billingAccount"]["id"], 1_000_000)
    plain = usage_body("sms", number, destinationPhoneNumber=GERMANY)
    named = usage_body("sms", number, destinationPhoneNumber=BRITAIN)
    named["externalIdentifier"] = [{"owner": "switch", "externalIdentifierType": "cdr", "id": new_number()}]
    for body, field in ((plain, "usageCharacteristic"), (named, "externalIdentifier")):
        first = await http.post(USAGE, json=body)
        assert first.status_code == 201
        before = await whole(tenant)
        same = body | {"description": "sent again"}
        same["usageCharacteristic"] = list(reversed(body["usageCharacteristic"]))
        again = await http.post(USAGE, json=same)
        assert (again.status_code, again.json()["code"]) == (409, "duplicateUsage")
        assert again.json()["message"].startswith(field)
        assert again.json()["referenceError"] == first.json()["href"]
        assert await whole(tenant) == before
    other = named | {"externalIdentifier": [{"owner": "other", "externalIdentifierType": "cdr", "id": "1"}]}
    assert (await http.post(USAGE, json=other)).status_code == 201, "another owner's identifier is another record"


async def test_postpaid_usage_adds_up_in_the_open_window_exactly_net(tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    account, number = line["billingAccount"]["id"], line["logicalResource"]["value"]
    bodies = [
        usage_body("voice", number, f"2026-06-1{n % 5}T10:0{n}:00Z", destinationPhoneNumber=BRITAIN, duration=61 + n)
        for n in range(7)
    ]
    answers = await posted(tenant, USAGES, bodies[:4]) + await posted(tenant, USAGES, bodies[4:])
    assert {told(answer) for answer in answers} == {"rated"}
    (charge,) = await fetch(tenant, "select * from charge where account_id = $1", account)
    nets = [4_000 * (61 + n) for n in range(7)]  # 0.24 a minute, second by second after the first minute
    assert (charge["amount"], charge["quantity"], charge["events"]) == (sum(nets), sum(61 + n for n in range(7)), 7)
    assert (charge["component"], charge["zone"], charge["tax_category"]) == ("voice-uk-us-canada", "uk-us-canada", "S")
    assert charge["first_at"] == datetime(2026, 6, 10, 10, 0, tzinfo=UTC)
    assert charge["last_at"] == datetime(2026, 6, 14, 10, 4, tzinfo=UTC)


@pytest.mark.parametrize("offering", ["postpaid-l", "prepaid-m"])
async def test_a_quantity_at_the_edge_of_what_can_be_counted_is_no_failure(http, tenant, subscribe, offering) -> None:
    number = (await subscribe(offering))["logicalResource"]["value"]
    for volume in (2**63 - 1, 2**63 - 2, 2**62, 2**62 + 1, 2**62 + 2):
        answer = await http.post(USAGE, json=usage_body("data", number, volume=volume))
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] in ("failed", "rated")
    await sound(tenant)
