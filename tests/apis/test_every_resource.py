"""What holds for every resource of every API: its shape and identity, and filters by the text the server gave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.apis.conftest import RESOURCES, place

IDS = [f"{api.name}/{resource.name}" for api, resource in RESOURCES]
MANDATORY = {  # beside id, href and @type
    "productUsage": {"status", "creationDate", "lastUpdate", "usageSpecification"},
    "bucket": {"status", "usageType", "isShared", "remainingValue", "reservedValue", "remainingValueName",
               "confirmationDate", "requestedDate", "partyAccount", "validFor", "name"},
    "topupBalance": {"status", "usageType", "amount", "bucket", "partyAccount", "requestedDate"},
    "adjustBalance": {"status", "usageType", "amount", "bucket", "partyAccount", "requestedDate"},
    "queryUsageConsumption": {"state", "creationDate", "usageConsumption"},
    "usageConsumptionReport": {"bucket", "creationDate", "lastUpdate", "logicalResource", "product", "partyAccount"},
    "subscriber": {"status", "name", "party", "billingAccount", "logicalResource", "productOffering", "validFor"},
    "subscriberChange": {"subscriber", "action", "effectiveDate"},
}  # fmt: skip


def nothings(value: Any, path: str = "") -> Iterator[str]:
    """Where a document holds a null."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from nothings(member, f"{path}.{name}")
    elif isinstance(value, list):
        for n, member in enumerate(value):
            yield from nothings(member, f"{path}[{n}]")


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=IDS)
async def test_every_entry_is_whole_and_of_its_shape(http, furnished, api, resource) -> None:
    answer = await http.get(place(api, resource))
    assert answer.status_code == 200
    docs = msgspec.json.decode(answer.content)
    assert docs, "the furnished tenant has some of each"
    assert len(answer.content.splitlines()) == 1
    shaped = msgspec.json.decode(answer.content, type=list[resource.shape])
    assert len(shaped) == len(docs)
    known = MANDATORY.get(resource.name, set()).intersection(resource.shape.__struct_fields__)  # v4 knows fewer
    for doc in docs:
        assert {"id", "href", "@type"} | known <= set(doc)
        assert isinstance(doc["id"], str)
        assert doc["id"]
        assert doc["href"] == f"{place(api, resource)}/{doc['id']}"
        assert doc["@type"] == resource.type
        assert list(nothings(doc)) == []
        for name, value in doc.items():
            if name.endswith(("Date", "lastUpdate")):
                assert value.endswith("Z")
                assert len(value) == len("2026-06-15T12:00:00.000Z")


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=IDS)
async def test_one_reads_as_the_list_shows_it_and_always_the_same(http, furnished, api, resource) -> None:
    for doc in (await http.get(place(api, resource))).json():
        one = await http.get(doc["href"])
        assert (one.status_code, one.json()) == (200, doc)
        assert (await http.get(doc["href"] + "/")).content == one.content


