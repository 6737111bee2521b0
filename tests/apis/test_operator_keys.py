"""The operator's endpoints: what is done is done once by its key, shown as it is, undone only where it may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.conftest import BALANCE, OPERATOR
from tests.engines.books import new_number, whole

LINES, CHANGES = f"{OPERATOR}/subscriber", f"{OPERATOR}/subscriberChange"


async def many_times(http: Any, path: str, body: dict[str, Any], key: str) -> Any:
    """POST the same ten times at once and once more: one answer."""
    headers = {"Idempotency-Key": key}
    answers = await asyncio.gather(*[http.post(path, json=body, headers=headers) for _ in range(10)])
    answers.append(await http.post(path, json=body, headers=headers))
    assert {answer.status_code for answer in answers} == {201}, answers[0].text
    assert len({answer.headers["location"] for answer in answers}) == 1
    return answers[0].json()


async def line_made(http: Any, offering: str = "prepaid-m", key: str = "") -> dict[str, Any]:
    number = new_number()
    body = {
        "party": {"givenName": "Ada", "familyName": "Lovelace"},
        "logicalResource": {"value": f"+{number}"},
        "productOffering": {"id": offering},
        "addOn": [{"id": "roaming-eu-pack"}],
        "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
    }
    return await many_times(http, LINES, body, key or f"line-{number}")


async def test_a_line_is_made_once_by_its_key_with_all_that_belongs_to_it(http, tenant) -> None:
    before = await whole(tenant)
    line = await line_made(http)
    after = await whole(tenant)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {
        "party": 1, "account": 1, "device": 1, "product": 2, "product_plan": 2, "number_use": 1, "bucket": 6,
        "transfer": 5, "allowance_schedule": 2, "idempotency": 1, "outbox": 1,
    }  # fmt: skip
    assert line["name"] == "Ada Lovelace"
    assert not line["logicalResource"]["value"].startswith("+")
    assert line["status"] == "active"
    assert line["billingAccount"]["kind"] == "prepaid"
    assert [pack["id"] for pack in line["addOn"]] == ["roaming-eu-pack"]
    for path, reference in (
        ("billingAccount", line["billingAccount"]["id"]),
        ("individual", line["party"]["id"]),
        ("logicalResource", line["logicalResource"]["id"]),
        ("product", line["id"]),
        ("productOffering", "prepaid-m"),
    ):
        shown = await http.get(f"{OPERATOR}/{path}/{reference}")
        assert (shown.status_code, shown.json()["id"]) == (200, reference)


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (["changePlan"], "active"),
        (["suspend"], "suspended"),
        (["suspend", "resume"], "active"),
        (["portOut"], "terminated"),
        (["changePlan", "suspend", "resume", "portOut"], "terminated"),
    ],
)
async def test_a_change_is_made_once_by_its_key(http, tenant, actions, status) -> None:
    line = await line_made(http)
    for n, action in enumerate(actions):
        before = await whole(tenant)
        body: dict[str, Any] = {"subscriber": {"@type": "EntityRef", "id": line["id"]}, "action": action}
        body["effectiveDate"] = f"2026-06-{10 + n}T10:00:00.000Z"
        if action == "changePlan":
            body["productOffering"] = {"@type": "EntityRef", "id": "prepaid-s"}
        change = await many_times(http, CHANGES, body, f"{line['id']}-{n}")
        assert {name: change[name] for name in body} == body
        after = await whole(tenant)
        grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        extra = {"product_plan": 1, "bucket": 1, "transfer": 1} if action == "changePlan" else {}
        extra |= {"allowance_schedule": -2} if action == "portOut" else {}
        assert grown == {"subscriber_change": 1, "idempotency": 1, "outbox": 1} | extra
    shown = (await http.get(f"{LINES}/{line['id']}")).json()
    assert shown["status"] == status
    assert shown["productOffering"]["id"] == ("prepaid-s" if "changePlan" in actions else "prepaid-m")
    device = (await http.get(f"{OPERATOR}/logicalResource/{line['logicalResource']['id']}")).json()
    assert device["status"] == status
    listed = (await http.get(CHANGES, params={"subscriber.id": line["id"]})).json()
    assert [each["action"] for each in listed] == actions


async def test_suspension_shows_in_the_buckets_and_resumption_too(http, tenant) -> None:
    line = await line_made(http)
    of_line = {"logicalResource.id": line["logicalResource"]["id"]}
    for action, expected in (("suspend", "suspended"), ("resume", "active")):
        body = {"subscriber": {"id": line["id"]}, "action": action}
        assert (await http.post(CHANGES, json=body)).status_code == 201
        shown = (await http.get(f"{BALANCE}/bucket", params=of_line)).json()
        assert [bucket["status"] for bucket in shown] == [expected] * 5
        found = (await http.get(f"{BALANCE}/bucket", params=of_line | {"status": expected})).json()
        assert found == shown


async def test_a_number_that_left_may_be_given_to_somebody_else(http, tenant) -> None:
    line = await line_made(http)
    number = line["logicalResource"]["value"]
    again = {
        "party": {"name": "Bob"}, "logicalResource": {"value": number}, "productOffering": {"id": "prepaid-s"},
    }  # fmt: skip
    assert (await http.post(LINES, json=again)).status_code == 409
    leave = {"subscriber": {"id": line["id"]}, "action": "portOut"}
    assert (await http.post(CHANGES, json=leave)).status_code == 201
    assert (await http.post(LINES, json=again)).status_code == 201
    holders = (await http.get(LINES, params={"logicalResource.value": number})).json()
    assert [holder["status"] for holder in holders] == ["terminated", "active"]
