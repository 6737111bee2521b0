"""PATCH and DELETE on the real resources that have them: lines 66 to 80 of the checklist, where they apply."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION, USAGE, client_of, usage_body

from oxl.db.database import Tenant

QUERY = f"{CONSUMPTION}/queryUsageConsumption"
PARTY = {
    "@type": "RelatedPartyRefOrPartyRoleRef", "role": "customer", "partyOrPartyRole": {"@type": "PartyRef", "id": "42"}
}  # fmt: skip
KINDS = {
    "application/json": {"relatedParty": [PARTY], "x-note": "n"},
    "application/merge-patch+json": {"relatedParty": [PARTY], "x-note": "n"},
    "application/json-patch+json": [
        {"op": "add", "path": "/relatedParty", "value": [PARTY]}, {"op": "add", "path": "/x-note", "value": "n"}
    ],
    "application/json-patch-query+json": [
        {"op": "add", "path": "$.relatedParty", "value": [PARTY]}, {"op": "add", "path": "$['x-note']", "value": "n"}
    ],
}  # fmt: skip


@pytest.fixture
async def used(http: httpx.AsyncClient, subscribe: Any) -> dict[str, Any]:
    """A rated usage of a new subscriber."""
    number = (await subscribe())["logicalResource"]["value"]
    specification = (await http.get("/oxl/v1/usageSpecification")).json()
    assert specification
    answer = await http.post(USAGE, json=usage_body("voice", number, duration=60, destinationPhoneNumber="+4930123456"))
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("kind", list(KINDS))
async def test_66_to_69_a_usage_is_described_in_every_kind_of_patch(http, tenant: Tenant, used, kind: str) -> None:
    answer = await http.patch(used["href"], content=json.dumps(KINDS[kind]).encode(), headers={"content-type": kind})
    assert (answer.status_code, answer.json()) == (200, used | {"relatedParty": [PARTY], "x-note": "n"})
    assert (await http.get(used["href"])).json() == answer.json()
    gone = await http.patch(used["href"], json={"x-note": None, "relatedParty": None})
    assert gone.json() == used
    async with tenant.connection() as conn:
        events = await conn.fetch(
            "select event_type, changed from outbox where resource_id = $1 order by id offset 1", used["id"]
        )
    told = [(row["event_type"], sorted(row["changed"])) for row in events]
    assert told == [("ProductUsageAttributeValueChangeEvent", ["relatedParty", "x-note"])] * 2


@pytest.mark.parametrize("name", ["usageCharacteristic", "usageSpecification", "usageProductPrice", "lastUpdate",
                                  "creationDate", "usageType", "product", "statusReason", "id", "@type"])  # fmt: skip
async def test_74_what_a_usage_was_rated_by_cannot_be_patched(http, used, name: str) -> None:
    answer = await http.patch(used["href"], json={name: None if name in used else "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "immutableAttribute")
    assert answer.json()["message"].startswith(f"{name}: ")
    assert (await http.get(used["href"])).json() == used


async def test_75_76_the_status_of_a_usage_is_not_set_from_outside(http, used) -> None:
    answer = await http.patch(used["href"], json={"status": "rejected"})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegalTransition")
    same = await http.patch(used["href"], json={"status": used["status"]})
    assert (same.status_code, same.json()) == (200, used)


async def test_80_a_kept_query_can_be_deleted(http, tenant: Tenant, subscribe) -> None:
    number = (await subscribe())["logicalResource"]["value"]
    body = {"@type": "QueryUsageConsumption", "searchCriteria": {"logicalResource": [{"value": number}]}}
    made = (await http.post(QUERY, json=body)).json()
    report = made["usageConsumption"][0]["id"]
    assert (await http.get(f"{CONSUMPTION}/usageConsumptionReport/{report}")).status_code == 200
    answer = await http.delete(made["href"])
    assert (answer.status_code, answer.content) == (204, b"")
    for path in (made["href"], f"{CONSUMPTION}/usageConsumptionReport/{report}"):
        assert (await http.get(path)).status_code == 404
    assert (await http.delete(made["href"])).status_code == 404
    async with tenant.connection() as conn:
        (event,) = await conn.fetch(
            "select event_type, doc from outbox where resource_id = $1 order by id offset 1", made["id"]
        )
    assert event["event_type"] == "QueryUsageConsumptionDeleteEvent"
    assert json.loads(event["doc"]) == {name: value for name, value in made.items() if name != "href"}


async def test_81_what_no_document_has_is_405(http, used) -> None:
    for method, path in (
        ("PUT", used["href"]), ("PATCH", f"{QUERY}/1"), ("PATCH", f"{BALANCE}/bucket/1"),
        ("DELETE", f"{BALANCE}/bucket/1"), ("PATCH", f"{CONSUMPTION}/usageConsumptionReport/1"),
    ):  # fmt: skip
        answer = await http.request(method, path)
        assert answer.status_code == 405, (method, path)
        assert answer.headers["allow"]


async def test_58_59_what_the_server_sets_is_left_out_and_classes_are_held(tenant: Tenant, subscribe) -> None:
    number = (await subscribe())["logicalResource"]["value"]
    body = usage_body("sms", number, destinationPhoneNumber="+4930123456") | {"status": "rejected", "creationDate": "x"}
    async with client_of(tenant) as client:
        made = await client.post(USAGE, json=body)
        assert made.status_code == 201, made.text
        assert made.json()["status"] != "rejected"
        party = {"role": "customer", "partyOrPartyRole": {"@type": "Dog", "id": "1"}}
        answer = await client.post(
            USAGE, json=usage_body("sms", number, destinationPhoneNumber="+4930123456") | {"relatedParty": [party]}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "invalidValue")
        assert answer.json()["message"].startswith("relatedParty[0].partyOrPartyRole.@type: ")


async def test_01_a_list_of_nothing_is_an_empty_list_with_its_counters(http) -> None:
    answer = await http.get("/oxl/v1/deadLetter")
    assert (answer.status_code, answer.json()) == (200, [])
    assert (answer.headers["x-total-count"], answer.headers["x-result-count"]) == ("0", "0")