def texts(doc: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every attribute that is a text, number or boolean, down through objects and arrays, as (path, text)."""
    for name, value in doc.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{path}", text) for path, text in texts(value))
        elif isinstance(value, list):
            for member in value:
                if isinstance(member, dict):
                    yield from ((f"{name}.{path}", text) for path, text in texts(member))
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif value != "":
            yield name, str(value)


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=IDS)
async def test_every_attribute_finds_its_resource_by_the_text_the_server_gave(http, furnished, api, resource) -> None:
    docs = json.loads((await http.get(place(api, resource))).content, parse_float=Decimal)
    for doc in docs[:6]:
        for path, text in sorted(set(texts(doc))):
            found = await http.get(place(api, resource), params={path: text})
            assert found.status_code == 200, (path, text, found.text)
            assert doc["id"] in [each["id"] for each in found.json()], (path, text)
            assert int(found.headers["x-total-count"]) == len(found.json()) <= len(docs)
            other = await http.get(place(api, resource), params={path: f"{text}-not"})
            assert doc["id"] not in [each["id"] for each in other.json()], (path, text)


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=IDS)
async def test_what_nobody_has_is_404_and_what_nobody_is_finds_nothing(http, furnished, api, resource) -> None:
    for unknown in ("none", "live-none", "019ecb27-2200-7000-8000-000000000000", "a.1", "'", "%22"):
        answer = await http.get(f"{place(api, resource)}/{unknown}")
        assert (answer.status_code, answer.json()["@type"]) == (404, "Error")
    for query in ("nobody=1", "id=none", "no.such.path=x", "status=none", "creationDate=never", "isShared=perhaps"):
        answer = await http.get(f"{place(api, resource)}?{query}")
        assert (answer.status_code, answer.json()) == (200, []), query


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=IDS)
async def test_fields_leaves_identity_and_what_was_asked_for(http, furnished, api, resource) -> None:
    docs = (await http.get(place(api, resource))).json()
    for fields in ("none", "id", *sorted({name for doc in docs for name in doc})):
        found = (await http.get(place(api, resource), params={"fields": fields})).json()
        for doc, whole in zip(found, docs, strict=True):
            wanted = {"id", "href", "@type", fields} & set(whole)
            assert doc == {name: whole[name] for name in wanted}
            msgspec.convert(doc, resource.shape)


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=IDS)
async def test_pages_make_up_the_list(http, furnished, api, resource) -> None:
    docs = (await http.get(place(api, resource))).json()
    walked = []
    for offset in range(0, len(docs), 2):
        page = await http.get(place(api, resource), params={"limit": 2, "offset": offset})
        assert page.headers["x-total-count"] == str(len(docs))
        assert page.status_code == (206 if len(page.json()) < len(docs) else 200)
        walked += page.json()
    assert walked == docs


async def test_an_answer_holds_what_was_sent_also_what_the_document_does_not_know(http, furnished) -> None:
    body = {
        "amount": {"amount": 5, "units": "EUR"},
        "bucket": {"id": furnished["main"]["id"]},
        "relatedParty": {"id": "p", "role": "buyer"},
        "x-own": {"a": [1, 2.50, "drei"]},
        "id": "mine",
        "href": "mine",
        "status": "cancelled",
        "requestedDate": "2001-01-01T00:00:00Z",
    }
    path = "/tmf-api/prepayBalanceManagement/v4/topupBalance"
    made = (await http.post(path, json=body)).json()
    assert made["x-own"] == body["x-own"]
    assert made["relatedParty"] == [body["relatedParty"] | {"@referredType": "Party"}]
    assert (made["status"], made["requestedDate"]) == ("completed", "2026-06-15T12:00:00.000Z")
    assert made["id"] != "mine"
    assert '"amount": {"units": "EUR", "amount": 5}' in (await http.get(made["href"])).text
    assert (await http.get(path, params={"x-own.a": "drei"})).json() == [made]


async def test_parties_are_shown_without_what_only_the_server_may_say(http, subscribe) -> None:
    party = {"name": "Eve", "href": "http://elsewhere", "id": "mine", "@type": "Organization"}
    line = await subscribe("prepaid-m", party=party)
    raw = (await http.get(f"/oxl/v1/individual/{line['party']['id']}")).text
    assert (raw.count('"href"'), raw.count('"id"')) == (1, 1)
    assert "elsewhere" not in raw


@pytest.mark.parametrize("suffix", [".0", ".2", ".x", ".1.1", '.","a":"b', ".01"])
async def test_a_report_is_there_by_its_number_and_no_other(http, furnished, suffix: str) -> None:
    base = "/tmf-api/usageConsumption/v5"
    query = next(q for q in (await http.get(f"{base}/queryUsageConsumption")).json() if q["state"] == "done")
    path = f"{base}/usageConsumptionReport/{query['id']}"
    assert (await http.get(path)).json()["id"] == query["id"]
    assert (await http.get(f"{path}.1")).json()["id"] == f"{query['id']}.1"
    assert (await http.get(path + suffix)).status_code == 404
