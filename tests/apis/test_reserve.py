"""Reservations over HTTP: hold, resize, complete, cancel, expire, and every refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, NOON, client_of
from tests.engines.books import credit, fetch, sound

from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.engines.ledger import reserve
from oxl.kernel.background import change

PLACE = f"{BALANCE}/reserveBalance"
RESOURCE = next(each for each in PREPAY_BALANCE.resources if each.name == "reserveBalance")


@pytest.fixture
async def main(http: httpx.AsyncClient, tenant: Any, subscribe: Any) -> str:
    """A new subscriber's main bucket, with 10 EUR in it."""
    return await credit(tenant, (await subscribe())["billingAccount"]["id"], 10_000_000)


def eur(amount: float) -> dict[str, Any]:
    return {"amount": amount, "units": "EUR"}


async def figures(http: httpx.AsyncClient, bucket: str) -> tuple[Any, Any]:
    """(remaining, reserved) of a bucket."""
    doc = (await http.get(f"{BALANCE}/bucket/{bucket}")).json()
    return doc["remainingValue"]["amount"], doc["reservedValue"]["amount"]


async def events(tenant: Any, resource_id: str) -> list[str]:
    rows = await fetch(tenant, "select event_type from outbox where resource_id = $1 order by xid, id", resource_id)
    return [row["event_type"] for row in rows]


async def test_what_is_reserved_is_used_in_part_and_the_rest_returns(http, tenant, main) -> None:
    made = await http.post(PLACE, json={"amount": eur(4), "bucket": {"id": main}})
    assert (made.status_code, made.json()["status"]) == (201, "created")
    assert await figures(http, main) == (6, 4)
    place = made.json()["href"]
    grown = await http.patch(place, json={"status": "created", "reason": "longer", "amount": eur(7)})
    assert (grown.status_code, grown.json()["amount"]) == (200, eur(7))
    assert await figures(http, main) == (3, 7)
    used = await http.patch(place, json={"status": "completed", "reason": "over", "amount": eur(2.5)})
    assert (used.status_code, used.json()["status"]) == (200, "completed")
    assert used.json()["confirmationDate"] == "2026-06-15T12:00:00.000Z"
    assert await figures(http, main) == (7.5, 0)
    assert await events(tenant, made.json()["id"]) == ["ReserveBalanceCreateEvent"]
    await sound(tenant)


async def test_completing_twice_is_done_once_and_nothing_else_goes_on_from_there(http, tenant, main) -> None:
    place = (await http.post(PLACE, json={"amount": eur(4), "bucket": {"id": main}})).json()["href"]
    for _ in range(2):
        assert (await http.patch(place, json={"status": "completed", "reason": "used"})).status_code == 200
    assert await figures(http, main) == (6, 0)
    for body in ({"status": "cancelled"}, {"status": "created"}, {"amount": eur(1)}, {"status": "failed"}):
        answer = await http.patch(place, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegalTransition"), body
    assert await figures(http, main) == (6, 0)
    assert (await http.delete(place)).status_code == 204
    assert (await http.get(place)).status_code == 404
    assert await figures(http, main) == (6, 0)
    await sound(tenant)


@pytest.mark.parametrize("how", ["patch", "delete"])
async def test_what_is_cancelled_is_free_again(http, tenant, main, how: str) -> None:
    made = (await http.post(PLACE, json={"amount": eur(10), "bucket": {"id": main}})).json()
    assert await figures(http, main) == (0, 10)
    if how == "patch":
        answer = await http.patch(made["href"], json={"status": "cancelled", "reason": "hung up"})
        assert (answer.status_code, answer.json()["statusReason"]) == (200, "hung up")
    else:
        assert (await http.delete(made["href"])).status_code == 204
    assert await figures(http, main) == (10, 0)
    assert await events(tenant, made["id"]) == ["ReserveBalanceCreateEvent", "ReserveBalanceCancelEvent"]
    await sound(tenant)


async def test_without_an_amount_the_usual_portion_is_granted_or_what_is_left(http, main) -> None:
    answers = [(await http.post(PLACE, json={"bucket": {"id": main}})).json() for _ in range(2)]
    assert [each["amount"] for each in answers] == [eur(1), eur(1)]
    await http.post(PLACE, json={"amount": eur(7.4), "bucket": {"id": main}})
    assert (await http.post(PLACE, json={"bucket": {"id": main}})).json()["amount"] == eur(0.6)
    nothing = await http.post(PLACE, json={"bucket": {"id": main}})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "insufficientBalance")


