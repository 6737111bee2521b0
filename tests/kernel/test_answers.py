"""The server holds its own answers against its contract: by @type, in every place, and says where one does not fit."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec
import pytest
from tests.kernel.toy import BASE, NOTE, NOTES, TOY, toy_client

from oxl.apis import APIS
from oxl.contract import openapi
from oxl.contract.answers import Contract, Held, contracts
from oxl.contract.pages import documents
from oxl.db.database import Tenant
from oxl.kernel.router import Kernel

HELD = Contract(BASE, openapi.contract(TOY, ""))
WHOLE: dict[str, Any] = {"id": "1", "href": f"{NOTES}/1", "@type": "Note", "text": "x"}


def faults(doc: Any, status: int = 200, path: str = f"{NOTES}/1", partial: bool = False) -> list[str]:
    return HELD.faults("GET", path, status, json.dumps(doc).encode(), partial)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"n": "7"}, "$.n: str, not integer"),
        ({"n": True}, "$.n: bool, not integer"),
        ({"text": 1}, "$.text: int, not string"),
        ({"text": None}, "$.text: is null"),
        ({"isUrgent": "true"}, "$.isUrgent"),
        ({"creationDate": "2026-06-15"}, "$.creationDate"),
        ({"creationDate": "2026-06-15T10:00:00"}, "$.creationDate"),
        ({"creationDate": "noon"}, "$.creationDate"),
        ({"size": {"amount": "5"}}, "$.size.amount"),
        ({"about": {"@type": "EntityRef", "id": "1"}}, "$.about: dict, not array"),
        ({"about": [{"@type": "EntityRef", "id": "1"}, {"id": "2"}]}, "$.about[1].@type: is missing"),
        ({"about": [{"@type": "EntityRef"}]}, "$.about[0].id: is missing"),
    ],
)
def test_what_does_not_fit_is_named(more: dict[str, Any], place: str) -> None:
    assert faults(WHOLE) == faults([WHOLE], path=NOTES) == []
    for path, doc in ((f"{NOTES}/1", WHOLE | more), (NOTES, [WHOLE, WHOLE | more])):
        (fault,) = set(faults(doc, path=path))
        assert fault.replace("$[1]", "$").startswith(place)


def test_what_is_more_than_the_contract_says_fits() -> None:
    more = {"x-own": [1, {"deep": 2}], "size": {"amount": 5.5}, "about": [], "creationDate": "2026-06-15T10:00:00.000Z"}
    assert faults(WHOLE | more) == []
    assert faults(WHOLE | {"@type": "Memo"}) == []


def test_statuses_and_errors_are_held_too() -> None:
    error = {"@type": "Error", "code": "x", "reason": "y"}
    assert faults(error, 404) == faults(error, 406) == faults(error, 404, f"{BASE}/other") == []
    assert faults({"code": "x", "reason": "y"}, 404) == ["$.@type: is missing"]
    assert faults(WHOLE, 299) == ["299 is not a published status"]
    assert faults(WHOLE, 200, f"{BASE}/other") == ["200 for an operation that is not published"]
    assert HELD.faults("GET", NOTES, 200, b"<html>", False)[0].startswith("no JSON")


def test_selected_fields_may_leave_out_all_but_identity() -> None:
    prepay = next(api for api in APIS if api.generation == 4)
    held = Contract(prepay.base, openapi.contract(prepay, ""))
    required = next(each for each in prepay.resources if each.shape.__dict__.get("facts"))
    path, doc = f"{prepay.base}/{required.name}/1", b'{"id":"1","href":"/1"}'
    assert held.faults("GET", path, 200, doc, True) == []
    assert held.faults("GET", path, 200, doc, False) == ["$.status: is missing"]


def test_the_type_decides_and_not_how_many_alternatives_match() -> None:
    api = next(api for api in APIS if any(each.name == "usageConsumptionReport" for each in api.resources))
    held = Contract(api.base, openapi.contract(api, ""))

    def bucket(**given: Any) -> list[str]:
        doc = {"id": "1", "href": "/1", "@type": "UsageConsumptionReport", "bucket": [given]}
        path = f"{api.base}/usageConsumptionReport/1"
        return held.faults("GET", path, 200, json.dumps(doc).encode(), False)

    assert bucket(**{"@type": "Bucket", "id": "1"}) == bucket(**{"@type": "BucketRef", "id": "1"}) == []
    assert bucket(**{"@type": "Bucket"}) == []
    assert bucket(**{"@type": "BucketRef"}) == ["$.bucket[0].id: is missing"]
    assert "is none of" in bucket(**{"@type": "Bag", "id": "1"})[0]
    party = {"@type": "RelatedPartyRefOrPartyRoleRef", "partyOrPartyRole": {"@type": "PartyRef", "id": 1}}
    assert bucket(**{"@type": "Bucket", "relatedParty": [party]})[0].endswith(".id: int, not string")
    counted = {"@type": "IntegerCharacteristic", "name": "n", "value": "many"}
    counter = {"@type": "ConsumptionSummary", "characteristic": [counted]}
    assert bucket(**{"@type": "Bucket", "bucketCounter": [counter]})[0].endswith("value: str, not integer")


async def test_an_answer_that_does_not_fit_is_a_500_and_is_logged(toy, tenant: Tenant, caplog) -> None:
    class Short(msgspec.Struct):
        text: int

    api = msgspec.structs.replace(TOY, resources=(msgspec.structs.replace(NOTE, shape=Short, create=None),))
    made = (await toy.post(NOTES, json={"text": "x"})).json()
    async with toy_client(tenant) as client:
        assert (await client.get(made["href"])).status_code == 200
    held = Held(Kernel((api,), tenant, "", 10, 1000), contracts(documents((api,), "")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(held), base_url="http://toy.example") as client:
        answer = await client.get(made["href"])
        assert (answer.status_code, answer.json()["code"]) == (500, "contractViolated")
        assert "$.text: str, not integer" in caplog.text
    free = Kernel((api,), tenant, "", 10, 1000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(free), base_url="http://toy.example") as client:
        assert (await client.get(made["href"])).status_code == 200
