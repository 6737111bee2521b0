"""Lines, numbers and their history: who held a number when, and refusals that leave nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.conftest import OPERATOR, usage_body
from tests.engines.books import CHANGES, GERMANY, SUBSCRIBERS, USAGES, fetch, new_number, posted, told, whole

SUBSCRIBER = f"{OPERATOR}/subscriber"


def line_of(number: str, offering: str = "prepaid-m", **more: Any) -> dict[str, Any]:
    start = {"startDateTime": "2026-05-20T00:00:00Z"}
    return {
        "party": {"name": "Ada"},
        "logicalResource": {"value": number},
        "productOffering": {"id": offering},
        "validFor": start,
    } | more


def change_of(subscriber: str, action: str, at: str, offering: str | None = None) -> dict[str, Any]:
    more = {"productOffering": {"id": offering}} if offering else {}
    return {"subscriber": {"id": subscriber}, "action": action, "effectiveDate": at} | more


def sms(number: str, at: str) -> dict[str, Any]:
    return usage_body("sms", number, at, destinationPhoneNumber=GERMANY)


async def test_a_number_that_is_used_again_guides_to_who_held_it_then(tenant) -> None:
    number = new_number()
    (first,) = await posted(tenant, SUBSCRIBERS, [line_of(number)])
    await posted(tenant, CHANGES, [change_of(first.result.id, "portOut", "2026-06-01T00:00:00Z")])
    again = line_of(number, validFor={"startDateTime": "2026-06-05T00:00:00Z"})
    (second,) = await posted(tenant, SUBSCRIBERS, [again])
    at = {
        "2026-05-19T23:59:59Z": None,
        "2026-05-20T00:00:00Z": first.result.id,
        "2026-05-31T23:59:59Z": first.result.id,
        "2026-06-01T00:00:00Z": None,
        "2026-06-04T23:59:59Z": None,
        "2026-06-05T00:00:00Z": second.result.id,
        "2026-06-14T00:00:00Z": second.result.id,
    }
    answers = await posted(tenant, USAGES, [sms(number, instant) for instant in at])
    rows = await fetch(
        tenant, "select id, product_id, status from usage where id = any ($1)", [a.result.id for a in answers]
    )
    found = {row["id"]: row["product_id"] for row in rows}
    assert [found[answer.result.id] for answer in answers] == list(at.values())
    assert [told(answer) for answer in answers] == [
        "rated" if product else "failed unknownSubscriber" for product in at.values()
    ]


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [
        ("2026-01-01T00:00:00Z", "2026-05-20T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", "2026-05-20T00:00:01Z", False),
        ("2026-01-01T00:00:00Z", None, False),
        ("2026-06-01T00:00:00Z", None, True),
        ("2026-05-31T23:59:59Z", None, False),
        ("2026-05-25T00:00:00Z", "2026-05-26T00:00:00Z", False),
    ],
)
async def test_a_number_is_held_by_one_line_at_a_time(tenant, start, end, free) -> None:
    number = new_number()
    period = {"startDateTime": "2026-05-20T00:00:00Z", "endDateTime": "2026-06-01T00:00:00Z"}
    other = {"startDateTime": start} | ({"endDateTime": end} if end else {})
    answers = await posted(tenant, SUBSCRIBERS, [line_of(number, validFor=period)])
    answers += await posted(tenant, SUBSCRIBERS, [line_of(number, validFor=other)])
    assert [told(answer) for answer in answers] == ["done", "done" if free else "numberInUse"]


@pytest.mark.parametrize(
    ("changes", "status", "code", "named"),
    [
        ({"logicalResource": {"value": "taken"}}, 409, "numberInUse", "logicalResource.value"),
        ({"externalId": "taken-line"}, 409, "duplicate", "externalId"),
        ({"billingAccount": {"id": "nowhere"}}, 400, "unknownAccount", "billingAccount.id"),
        ({"billingAccount": {"id": "prepaid"}, "productOffering": {"id": "postpaid-l"}}, 400,
         "accountMismatch", "productOffering.id"),
        ({"billingAccount": {"kind": "postpaid"}}, 400, "invalidValue", "billingAccount.kind"),
        ({"billingAccount": {"currency": "USD"}}, 400, "invalidValue", "billingAccount.currency"),
        ({"billingAccount": {"billingDay": 29}}, 400, "invalidValue", "billingAccount.billingDay"),
        ({"productOffering": {"id": "nothing"}}, 400, "unknownOffering", "productOffering.id"),
        ({"productOffering": {"id": "tablet-bundle"}}, 400, "unknownOffering", "productOffering.id"),
        ({"productOffering": {"id": "roaming-eu-pack"}}, 400, "invalidValue", "productOffering.id"),
        ({"addOn": [{"id": "prepaid-s"}]}, 400, "invalidValue", "addOn[0].id"),
        ({"addOn": [{"id": "roaming-eu-pack"}, {"id": "no"}]}, 400, "unknownOffering", "addOn[1].id"),
        ({"logicalResource": {}}, 400, "missingAttribute", "logicalResource.value"),
        ({"logicalResource": {"value": "12"}}, 400, "invalidValue", "logicalResource.value"),
        ({"logicalResource": {"value": "+49 155"}}, 400, "invalidValue", "logicalResource.value"),
        ({"validFor": {"startDateTime": "2026-06-01T00:00:00Z", "endDateTime": "2026-06-01T00:00:00Z"}}, 400,
         "invalidValue", "validFor.endDateTime"),
        ({"validFor": {"startDateTime": "0001-01-01T00:00:00+14:00"}}, 400, "invalidValue", "validFor.startDateTime"),
        ({"validFor": {"startDateTime": "2026-06-01T00:00:00Z", "endDateTime": "9999-12-31T23:59:59-12:00"}}, 400,
         "invalidValue", "validFor.endDateTime"),
        ({"party": None}, 400, "missingAttribute", "party"),
    ],
)  # fmt: skip
async def test_a_line_that_cannot_be_leaves_nothing_behind(
    http, tenant, subscribe, changes, status, code, named
) -> None:
    taken = await subscribe(externalId=f"line-{new_number()}")
    changes = dict(changes)
    if changes.get("externalId"):
        changes["externalId"] = taken["externalId"]
    if changes.get("logicalResource") == {"value": "taken"}:
        changes["logicalResource"] = {"value": taken["logicalResource"]["value"]}
    if changes.get("billingAccount") == {"id": "prepaid"}:
        changes["billingAccount"] = {"id": taken["billingAccount"]["id"]}
    before = await whole(tenant)
    answer = await http.post(SUBSCRIBER, json=line_of(new_number()) | changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["message"].startswith(named)
    assert await whole(tenant) == before


async def test_lines_without_an_external_id_are_no_duplicates_of_each_other_in_a_group(tenant) -> None:
    numbers = [new_number() for _ in range(3)]
    bodies = [line_of(number) for number in [*numbers, numbers[0]]]
    bodies += [line_of(new_number(), externalId=f"same-{numbers[0]}") for _ in range(2)]
    answers = await posted(tenant, SUBSCRIBERS, bodies)
    assert [told(answer) for answer in answers] == ["done", "done", "done", "numberInUse", "done", "duplicate"]


async def test_lines_of_one_external_account_share_it_and_its_main_bucket(tenant) -> None:
    name = f"account-{new_number()}"
    bodies = [line_of(new_number(), billingAccount={"externalId": name}) for _ in range(3)]
    await posted(tenant, SUBSCRIBERS, bodies[:2])
    await posted(tenant, SUBSCRIBERS, bodies[2:])
    (account,) = await fetch(tenant, "select id from account where external_id = $1", name)
    mains = await fetch(tenant, "select id from bucket where account_id = $1 and kind = 'main'", account["id"])
    devices = await fetch(tenant, "select id from device where account_id = $1", account["id"])
    assert (len(mains), len(devices)) == (1, 3)


async def test_the_same_number_asked_for_many_times_at_once_is_given_out_once(tenant) -> None:
    number = new_number()
    answers = await asyncio.gather(*[posted(tenant, SUBSCRIBERS, [line_of(number)]) for _ in range(8)])
    assert sorted(told(answer) for (answer,) in answers) == ["done"] + ["numberInUse"] * 7


@pytest.mark.parametrize(
    ("actions", "last"),
    [
        (["suspend", "suspend"], "illegalTransition"),
        (["resume"], "illegalTransition"),
        (["suspend", "changePlan"], "illegalTransition"),
        (["suspend", "resume", "changePlan", "suspend", "portOut"], "done"),
        (["portOut", "resume"], "illegalTransition"),
        (["portOut", "portOut"], "illegalTransition"),
        (["changePlan", "tooEarly"], "tooEarly"),
        (["wrongKind"], "accountMismatch"),
    ],
)
async def test_a_subscriber_changes_only_from_where_it_may(http, tenant, subscribe, actions, last) -> None:
    line = await subscribe()
    outcomes = []
    for n, action in enumerate(actions):
        at = f"2026-06-{10 + n}T00:00:00Z"
        body = {
            "changePlan": change_of(line["id"], "changePlan", at, "prepaid-s"),
            "tooEarly": change_of(line["id"], "changePlan", "2026-06-09T00:00:00Z", "prepaid-m"),
            "wrongKind": change_of(line["id"], "changePlan", at, "postpaid-l"),
        }.get(action) or change_of(line["id"], action, at)
        outcomes += [told(answer) for answer in await posted(tenant, CHANGES, [body])]
    assert outcomes == ["done"] * (len(actions) - 1) + [last]
    shown = (await http.get(f"{SUBSCRIBER}/{line['id']}")).json()["status"]
    ends = {"suspend": "suspended", "portOut": "terminated"}
    assert shown == ends.get(actions[-1] if last == "done" else actions[0], "active")


async def test_a_change_in_the_future_or_of_nobody_is_refused_and_leaves_nothing(http, tenant, subscribe) -> None:
    line = await subscribe()
    before = await whole(tenant)
    for body, named in (
        (change_of(line["id"], "suspend", "2026-06-15T12:00:01Z"), "effectiveDate"),
        (change_of("nobody", "suspend", "2026-06-15T12:00:00Z"), "subscriber.id"),
        (change_of(line["id"], "changePlan", "2026-06-15T12:00:00Z"), "productOffering"),
        (change_of(line["id"], "changePlan", "2026-06-15T12:00:00Z", "none"), "productOffering.id"),
        (change_of(line["id"], "vanish", "2026-06-15T12:00:00Z"), "action"),
        (change_of(line["id"], "suspend", "0001-01-01T00:00:00+14:00"), "effectiveDate"),
    ):
        answer = await http.post(f"{OPERATOR}/subscriberChange", json=body)
        assert answer.status_code == 400, (named, answer.text)
        assert answer.json()["message"].startswith(named)
    assert await whole(tenant) == before


async def test_a_line_with_an_end_can_leave_before_it_and_its_number_is_free_then(tenant) -> None:
    number = new_number()
    ends = {"startDateTime": "2026-05-20T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"}
    (line,) = await posted(tenant, SUBSCRIBERS, [line_of(number, validFor=ends)])
    steps = [
        change_of(line.result.id, "changePlan", "2026-06-01T00:00:00Z", "prepaid-s"),
        change_of(line.result.id, "changePlan", "2026-06-02T00:00:00Z", "prepaid-m"),
        change_of(line.result.id, "portOut", "2026-06-10T00:00:00Z"),
    ]
    for step in steps:
        assert [told(answer) for answer in await posted(tenant, CHANGES, [step])] == ["done"]
    plans = await fetch(
        tenant, "select plan_id, valid_to from product_plan where product_id = $1 order by valid_from", line.result.id
    )
    assert [(row["plan_id"], row["valid_to"].day) for row in plans] == [
        ("prepaid-m", 1), ("prepaid-s", 2), ("prepaid-m", 10),
    ]  # fmt: skip
    after = line_of(number, validFor={"startDateTime": "2026-06-10T00:00:00Z"})
    assert [told(answer) for answer in await posted(tenant, SUBSCRIBERS, [after])] == ["done"]


async def test_a_line_from_long_ago_is_granted_its_periods_within_reason(http, tenant) -> None:
    before = await whole(tenant)
    answer = await http.post(SUBSCRIBER, json=line_of(new_number(), validFor={"startDateTime": "1066-10-14T00:00:00Z"}))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("validFor.startDateTime")
    assert await whole(tenant) == before
