"""What happens to a usage after it was taken: superseded, tried again, deleted, replaced; the books follow."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import BALANCE, USAGE, usage_body
from tests.engines.books import (
    BRITAIN,
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


async def owed(tenant: Any, account: str) -> dict[str, tuple[int, int, int]]:
    """(quantity, amount, events) by component of what an account owes, for all of its lines together."""
    summed = """select component, sum(quantity)::bigint as quantity, sum(amount)::bigint as amount,
        sum(events)::bigint as events from charge where account_id = $1 group by component order by component"""
    rows = await fetch(tenant, summed, account)
    return {row["component"]: (row["quantity"], row["amount"], row["events"]) for row in rows}


async def proven(tenant: Any) -> None:
    """The ledger is sound, and what the usages and their past have added to windows is what the windows hold."""
    await sound(tenant)
    assert not await fetch(tenant, "select * from usage_charge_difference()")
    assert not await fetch(
        tenant,
        """select coalesce(d.bucket_id, b.id) from (
               select e ->> 0 as bucket_id, sum((e ->> 1)::bigint) as drawn
               from usage, jsonb_array_elements(draws) e group by 1) d
           full join (select id, used from bucket where used <> 0) b on b.id = d.bucket_id
           where coalesce(d.drawn, 0) <> coalesce(b.used, 0)""",
    )


def call(number: str, to: str = BRITAIN, seconds: int = 90, **more: Any) -> dict[str, Any]:
    return usage_body("voice", number, destinationPhoneNumber=to, duration=seconds, **more)


def named(body: dict[str, Any], name: str) -> dict[str, Any]:
    return body | {"externalIdentifier": [{"owner": "switch", "id": name}]}


@pytest.mark.parametrize("offering", ["prepaid-m", "postpaid-l"])
async def test_what_is_superseded_gives_everything_back(http, tenant, subscribe, offering) -> None:
    line = await subscribe(offering)
    account, number = line["billingAccount"]["id"], line["logicalResource"]["value"]
    if offering == "prepaid-m":
        await credit(tenant, account, 5_000_000)
    before = await available(tenant, account)
    made = [(await http.post(USAGE, json=each)).json() for each in (call(number), call(number, GERMANY, 7000))]
    assert [each["status"] for each in made] == ["rated", "rated"]
    assert (await available(tenant, account), await owed(tenant, account)) != (before, {})
    for each in made:
        answer = await http.patch(f"{USAGE}/{each['id']}", json={"status": "superseded"})
        assert (answer.status_code, answer.json()["status"]) == (200, "superseded"), answer.text
    assert await available(tenant, account) == before
    assert all(figures == (0, 0, 0) for figures in (await owed(tenant, account)).values())
    again = await http.patch(f"{USAGE}/{made[0]['id']}", json={"status": "validated"})
    assert (again.status_code, again.json()["code"]) == (409, "illegalTransition")
    past = await fetch(
        tenant, "select status, actor from usage_past() where usage_id = $1 order by revision", made[0]["id"]
    )
    assert [tuple(row.values()) for row in past] == [("rated", "client"), ("superseded", "client")]
    await proven(tenant)


async def test_a_higher_version_of_a_record_takes_its_place(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    account, number = line["billingAccount"]["id"], line["logicalResource"]["value"]
    first = (await http.post(USAGE, json=named(call(number, seconds=60), "r1"))).json()
    second = (await http.post(USAGE, json=named(call(number, seconds=120, recordVersion=2), "r1"))).json()
    assert second["status"] == "rated"
    assert (await http.get(f"{USAGE}/{first['id']}")).json()["status"] == "superseded"
    assert await owed(tenant, account) == {"voice-uk-us-canada": (120, 480_000, 1)}
    late = await http.post(USAGE, json=named(call(number, seconds=90, recordVersion=1), "r1"))
    assert (late.status_code, late.json()["code"]) == (409, "duplicateUsage")
    assert late.json()["referenceError"].endswith(second["id"])
    events = await fetch(tenant, "select event_type from outbox where resource_id = $1 order by id", first["id"])
    assert [row["event_type"] for row in events] == ["ProductUsageCreateEvent", "ProductUsageStateChangeEvent"]
    await proven(tenant)


async def test_versions_of_a_record_in_one_group_come_one_after_another(tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    number = line["logicalResource"]["value"]
    versions = [named(call(number, seconds=60 * n, recordVersion=n), "r2") for n in (1, 3, 2, 4)]
    assert [told(answer) for answer in await posted(tenant, USAGES, versions)] == [
        "rated", "rated", "duplicateUsage", "rated",
    ]  # fmt: skip
    assert await owed(tenant, line["billingAccount"]["id"]) == {"voice-uk-us-canada": (240, 960_000, 1)}
    await proven(tenant)


async def test_what_waited_for_its_owner_is_rated_when_tried_again(http, tenant, subscribe) -> None:
    number = new_number()
    waiting = (await http.post(USAGE, json=call(number))).json()
    assert (waiting["status"], waiting["statusReason"]) == ("failed", "unknownSubscriber")
    still = await http.patch(f"{USAGE}/{waiting['id']}", json={"status": "validated"})
    assert (still.status_code, still.json()["status"]) == (200, "failed")
    line = await subscribe("postpaid-l", logicalResource={"value": number})
    answer = await http.patch(f"{USAGE}/{waiting['id']}", json={"status": "validated"})
    assert (answer.status_code, answer.json()["status"]) == (200, "rated"), answer.text
    assert "statusReason" not in answer.json()
    assert answer.json()["product"]["id"] == line["id"]
    assert await owed(tenant, line["billingAccount"]["id"]) == {"voice-uk-us-canada": (90, 360_000, 1)}
    await proven(tenant)


async def test_only_what_was_never_charged_is_deleted(http, tenant, subscribe) -> None:
    line = await subscribe("postpaid-l")
    body = named(call(new_number()), "r3")
    waiting = (await http.post(USAGE, json=body)).json()
    before = await whole(tenant)
    assert (await http.delete(f"{USAGE}/{waiting['id']}")).status_code == 204
    assert (await http.get(f"{USAGE}/{waiting['id']}")).status_code == 404
    after = await whole(tenant)
    assert (after["usage"], after["usage_key"]) == (before["usage"] - 1, before["usage_key"] - 1)
    assert (await http.post(USAGE, json=body)).status_code == 201
    rated = (await http.post(USAGE, json=call(line["logicalResource"]["value"]))).json()
    answer = await http.delete(f"{USAGE}/{rated['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegalTransition")
    past = await fetch(tenant, "select status from usage_past() where usage_id = $1 order by revision", waiting["id"])
    assert [row["status"] for row in past] == ["failed", "deleted"]
    await proven(tenant)


async def test_a_record_with_a_reservation_never_charges_twice(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    account, number = line["billingAccount"]["id"], line["logicalResource"]["value"]
    main = await credit(tenant, account, 1_000_000)
    left = {"Main balance 05-20": 0}
    reserve = {"bucket": {"id": main}, "amount": {"amount": 1, "units": "EUR"}}
    held = (await http.post(f"{BALANCE}/reserveBalance", json=reserve)).json()
    without = (await http.post(USAGE, json=call(number, seconds=120))).json()
    assert (without["status"], without["statusReason"]) == ("failed", "insufficientCredit")
    first = (await http.post(USAGE, json=named(call(number, reserveBalanceId=held["id"]), "online-1"))).json()
    assert first["status"] == "rated"
    left["Main balance 05-20"] = 1_000_000 - 435_000
    assert (await available(tenant, account))["Main balance 05-20"] == left["Main balance 05-20"]
    second = (await http.post(USAGE, json=named(call(number, reserveBalanceId=held["id"]), "online-2"))).json()
    assert (second["status"], second["statusReason"]) == ("notRated", "chargedOnline")
    other = (
        await http.post(f"{BALANCE}/reserveBalance", json=reserve | {"amount": {"amount": 0.5, "units": "EUR"}})
    ).json()
    done = {"status": "completed", "amount": {"amount": 0.4, "units": "EUR"}, "reason": "over"}
    assert (await http.patch(f"{BALANCE}/reserveBalance/{other['id']}", json=done)).status_code == 200
    paid = (await http.post(USAGE, json=named(call(number, reserveBalanceId=other["id"]), "online-3"))).json()
    assert (paid["status"], paid["statusReason"]) == ("notRated", "chargedOnline")
    assert paid["usageProductPrice"][0]["price"]["taxIncludedAmount"] == {"unit": "EUR", "value": 0.4}
    assert (await available(tenant, account))["Main balance 05-20"] == left["Main balance 05-20"] - 400_000
    better = named(call(number, seconds=60, reserveBalanceId=held["id"], recordVersion=2), "online-1")
    mended = (await http.post(USAGE, json=better)).json()
    assert (mended["status"], mended.get("statusReason")) == ("rated", None)
    now = (await available(tenant, account))["Main balance 05-20"]
    assert left["Main balance 05-20"] - 400_000 < now < 1_000_000 - 400_000
    strange = (await http.post(USAGE, json=call(number, reserveBalanceId="none"))).json()
    assert (strange["status"], strange["statusReason"]) == ("failed", "unknownReservation")
    await sound(tenant)
