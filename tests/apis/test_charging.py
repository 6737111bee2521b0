"""Online charging: quotas over several buckets, what was used beyond them, repetition, order, the end of a session."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, NOON
from tests.engines.books import buckets, credit, fetch, sound

PATH = f"{BALANCE}/chargingRequest"
_sessions = count(1)


@pytest.fixture
def clock(tenant):
    yield tenant.clock
    tenant.clock.frozen = NOON


async def data_bucket(tenant, account: str) -> dict[str, Any]:
    return next(row for row in await buckets(tenant, account) if row["unit"] == "byte" and row["valid_to"] > NOON)


def session_of(line: dict[str, Any]) -> dict[str, Any]:
    whose = {
        "partyAccount": {"id": line["billingAccount"]["id"]},
        "logicalResource": [{"id": line["logicalResource"]["id"]}],
    }
    return {"sessionId": f"s-{next(_sessions)}", "requestNumber": 0} | whose


def data(used: Any = None, wanted: Any = None, group_id: str = "10") -> dict[str, Any]:
    return group(group_id, used, wanted, service="data", zone="home")


def group(group_id: str = "10", used: Any = None, wanted: Any = None, units: str = "MB", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"id": group_id, **more}
    if used is not None:
        found["usedUnits"] = {"amount": used, "units": units}
    if wanted is not None:
        found["requestedUnits"] = {"amount": wanted, "units": units}
    return found


async def ask(http: httpx.AsyncClient, session: dict[str, Any], *groups: dict[str, Any], **more: Any) -> Any:
    """The next request of a session; its rating groups as answered."""
    answer = await http.post(PATH, json=session | {"ratingGroup": list(groups)} | more)
    assert answer.status_code == 201, answer.text
    session["requestNumber"] += 1
    return answer.json()["ratingGroup"]


async def test_a_session_from_its_first_quota_to_its_end(http, tenant, subscribe) -> None:
    line = await subscribe()
    account = line["billingAccount"]["id"]
    before = await data_bucket(tenant, account)
    session = session_of(line)
    (first,) = await ask(http, session, data(wanted=100))
    assert (first["result"], first["grantedUnits"]) == ("granted", {"amount": 100, "units": "MB"})
    assert first["validFor"]["endDateTime"] == "2026-06-15T12:15:00.000Z"
    assert first["isFinalUnit"] is False
    assert (await data_bucket(tenant, account))["reserved"] == 100_000_000
    (second,) = await ask(http, session, data(used=60, wanted=50))
    assert (second["chargedUnits"]["amount"], second["unchargedUnits"]["amount"]) == (60, 0)
    held = await data_bucket(tenant, account)
    assert (held["used"] - before["used"], held["reserved"]) == (60_000_000, 50_000_000)
    (last,) = await ask(http, session, data(used=70), isLast=True)
    assert (last["result"], last["chargedUnits"]["amount"]) == ("reported", 70), "20 more than was held, but there"
    after = await data_bucket(tenant, account)
    assert (after["used"] - before["used"], after["reserved"]) == (130_000_000, 0)
    late = await http.post(PATH, json=session | {"ratingGroup": [group(used=1)]})
    assert (late.status_code, late.json()["code"]) == (409, "sessionEnded")
    await sound(tenant)


async def test_a_quota_is_a_reservation_that_all_can_see(http, tenant, subscribe) -> None:
    line = await subscribe()
    account = line["billingAccount"]["id"]
    await credit(tenant, account, 5_000_000)
    session = session_of(line)
    await ask(http, session, group(wanted=2, units="EUR"))
    shown = (await http.get(f"{BALANCE}/reserveBalance?partyAccount.id={account}")).json()
    assert [(each["status"], each["amount"]["amount"]) for each in shown] == [("created", 2)]
    assert session["sessionId"] in shown[0]["description"]
    taken = await http.delete(f"{BALANCE}/reserveBalance/{shown[0]['id']}")
    assert taken.status_code == 204
    (told,) = await ask(http, session, group(used=2, wanted=1, units="EUR"))
    assert (told["chargedUnits"]["amount"], told["grantedUnits"]["amount"]) == (2, 1), "charged all the same"
    await sound(tenant)


async def test_several_buckets_pay_in_their_order_and_the_last_units_are_final(http, tenant, subscribe) -> None:
    line = await subscribe()
    account = line["billingAccount"]["id"]
    main = await credit(tenant, account, 3_000_000)
    await fetch(
        tenant, "insert into bucket select (jsonb_populate_record(b, jsonb_build_object('id', 'promo-' || b.id,"
        " 'kind', 'allowance', 'allowance_id', 'promo', 'priority', 5, 'credited', 0, 'version', 0))).*"
        " from bucket b where id = $1", main
    )  # fmt: skip
    promo = f"promo-{main}"
    answer = await http.post(
        f"{BALANCE}/topupBalance", json={"amount": {"amount": 2, "units": "EUR"}, "bucket": {"id": promo}}
    )
    assert answer.status_code == 201
    session = session_of(line)
    (told,) = await ask(http, session, group(wanted=4, units="EUR"))
    assert (told["grantedUnits"]["amount"], told["isFinalUnit"]) == (4, False)
    rows = {row["id"]: row for row in await buckets(tenant, account)}
    assert (rows[promo]["reserved"], rows[main]["reserved"]) == (2_000_000, 2_000_000)
    (told,) = await ask(http, session, group(used=2.5, wanted=9, units="EUR"))
    assert (told["result"], told["grantedUnits"]["amount"], told["isFinalUnit"]) == ("partlyGranted", 2.5, True)
    rows = {row["id"]: row for row in await buckets(tenant, account)}
    assert (rows[promo]["used"], rows[main]["used"], rows[main]["reserved"]) == (2_000_000, 500_000, 2_500_000)
    (told,) = await ask(http, session, group(used=3, wanted=1, units="EUR"))
    assert (told["chargedUnits"]["amount"], told["unchargedUnits"]["amount"]) == (2.5, 0.5)
    assert (told["result"], told["grantedUnits"]["amount"], told["isFinalUnit"]) == ("insufficientBalance", 0, True)
    assert "validFor" not in told
    await sound(tenant)


async def test_rating_groups_have_quotas_of_their_own(http, tenant, subscribe) -> None:
    line = await subscribe()
    account = line["billingAccount"]["id"]
    session = session_of(line)
    told = await ask(
        http, session, group("voice", wanted=60, units="s", service="voice", zone="national"),
        data(wanted=10, group_id="data"), group("none", wanted=1, units="points"),
    )  # fmt: skip
    assert [each["result"] for each in told] == ["granted", "granted", "insufficientBalance"]
    (told,) = await ask(http, session, data(used=4, wanted=10, group_id="data"))
    held = {row["unit"]: row["reserved"] for row in await buckets(tenant, account) if row["reserved"]}
    assert held == {"second": 60, "byte": 10_000_000}
    await ask(http, session, isLast=True)
    assert not any(row["reserved"] for row in await buckets(tenant, account))
    await sound(tenant)


async def test_the_same_request_is_answered_the_same_and_done_once(http, tenant, subscribe) -> None:
    line = await subscribe()
    account = line["billingAccount"]["id"]
    session = session_of(line)
    await ask(http, session, data(wanted=100))
    body = session | {"ratingGroup": [data(used=30, wanted=100)]}
    answers = await asyncio.gather(*[http.post(PATH, json=body) for _ in range(10)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (await http.post(PATH, json=body)).content == answers[0].content
    row = await data_bucket(tenant, account)
    assert (row["used"], row["reserved"]) == (30_000_000, 100_000_000)
    other = await http.post(PATH, json=session | {"ratingGroup": [data(used=31, wanted=100)]})
    assert (other.status_code, other.json()["code"]) == (422, "keyReused")
    session["requestNumber"] = 9
    await ask(http, session, data(used=1, wanted=1))
    early = await http.post(PATH, json=session | {"requestNumber": 5, "ratingGroup": [data(used=31)]})
    assert (early.status_code, early.json()["code"]) == (409, "requestOutOfOrder")
    await sound(tenant)


async def test_a_quota_that_is_over_is_free_for_others_and_its_use_still_charged(
    http, tenant, subscribe, clock
) -> None:
    line = await subscribe()
    account = line["billingAccount"]["id"]
    await credit(tenant, account, 5_000_000)
    one, two = session_of(line), session_of(line)
    await ask(http, one, group(wanted=5, units="EUR"))
    (told,) = await ask(http, two, group(wanted=1, units="EUR"))
    assert told["result"] == "insufficientBalance"
    clock.frozen = NOON + timedelta(minutes=15)
    (told,) = await ask(http, two, group(wanted=4, units="EUR"))
    assert told["grantedUnits"]["amount"] == 4
    (told,) = await ask(http, one, group(used=3, wanted=1, units="EUR"))
    assert (told["chargedUnits"]["amount"], told["unchargedUnits"]["amount"]) == (1, 2)
    await sound(tenant)


async def test_a_number_or_a_product_says_whose_session_it_is(http, tenant, subscribe) -> None:
    line = await subscribe()
    for who in ({"number": f"+{line['logicalResource']['value']}"}, {"product": [{"id": line["id"]}]}):
        session: dict[str, Any] = {"sessionId": f"s-{next(_sessions)}", "requestNumber": 0}
        (told,) = await ask(http, session | who, data(wanted=10))
        assert told["result"] == "granted"
        session["requestNumber"] = 1
        (told,) = await ask(http, session, data(used=10))
        assert told["chargedUnits"]["amount"] == 10
    await sound(tenant)


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"partyAccount": {"id": "nobody"}}, 400, "partyAccount"),
        ({"partyAccount": None}, 400, "partyAccount"),
        ({"partyAccount": None, "number": "+4915559999999"}, 400, "partyAccount"),
        ({"number": "call me"}, 400, "number"),
        ({"requestNumber": -1}, 400, "requestNumber"),
        ({"sessionId": None}, 400, "sessionId"),
        ({"ratingGroup": []}, 400, "ratingGroup"),
        ({"ratingGroup": [{"id": "1"}]}, 400, "ratingGroup[0].usedUnits"),
        ({"ratingGroup": [group(used=-1)]}, 400, "ratingGroup[0].usedUnits.amount"),
        ({"ratingGroup": [group(wanted=0)]}, 400, "ratingGroup[0].requestedUnits.amount"),
        ({"ratingGroup": [group(wanted=1, units="furlongs")]}, 400, "ratingGroup[0].requestedUnits.units"),
        ({"ratingGroup": [group(used=1) | {"requestedUnits": {"amount": 1, "units": "s"}}]}, 400,
         "ratingGroup[0].requestedUnits.units"),
        ({"ratingGroup": [group(used=1), group(used=1)]}, 400, "ratingGroup[1].id"),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_refused_and_leaves_nothing(http, tenant, subscribe, changes, status, field) -> None:
    line = await subscribe()
    body = session_of(line) | {"ratingGroup": [group(used=1, wanted=1)]} | changes
    answer = await http.post(PATH, json={name: value for name, value in body.items() if value is not None})
    assert answer.status_code == status, answer.text
    assert field in answer.json()["message"], answer.text
    if body.get("sessionId"):
        assert await fetch(tenant, "select id from charging_session where id = $1", body["sessionId"]) == []
