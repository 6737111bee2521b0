"""Transfers, reversals, history and accumulated balances over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.apis.test_reserve import eur, events, figures
from tests.conftest import BALANCE
from tests.engines.books import credit, fetch, sound

from oxl.engines.catalog import registry
from oxl.kernel.background import once

PLACE = f"{BALANCE}/transferBalance"
COST = 'transfer: {{cost: {{currency: EUR, {cost}}}, limits: [{{unit: EUR, each: "5", day: "8"}}]}}\n'


@pytest.fixture
async def pair(tenant: Any, subscribe: Any) -> tuple[str, str]:
    """Two main buckets with 10 EUR and 1 EUR."""
    accounts = [(await subscribe())["billingAccount"]["id"] for _ in range(2)]
    return await credit(tenant, accounts[0], 10_000_000), await credit(tenant, accounts[1], 1_000_000)


@pytest.fixture
async def costly(tenant: Any) -> Any:
    """A function that publishes what a transfer costs; afterwards nothing does."""

    async def publish(cost: str = "", text: str = "") -> None:
        texts = {"balances.yaml": text or COST.format(cost=cost)}
        await once(tenant, lambda work: registry.publish(work, texts))

    yield publish
    await publish(text="settleDays: 60\n")


def body_of(pair: tuple[str, str], amount: float, **more: Any) -> dict[str, Any]:
    return {"amount": eur(amount), "bucket": {"id": pair[0]}, "receiverBucket": {"id": pair[1]}} | more


async def test_a_transfer_moves_at_once_and_says_all_that_the_document_wants(http, tenant, pair) -> None:
    answer = await http.post(PLACE, json=body_of(pair, 4))
    made = answer.json()
    assert (answer.status_code, made["status"]) == (201, "completed")
    assert {"reason", "channel", "logicalResource", "receiverLogicalResource", "partyAccount"} <= made.keys()
    assert [await figures(http, bucket) for bucket in pair] == [(6, 0), (5, 0)]
    assert await events(tenant, made["id"]) == ["TransferBalanceCreateEvent"]
    await sound(tenant)


@pytest.mark.parametrize(
    ("owner", "cost", "left"),
    [
        ("originator", 'flat: "0.5"', (5.5, 5)),
        ("receiver", 'flat: "0.5"', (6, 4.5)),
        ("originator", 'percent: "10"', (5.6, 5)),
        ("originator", 'percent: "10", minimum: "1"', (5, 5)),
        ("receiver", 'percent: "50", maximum: "0.25"', (6, 4.75)),
    ],
)
async def test_the_cost_is_taken_from_its_owner(http, tenant, pair, costly, owner, cost, left) -> None:
    await costly(cost)
    made = (await http.post(PLACE, json=body_of(pair, 4, costOwner=owner))).json()
    assert [(await figures(http, bucket))[0] for bucket in pair] == list(left)
    taken = 11 - sum(left)
    assert made["transferCost"] == {"unit": "EUR", "value": pytest.approx(taken)}
    told = await http.post(PLACE, json=body_of(pair, 1, transferCost={"unit": "EUR", "value": 99}))
    assert (told.status_code, told.json()["code"]) == (400, "costMismatch")
    assert (await http.delete(made["href"])).status_code == 204
    assert (await http.get(made["href"])).status_code == 404
    assert [(await figures(http, bucket))[0] for bucket in pair] == [10, 1]
    assert await events(tenant, made["id"]) == ["TransferBalanceCreateEvent", "TransferBalanceCancelEvent"]
    await sound(tenant)


async def test_units_cost_money_of_the_payers_main_bucket_or_nothing_moves(http, tenant, subscribe, costly) -> None:
    await costly('flat: "0.5"')
    lines = [await subscribe() for _ in range(2)]
    main = await credit(tenant, lines[0]["billingAccount"]["id"], 600_000)
    packs = [
        (await fetch(tenant, "select id from bucket where account_id = $1 and unit = 'byte' order by name limit 1",
                     line["billingAccount"]["id"]))[0]["id"]
        for line in lines
    ]  # fmt: skip
    before = [(await figures(http, pack))[0] for pack in packs]
    body = {"amount": {"amount": 1, "units": "GB"}, "bucket": {"id": packs[0]}, "receiverBucket": {"id": packs[1]}}
    assert (await http.post(PLACE, json=body)).status_code == 201
    again = await http.post(PLACE, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "costNotCovered")
    assert [(await figures(http, pack))[0] for pack in packs] == [before[0] - 1, before[1] + 1]
    assert (await figures(http, main))[0] == 0.1
    await sound(tenant)


async def test_limits_hold_for_one_transfer_and_for_the_day(http, pair, costly) -> None:
    await costly('flat: "0"')
    codes = [(await http.post(PLACE, json=body_of(pair, amount))).json().get("code") for amount in (5.5, 5, 4, 3, 0.1)]
    assert codes == ["limitExceeded", None, "limitExceeded", None, "limitExceeded"]
    assert (await figures(http, pair[0]))[0] == 2


async def test_what_cannot_be_transferred_is_refused_by_name(http, tenant, pair) -> None:
    for change, status, code in [
        ({"amount": eur(10.1)}, 409, "insufficientBalance"),
        ({"receiverBucket": {"id": pair[0]}}, 400, "sameBucket"),
        ({"receiverBucket": {"id": "none"}}, 400, "unknownReceiverBucket"),
        ({"bucket": {"id": "none"}}, 400, "unknownBucket"),
        ({"amount": {"amount": 1, "units": "GB"}}, 400, "unitMismatch"),
        ({"receiverBucketUsageType": "data"}, 400, "usageTypeMismatch"),
        ({"amount": eur(-1)}, 400, "invalidValue"),
        ({"transferCost": {"unit": "?", "value": 1}}, 400, "invalidValue"),
    ]:
        answer = await http.post(PLACE, json=body_of(pair, 1) | change)
        assert (answer.status_code, answer.json()["code"]) == (status, code), change
    assert [(await figures(http, bucket))[0] for bucket in pair] == [10, 1]
    failed = (await http.get(f"{PLACE}?bucket.id={pair[0]}&status=failed")).json()
    assert [each["statusReason"] for each in failed] == ["insufficientBalance"]
    assert await events(tenant, failed[0]["id"]) == ["TransferBalanceCreateEvent", "TransferBalanceFailureEvent"]


async def test_a_transfer_is_described_anew_but_not_moved_anew(http, pair) -> None:
    made = (await http.post(PLACE, json=body_of(pair, 4))).json()
    patched = await http.patch(made["href"], json={"reason": "gift", "channel": {"id": "shop"}})
    assert (patched.status_code, patched.json()["reason"]) == (200, "gift")
    for body in ({"amount": eur(3)}, {"status": "cancelled"}, {"receiverBucket": {"id": "x"}}):
        assert (await http.patch(made["href"], json=body)).status_code == 400, body


@pytest.mark.parametrize(("kind", "amount", "left"), [("topup", 3, 13), ("adjust", 3, 13), ("adjust", -3, 7)])
async def test_what_was_done_is_reversed_once(http, tenant, pair, kind, amount, left) -> None:
    made = (await http.post(f"{BALANCE}/{kind}Balance", json=body_of(pair, amount))).json()
    assert (await figures(http, pair[0]))[0] == left
    for _ in range(2):
        answer = await http.patch(made["href"], json={"status": "cancelled", "reason": "mistake"})
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert (await figures(http, pair[0]))[0] == 10
    back = await http.patch(made["href"], json={"status": "completed"})
    assert (back.status_code, back.json()["code"]) == (409, "illegalTransition")
    assert (await http.delete(made["href"])).status_code == 204
    assert (await figures(http, pair[0]))[0] == 10
    name = f"{kind.capitalize()}Balance"
    assert await events(tenant, made["id"]) == [f"{name}CreateEvent", f"{name}CancelEvent"]
    await sound(tenant)


async def test_what_is_spent_cannot_be_taken_back(http, tenant, pair) -> None:
    made = (await http.post(f"{BALANCE}/topupBalance", json=body_of(pair, 5))).json()
    moved = (await http.post(PLACE, json=body_of(pair, 14))).json()
    for answer in (await http.patch(made["href"], json={"status": "cancelled"}), await http.delete(made["href"])):
        assert (answer.status_code, answer.json()["code"]) == (409, "insufficientBalance")
    assert (await http.get(made["href"])).json()["status"] == "completed"
    assert (
        await http.post(f"{BALANCE}/adjustBalance", json={"amount": eur(-15), "bucket": {"id": pair[1]}})
    ).is_success
    assert (await http.delete(moved["href"])).status_code == 409
    await sound(tenant)


async def test_history_shows_what_moved_money_and_accumulated_what_an_account_has(http, pair) -> None:
    moved = (await http.post(PLACE, json=body_of(pair, 4))).json()
    await http.post(f"{BALANCE}/adjustBalance", json={"amount": eur(1), "bucket": {"id": pair[1]}})
    await http.post(f"{BALANCE}/reserveBalance", json={"amount": eur(1), "bucket": {"id": pair[0]}})
    mine = (await http.get(f"{BALANCE}/balanceActionHistory?bucket.id={pair[0]}")).json()
    assert [each["id"] for each in mine][-1] == moved["id"]
    assert len(mine) == 2
    theirs = (await http.get(f"{BALANCE}/balanceActionHistory?receiverBucket.id={pair[1]}")).json()
    assert [each["id"] for each in theirs] == [moved["id"]]
    account = moved["partyAccount"]["id"]
    found = (await http.get(f"{BALANCE}/accumulatedBalance?partyAccount.id={account}")).json()
    money = next(each for each in found if each["id"].endswith(".monetary.EUR"))
    assert money["totalBalance"] == eur(5)
    assert money["bucket"] == [{"@referredType": "Bucket", "id": pair[0], "name": "Main balance"}]
    one: httpx.Response = await http.get(money["href"])
    assert one.json() == money
