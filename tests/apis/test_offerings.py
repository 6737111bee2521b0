"""Offerings over the operator face: made, launched, changed, retired, told by events; what was sold stays as sold."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest
from tests.conftest import DEMO_CATALOG, OPERATOR
from tests.scenarios.recommending import accept, ask, offered, top_up, use

from oxl.cli.seed import publish_catalog
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel.background import once

OFFERINGS = f"{OPERATOR}/productOffering"
_names = count(1)


def pack(**more: Any) -> dict[str, Any]:
    return {
        "name": f"Weekend Pack {next(_names)}",
        "category": [{"id": "addon"}, {"id": "weekend"}],
        "lifecycleStatus": "In test",
        "productSpecification": {"id": "data-pack"},
        "pricePlan": {"id": "data-pack-2gb"},
        "deviceCount": 0,
    } | more


async def make(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await http.post(OFFERINGS, json=pack(**more))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(http: httpx.AsyncClient, offering: dict[str, Any], **what: Any) -> httpx.Response:
    return await http.patch(f"{OFFERINGS}/{offering['id']}", json=what)


async def weekend(http: httpx.AsyncClient, line: dict[str, Any]) -> list[str]:
    """What a line is offered of the weekend packs."""
    return offered(await ask(http, line["party"]["id"], category=[{"id": "weekend"}]))


async def events(http: httpx.AsyncClient, offering: dict[str, Any]) -> list[str]:
    found = (await http.get(f"{OPERATOR}/eventRecord?resourceId={offering['id']}")).json()
    return [event["eventType"] for event in found]


async def test_an_offering_lives_from_design_to_retirement(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 10)
    made = await make(http)
    assert (made["id"], made["isSellable"]) == (made["name"].lower().replace(" ", "-"), False)
    assert await weekend(http, line) == []
    launched = await change(http, made, lifecycleStatus="Launched")
    assert (launched.status_code, launched.json()["isSellable"]) == (200, True)
    assert await weekend(http, line) == [made["id"]]
    assert (await change(http, made, description="two days")).json()["description"] == "two days"
    assert (await change(http, made, lifecycleStatus="Retired")).json()["isSellable"] is False
    assert await weekend(http, line) == []
    assert await events(http, made) == [
        "ProductOfferingCreateEvent", "ProductOfferingStateChangeEvent", "ProductOfferingAttributeValueChangeEvent",
        "ProductOfferingStateChangeEvent",
    ]  # fmt: skip
    back = await change(http, made, lifecycleStatus="Launched")
    assert (back.status_code, back.json()["code"]) == (409, "illegalTransition")


async def test_what_was_bought_is_kept_when_its_offering_is_retired_or_dearer(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 10)
    made = await make(http, lifecycleStatus="Launched")
    query = await ask(http, line["party"]["id"], category=[{"id": "weekend"}])
    taken = await accept(http, query["recommendationItem"][0])
    assert taken.status_code == 201, taken.text
    assert (await change(http, made, pricePlan={"id": "data-pack-10gb"})).status_code == 200
    assert (await change(http, made, lifecycleStatus="Retired")).status_code == 200
    product = (await http.get(f"{OPERATOR}/product/{taken.json()['product']['id']}")).json()
    assert (product["status"], product["pricePlan"]["id"]) == ("active", "data-pack-2gb")
    await use(http, line, "data", volume=1, volumeUnit="GB")
    assert await weekend(http, line) == []


async def test_a_retired_offering_that_was_shown_cannot_be_accepted_nor_a_line_begin_on_one(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 10)
    made = await make(http, lifecycleStatus="Launched")
    query = await ask(http, line["party"]["id"], category=[{"id": "weekend"}])
    await change(http, made, lifecycleStatus="Retired")
    refused = await accept(http, query["recommendationItem"][0])
    assert (refused.status_code, refused.json()["code"]) == (409, "offeringNotSold")
    plan = await make(http, name="Old Line", category=[], pricePlan={"id": "prepaid-m"}, lifecycleStatus="In study")
    body = {
        "party": {"name": "A"},
        "logicalResource": {"value": "4915559990001"},
        "productOffering": {"id": plan["id"]},
    }
    refused = await http.post(f"{OPERATOR}/subscriber", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "offeringNotSold")


async def test_an_offering_is_sold_in_its_time_place_and_channel(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 10)
    later = {"validFor": {"startDateTime": "2026-06-16T00:00:00Z"}}
    over = {"validFor": {"startDateTime": "2026-06-01T00:00:00Z", "endDateTime": "2026-06-15T12:00:00Z"}}
    for times in (later, over):
        made = await make(http, lifecycleStatus="Launched", **times)
        assert made["validFor"]["startDateTime"].startswith("2026-06")
        assert made["id"] not in await weekend(http, line)
    app = await make(http, lifecycleStatus="Launched", channel=[{"id": "app"}], place=[{"id": "DE"}])
    party = line["party"]["id"]
    asked = {"category": [{"id": "weekend"}], "channel": [{"id": "app"}], "place": {"id": "DE", "role": "home"}}
    assert offered(await ask(http, party, **asked)) == [app["id"]]
    assert offered(await ask(http, party, **asked | {"channel": [{"id": "shop"}]})) == []
    assert offered(await ask(http, party, **asked | {"place": {"id": "FR", "role": "home"}})) == []
    assert (await change(http, app, lifecycleStatus="Retired")).status_code == 200


async def test_relations_age_and_segment_are_kept(http, subscribe) -> None:
    grown = await subscribe("prepaid-m", party={"name": "Grown", "birthDate": "1990-02-01"})
    child = await subscribe("prepaid-m", party={"name": "Child", "birthDate": "2015-02-01"})
    made = [
        await make(http, lifecycleStatus="Launched", minimumAge=18),
        await make(http, lifecycleStatus="Launched", marketSegment=[{"id": "postpaid"}]),
        await make(http, lifecycleStatus="Launched", productOfferingRelationship=[
            {"relationshipType": "requires", "id": "roaming-eu-pack"}]),
        await make(http, lifecycleStatus="Launched", productOfferingRelationship=[
            {"relationshipType": "excludes", "id": "prepaid-m"}]),
    ]  # fmt: skip
    assert await weekend(http, grown) == [made[0]["id"]]
    assert await weekend(http, child) == []
    traveller = await subscribe("postpaid-l", party={"name": "T"}, addOn=[{"id": "roaming-eu-pack"}])
    assert set(await weekend(http, traveller)) <= {each["id"] for each in made}
    assert len(await weekend(http, traveller)) == 2, "two of a category are enough"
    for each in made:
        assert (await change(http, each, lifecycleStatus="Retired")).status_code == 200


async def test_what_has_come_to_exclude_an_offer_keeps_it_from_being_accepted(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    some = await make(http, lifecycleStatus="Launched")
    excludes = [{"relationshipType": "excludes", "id": some["id"]}]
    other = await make(http, lifecycleStatus="Launched", productOfferingRelationship=excludes)
    asked = await ask(http, line["party"]["id"], category=[{"id": "weekend"}])
    items = {item["productOffering"]["id"]: item for item in asked["recommendationItem"]}
    assert (await accept(http, items[some["id"]])).status_code == 201
    assert await weekend(http, line) == []
    refused = await accept(http, items[other["id"]])
    assert (refused.status_code, refused.json()["code"]) == (409, "notOrderable")
    for each in (some, other):
        assert (await change(http, each, lifecycleStatus="Retired")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "code", "field"),
    [
        ({"pricePlan": {"id": "no-such-plan"}}, "invalidOffering", "plan"),
        ({"productOfferingRelationship": [{"relationshipType": "requires", "id": "no"}]}, "invalidOffering",
         "productOfferingRelationship[0].id"),
        ({"validFor": {"startDateTime": "2026-06-02T00:00:00Z", "endDateTime": "2026-06-01T00:00:00Z"}},
         "invalidOffering", "validFor.endDateTime"),
        ({"lifecycleStatus": "On sale"}, "invalidValue", "lifecycleStatus"),
        ({"margin": 2}, "invalidOffering", "margin"),
        ({"isBundle": True}, "invalidOffering", "isBundle"),
    ],
)  # fmt: skip
async def test_a_fault_names_its_field_and_keeps_nothing(http, fault: dict, code: str, field: str) -> None:
    before = (await http.get(OFFERINGS)).json()
    refused = await http.post(OFFERINGS, json=pack(**fault))
    assert (refused.status_code, refused.json()["code"]) == (400, code), refused.text
    assert refused.json()["message"].startswith(field)
    assert (await http.get(OFFERINGS)).json() == before


async def test_an_id_is_given_once(http) -> None:
    assert (await make(http, externalId="my-pack"))["id"] == "my-pack"
    again = await http.post(OFFERINGS, json=pack(externalId="my-pack"))
    assert (again.status_code, again.json()["code"]) == (409, "idInUse")


async def test_files_and_the_face_meet(http, tenant) -> None:
    """What was changed singly stays when the same files come again, and follows them when they say something else."""
    assert (await change(http, {"id": "data-pack-10gb"}, description="changed")).status_code == 200
    await publish_catalog(tenant)
    assert (await http.get(f"{OFFERINGS}/data-pack-10gb")).json()["description"] == "changed"
    texts = read_texts(DEMO_CATALOG)
    listed = texts["offerings.yaml"].replace("10 GB more for a month, at home", "Ten GB for a month, at home")
    told = await once(tenant, lambda work: registry.publish_told(work, {"offerings.yaml": listed}))
    assert {(each.id, each.changes) for each in told} == {("data-pack-10gb", ("attributeValueChange",))}
    assert (await http.get(f"{OFFERINGS}/data-pack-10gb")).json()["description"].startswith("Ten GB")
    await publish_catalog(tenant)
    assert "ProductOfferingAttributeValueChangeEvent" in await events(http, {"id": "data-pack-10gb"})