async def test_91_too_much_is_refused_and_kept_as_failed(http, tenant, main) -> None:
    answer = await http.post(PLACE, json={"amount": eur(10.000001), "bucket": {"id": main}})
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficientBalance")
    failed = (await http.get(answer.json()["referenceError"])).json()
    assert (failed["status"], failed["statusReason"]) == ("failed", "insufficientBalance")
    assert await events(tenant, failed["id"]) == ["ReserveBalanceCreateEvent", "ReserveBalanceFailureEvent"]
    place = (await http.post(PLACE, json={"amount": eur(10), "bucket": {"id": main}})).json()["href"]
    more = await http.patch(place, json={"status": "created", "amount": eur(10.5)})
    assert (more.status_code, more.json()["code"]) == (409, "insufficientBalance")
    over = await http.patch(place, json={"status": "completed", "amount": eur(10.5)})
    assert (over.status_code, over.json()["code"]) == (409, "usedExceedsReserved")
    assert (await http.get(place)).json()["amount"] == eur(10)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"bucket": {"id": "none"}}, "unknownBucket"),
        ({"amount": {"amount": 1, "units": "USD"}}, "unitMismatch"),
        ({"amount": {"amount": 0, "units": "EUR"}}, "invalidValue"),
        ({"amount": {"amount": 1, "units": "nothing"}}, "invalidValue"),
        ({"usageType": "voice"}, "usageTypeMismatch"),
        ({"amount": {"amount": 1, "units": "EUR"}, "usageType": "voice"}, "invalidValue"),
        ({"partyAccount": {"id": "another"}}, "accountMismatch"),
        ({"validFor": {"endDateTime": "2026-06-15T12:00:00Z"}}, "invalidValue"),
        ({"validFor": {"endDateTime": "2027-06-15T12:00:00Z"}}, "invalidValue"),
    ],
)
async def test_what_is_wrong_is_refused_by_name_and_nothing_is_kept(http, tenant, main, body, code) -> None:
    before = await fetch(tenant, "select count(*) as n from reservation")
    answer = await http.post(PLACE, json={"bucket": {"id": main}} | body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await fetch(tenant, "select count(*) as n from reservation") == before


async def test_a_reservation_that_is_over_is_free_at_once_and_told_of_once(make_tenant: Any) -> None:
    tenant = await make_tenant()
    async with client_of(tenant) as http:
        body = {"party": {"name": "Ada"}, "logicalResource": {"value": "4915550777777"},
                "productOffering": {"id": "prepaid-m"}}  # fmt: skip
        line = (await http.post("/oxl/v1/subscriber", json=body)).json()
        main = await credit(tenant, line["billingAccount"]["id"], 10_000_000)
        made = [
            (await http.post(PLACE, json={"amount": eur(5), "bucket": {"id": main}} | more)).json()
            for more in ({}, {"validFor": {"endDateTime": "2026-06-15T12:20:00Z"}})
        ]
        assert made[0]["validFor"] == {"endDateTime": "2026-06-15T12:15:00.000Z"}
        tenant.clock.frozen = NOON + timedelta(minutes=15)
        assert await figures(http, main) == (5, 5)
        gone = (await http.get(made[0]["href"])).json()
        assert (gone["status"], gone["statusReason"]) == ("cancelled", "expired")
        late = await http.patch(made[0]["href"], json={"status": "completed", "reason": "too late"})
        assert (late.status_code, late.json()["code"]) == (409, "illegalTransition")
        taken = await http.post(f"{BALANCE}/adjustBalance", json={"amount": eur(-5), "bucket": {"id": main}})
        assert taken.status_code == 201
        await sound(tenant)
        tenant.clock.frozen = NOON + timedelta(minutes=30)
        told = [result for _ in range(3) for result in await change(tenant, PREPAY_BALANCE, RESOURCE, reserve.sweep)]
        assert sorted(each.id for each in told) == sorted(each["id"] for each in made)
        for each in made:
            assert (await events(tenant, each["id"])).count("ReserveBalanceCancelEvent") == 1
        assert await figures(http, main) == (5, 0)
        await sound(tenant)
