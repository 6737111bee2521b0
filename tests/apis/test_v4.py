"""Version 4 beside version 5: the same things under both, and what one keeps never spoils the other."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import BILLS, CONSUMPTION, USAGE, usage_body

USAGE4 = "/tmf-api/usageManagement/v4/usage"
SPECIFICATION4 = "/tmf-api/usageManagement/v4/usageSpecification"
QUERY4 = "/tmf-api/usageConsumption/v4/queryUsageConsumption"


def older(body: dict[str, Any]) -> dict[str, Any]:
    """A v5 usage body in the words of v4: no classes."""
    values = [{"name": each["name"], "value": each["value"]} for each in body["usageCharacteristic"]]
    specification = {"id": body["usageSpecification"]["id"]}
    return {"usageType": body["usageType"], "usageSpecification": specification, "usageCharacteristic": values}


async def test_a_usage_of_v4_is_rated_and_read_under_both(http, subscribe) -> None:
    who = await subscribe("postpaid-l")
    number = who["logicalResource"]["value"]
    body = older(usage_body("sms", number, destinationPhoneNumber="+493012345678"))
    party = {"id": "p1", "name": "Ada", "role": "user", "@referredType": "Individual"}
    made = await http.post(USAGE4, json=body | {"description": "äöü", "relatedParty": [party]})
    assert made.status_code == 201, made.text
    doc = made.json()
    assert (doc["status"], doc["description"]) == ("rated", "äöü")
    assert doc["relatedParty"] == [party | {"@type": "RelatedParty"}]
    newer = (await http.get(f"{USAGE}/{doc['id']}")).json()
    assert newer["status"] == "rated"
    assert newer["relatedParty"][0]["partyOrPartyRole"]["id"] == "p1"
    for line, price in zip(doc["ratedProductUsage"], newer["usageProductPrice"], strict=True):
        assert line["taxIncludedRatingAmount"] == price["price"]["taxIncludedAmount"]
        assert line["taxExcludedRatingAmount"] == price["price"]["dutyFreeAmount"]
    again = await http.post(USAGE, json=usage_body("sms", number, destinationPhoneNumber="+493012345678"))
    assert again.status_code == 409, "the same usage, told in the words of version 5"


async def test_a_usage_of_v5_is_read_and_changed_under_v4(http, subscribe) -> None:
    who = await subscribe("postpaid-l")
    body = usage_body("sms", who["logicalResource"]["value"], destinationPhoneNumber="+493012345679")
    made = (await http.post(USAGE, json=body)).json()
    doc = (await http.get(f"{USAGE4}/{made['id']}")).json()
    assert [each["name"] for each in doc["usageCharacteristic"]] == [e["name"] for e in body["usageCharacteristic"]]
    assert doc["usageDate"] == made["creationDate"]
    changed = await http.patch(f"{USAGE4}/{made['id']}", json={"description": "seen"})
    assert (changed.status_code, changed.json()["description"]) == (200, "seen")
    refused = await http.patch(f"{USAGE4}/{made['id']}", json={"usageType": "voice"})
    assert refused.status_code == 400
    found = await http.get(USAGE4, params={"usageSpecification.id": "sms", "status": "rated", "id": made["id"]})
    assert [each["id"] for each in found.json()] == [made["id"]]


@pytest.mark.parametrize(
    "odd",
    [{"usageDate": "soon"}, {"usageDate": "2026-02-30T00:00:00Z"}, {"usageDate": 7}, {"description": [1]},
     {"ratedProductUsage": "none"}],
)  # fmt: skip
async def test_what_v5_keeps_under_names_of_v4_does_not_spoil_v4(http, odd: dict[str, Any]) -> None:
    external = [{"@type": "ExternalIdentifier", "id": f"odd {odd}"}]
    body = {"usageSpecification": {"id": "unknown"}, "externalIdentifier": external}
    made = await http.post(USAGE, json=body | odd)
    assert made.status_code == 201
    doc = (await http.get(f"{USAGE4}/{made.json()['id']}")).json()
    assert doc["usageDate"] == made.json()["creationDate"]
    assert "ratedProductUsage" not in doc
    assert (await http.get(USAGE4)).status_code == 200


@pytest.mark.parametrize("url", [USAGE4, USAGE])
async def test_two_usages_that_say_nothing_are_two(http, url: str) -> None:
    body = {"usageSpecification": {"id": "nobody knows"}}
    first, second = [(await http.post(url, json=body)).json() for _ in range(2)]
    assert first["id"] != second["id"]
    assert first["status"] == second["status"]
    assert "externalIdentifier" not in first


async def test_parties_that_v5_keeps_in_the_shape_of_v4_or_in_none_are_shown_or_left_out(http) -> None:
    parties = [{"id": "p1", "role": "user"}, {"role": "nobody"}, {"id": 7}]
    queries = f"{CONSUMPTION}/queryUsageConsumption"
    asked = {"relatedParty": parties, "searchCriteria": {"relatedParty": parties[1:]}}
    made = [
        (USAGE, USAGE4, {"usageSpecification": {"id": "nobody knows"}, "relatedParty": parties}),
        (queries, QUERY4, asked),
    ]
    for newer, older_url, body in made:
        doc = (await http.post(newer, json=body)).json()
        shown = await http.get(f"{older_url}/{doc['id']}")
        assert shown.status_code == 200, shown.text
        party = {"id": "p1", "role": "user", "@type": "RelatedParty", "@referredType": "Party"}
        assert shown.json()["relatedParty"] == [party]
        assert "relatedParty" not in shown.json().get("searchCriteria", {})
        assert (await http.get(older_url)).status_code == 200
    demand = {"billingAccount": {"id": "nobody"}, "relatedParty": {"role": "customer"}}
    doc = (await http.post(f"{BILLS}/customerBillOnDemand", json=demand)).json()
    shown = await http.get(f"/tmf-api/customerBillManagement/v4/customerBillOnDemand/{doc['id']}")
    assert shown.status_code == 200, shown.text
    assert "relatedParty" not in shown.json()


async def test_a_query_that_asks_for_nothing_shows_what_kits_look_for(http) -> None:
    made = (await http.post(QUERY4, json={})).json()
    assert (made["searchCriteria"], made["usageConsumption"]) == ({}, [])


async def test_specifications_of_the_catalog_are_shown_and_changed_there(http) -> None:
    listed = (await http.get(SPECIFICATION4)).json()
    sms = next(each for each in listed if each["id"] == "sms")
    assert "messageCount" in [each["name"] for each in sms["specCharacteristic"]]
    assert (await http.get(sms["href"])).json() == sms
    for refused in (await http.patch(sms["href"], json={"name": "mine"}), await http.delete(sms["href"])):
        assert (refused.status_code, refused.json()["code"]) == (409, "publishedWithCatalog")
    assert (await http.get(sms["href"])).json() == sms


async def test_a_specification_is_described_changed_and_removed(http) -> None:
    body = {
        "name": "Parking",
        "specCharacteristic": [{"name": "minutes", "valueType": "number", "configurable": True}],
        "relatedParty": [{"id": "p1", "role": "owner", "@referredType": "Organization"}],
        "x-ours": {"deep": [1, {}]},
    }
    made = await http.post(SPECIFICATION4, json=body)
    assert made.status_code == 201, made.text
    doc = made.json()
    assert {name: doc[name] for name in body} == body
    assert (doc["@type"], doc["lifecycleStatus"], doc["isBundle"]) == ("UsageSpecification", "Active", False)
    found = await http.get(SPECIFICATION4, params={"name": "Parking", "lastUpdate": doc["lastUpdate"]})
    assert found.json() == [doc]
    changed = await http.patch(doc["href"], json={"description": "äöü", "lifecycleStatus": "Retired"})
    assert changed.status_code == 200, changed.text
    ignored = await http.patch(doc["href"], json={"lastUpdate": "2020-01-01T00:00:00Z"})
    assert (ignored.status_code, ignored.json()["lastUpdate"]) == (200, doc["lastUpdate"])
    assert changed.json() == doc | {"description": "äöü", "lifecycleStatus": "Retired"}, "the clock stands"
    usage = await http.post(USAGE4, json={"usageSpecification": {"id": doc["id"]}})
    assert (usage.status_code, usage.json()["status"]) == (201, "recycled"), "nothing is read by it"
    assert (await http.delete(doc["href"])).status_code == 204
    for gone in (await http.get(doc["href"]), await http.delete(doc["href"]), await http.patch(doc["href"], json={})):
        assert gone.status_code == 404


async def test_a_specification_with_a_wrong_value_is_refused_and_not_kept(http) -> None:
    before = (await http.get(SPECIFICATION4)).headers["x-total-count"]
    for wrong in ({"isBundle": "perhaps"}, {"name": 7}, {"validFor": {"startDateTime": "soon"}}, {"constraint": [{}]}):
        refused = await http.post(SPECIFICATION4, json={"name": "x"} | wrong)
        assert refused.status_code == 400
        assert next(iter(wrong)) in refused.json()["message"]
    assert (await http.get(SPECIFICATION4)).headers["x-total-count"] == before


async def test_a_query_of_v4_is_answered_from_the_same_ledger(http, subscribe) -> None:
    who = await subscribe("prepaid-m")
    device = {"id": who["logicalResource"]["value"]}
    made = await http.post(QUERY4, json={"searchCriteria": {"logicalResource": [device]}})
    assert made.status_code == 201, made.text
    (report,) = made.json()["usageConsumption"]
    newer = (await http.get(f"{CONSUMPTION}/queryUsageConsumption/{made.json()['id']}")).json()
    (theirs,) = newer["usageConsumption"]
    assert [(b["id"], b["remainingValue"]) for b in report["bucketRefOrValue"]] == [
        (b["id"], b["remainingValue"]) for b in theirs["bucket"]
    ]
    assert "partyOrPartyRole" not in made.text
    assert (await http.delete(f"{QUERY4}/{made.json()['id']}")).status_code == 204
    assert (await http.get(f"{CONSUMPTION}/queryUsageConsumption/{made.json()['id']}")).status_code == 404
