"""What conformance kits ask of every API, put to each one that is published, on the data of `oxl seed conformance`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conformance.documents import SPECS, Json, document, key_of
from tests.conformance.kit import LEAST, OWNED, RESOLVED, Published, least, nothings, texts
from tests.conftest import client_of

from oxl.apis import APIS
from oxl.cli.seed import conformance
from oxl.db.database import Tenant

APIS_OF_THE_STANDARD = {api.base: key_of(api) for api in APIS if api.number}
PUT = [  # what a kit may be put to: of resources of OXL's own, those that can be made again and again
    (f"{api.base}/{each.name}", each)
    for api in APIS
    if api.number
    for each in api.resources
    if "list" not in each.own_operations or each.name in LEAST
]
RESOURCES = [url for url, _ in PUT]
CREATED = [url for url, each in PUT if each.create]
every = pytest.mark.parametrize("url", RESOURCES, ids=[Path(url).name for url in RESOURCES])
created = pytest.mark.parametrize("url", CREATED, ids=[Path(url).name for url in CREATED])


@pytest.fixture(scope="module")
async def kit(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that holds the conformance seed and, of what can be created, a minimal and a full one."""
    await conformance(tenant)
    await conformance(tenant)  # a second time changes nothing
    async with client_of(tenant, public="http://oxl.example") as client:
        for url in CREATED:
            await post(client, url, least(Path(url).name))
            await post(client, url, (await published(client, url)).full(Path(url).name))
        yield client


async def published(client: httpx.AsyncClient, url: str) -> Published:
    """The contract of the API that a resource belongs to."""
    base = str(Path(url).parent)
    document = (await client.get(f"{base}/openapi.json")).json()
    assert document["info"]["x-api-id"] == APIS_OF_THE_STANDARD[base].partition("v")[0]
    return Published(document)


async def post(client: httpx.AsyncClient, url: str, body: Any, **headers: str) -> Json:
    """The answer to a POST that must be done."""
    answer = await client.post(url, json=body, headers=headers)
    assert answer.status_code == 201, (body, answer.text)
    assert answer.headers["location"] == answer.json()["href"]
    return answer.json()


async def entries(client: httpx.AsyncClient, url: str) -> list[Json]:
    """All that a list shows."""
    answer = await client.get(url)
    assert answer.status_code == 200
    assert answer.json(), "the seed has some of each"
    assert int(answer.headers["x-total-count"]) == int(answer.headers["x-result-count"]) == len(answer.json())
    return answer.json()


def wrong(error: httpx.Response, status: int) -> bool:
    """Whether an answer is an error of that status with a whole Error document."""
    body = error.json()
    assert (error.status_code, body["status"], body["@type"]) == (status, str(status), "Error")
    assert error.headers["content-type"].startswith("application/json")
    return all(isinstance(body[name], str) and body[name] for name in ("code", "reason", "message"))


@every
async def test_every_entry_is_whole_and_fits_the_contract(kit, url) -> None:
    contract = await published(kit, url)
    for doc in await entries(kit, url):
        assert contract.mandatory(Path(url).name) <= set(doc), doc
        assert contract.faults(Path(url).name, doc) == []
        assert list(nothings(doc)) == []
        assert all(isinstance(doc[name], str) for name in ("id", "href", "@type"))
        assert not set(doc["id"]) & set("+&# %")


@every
async def test_one_is_what_the_list_shows_and_stays_so(kit, url) -> None:
    for doc in await entries(kit, url):
        for _ in range(2):
            one = await kit.get(doc["href"])
            assert (one.status_code, one.json()) == (200, doc)
        assert (await kit.get(f"{url}/{doc['id']}/")).json() == doc
        assert "\\u" not in one.text
        dates = [text for path, text in texts(doc) if path.endswith(("Date", "lastUpdate"))]
        assert all(text.endswith("Z") for text in dates), dates


@every
async def test_attributes_filter_by_exactly_the_text_that_was_given(kit, url) -> None:
    for doc in (await entries(kit, url))[:4]:
        for path, text in sorted(set(texts(doc))):
            for value in (text, f'"{text}"'):
                named = f"{path}.eq" if path.endswith(".regex") else path  # an attribute that is called as an operator
                found = await kit.get(url, params={named: value})
                assert found.status_code == 200, (path, value, found.text)
                assert doc["id"] in [each["id"] for each in found.json()], (path, value)


@every
async def test_values_that_make_no_sense_find_nothing(kit, url) -> None:
    names = {name for doc in await entries(kit, url) for name in doc}
    for name in (*sorted(names), "nobody", "no.body"):
        found = await kit.get(url, params={name: "no such value"})
        assert (found.status_code, found.json()) == (200, []), name


@every
async def test_fields_gives_what_is_asked_and_identity(kit, url) -> None:
    doc = (await entries(kit, url))[0]
    contract = await published(kit, url)
    for name in (*sorted(doc), "none"):
        for answer in (
            await kit.get(url, params={"fields": name}),
            await kit.get(doc["href"], params={"fields": name}),
        ):
            shown = answer.json()[0] if isinstance(answer.json(), list) else answer.json()
            wanted = {"id", "href", "@type", name} & set(doc)
            assert (answer.status_code, shown) == (200, {key: doc[key] for key in wanted})
            left_out = [fault for fault in contract.faults(Path(url).name, shown) if "is a required" not in fault]
            assert left_out == []


@every
async def test_what_is_not_there_or_not_served_is_an_error_document(kit, url) -> None:
    contract = await published(kit, url)
    for place in (f"{url}/no-such-id", f"{url}/no-such-id?fields=none", f"{url}/no-such-id?nobody=1", f"{url}s"):
        assert wrong(await kit.get(place), 404)
    doc = (await entries(kit, url))[0]
    path = f"/{Path(url).name}"
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        for where, place in ((url, path), (doc["href"], f"{path}/{{id}}")):
            if (method, place) not in contract.contract.operations:
                assert wrong(await kit.request(method, where, json={}), 405)


@every
async def test_requests_as_kits_send_them(kit, url) -> None:
    doc = (await entries(kit, url))[0]
    with_a_token = {"authorization": "Bearer nobody-knows-this", "content-type": "application/json"}
    for where in (url, f"{url}/", doc["href"], f"{doc['href']}/"):
        for headers in (with_a_token, {"host": "another.example:8080"}, {"accept": "application/json;charset=utf-8"}):
            answer = await kit.get(where, headers=headers)
            assert answer.status_code == 200, headers
            shown = answer.json() if isinstance(answer.json(), list) else [answer.json()]
            assert doc in shown
        bare = kit.build_request("GET", where)
        bare.headers.clear()
        assert (await kit.send(bare)).status_code == 200


@created
async def test_a_full_body_comes_back_as_it_was_sent(kit, url) -> None:
    sent = (await published(kit, url)).full(Path(url).name)
    made = await post(kit, url, sent)
    owned = OWNED | RESOLVED.get(Path(url).name, set())
    assert {name: made.get(name) for name in sent if name not in owned} == {
        name: value for name, value in sent.items() if name not in owned
    }
    assert (await kit.get(made["href"])).json() == made


@created
async def test_64_65_a_least_body_is_made_whole(kit, url) -> None:
    contract = await published(kit, url)
    for more in (
        {},
        {"name": "the same"},
        {"name": "the same"},
        {"description": "äöü 😀", "x-ours": {"deep": [1, {}]}},
    ):
        made = await post(kit, url, least(Path(url).name) | more)
        assert contract.mandatory(Path(url).name) <= set(made)
        assert contract.faults(Path(url).name, made) == []
        assert {name: made[name] for name in more} == more
        assert made == (await kit.get(made["href"])).json()
        assert made in await entries(kit, url)


@created
async def test_an_object_stands_for_a_list_of_one_and_a_slash_for_none(kit, url) -> None:
    contract = await published(kit, url)
    for name, value in contract.full(Path(url).name).items():
        if isinstance(value, list) and name not in OWNED:
            made = await post(kit, f"{url}/", least(Path(url).name) | {name: value[0]})
            assert made[name] == value


@created
async def test_what_is_no_body_is_a_400(kit, url) -> None:
    for content in (b"", b"{", b"[]", b"[{}]", b"null", b'"text"', b"\xff"):
        assert wrong(await kit.post(url, content=content, headers={"content-type": "application/json"}), 400)


@created
async def test_amounts_stay_numbers(kit, url) -> None:
    made = await post(kit, url, least(Path(url).name) | {"x-amount": 50, "x-part": 0.25})
    raw = (await kit.get(made["href"])).text
    assert '"x-amount": 50,' in raw or '"x-amount": 50}' in raw
    assert (json.loads(raw)["x-part"], type(json.loads(raw)["x-amount"])) == (0.25, int)


async def test_what_is_changed_or_removed_by_the_contract_is_changed_and_removed(kit) -> None:
    for url in CREATED:
        contract = await published(kit, url)
        name = Path(url).name
        made = await post(kit, url, least(name))
        if name in contract.resources("PATCH", one=True):
            assert (await kit.patch(made["href"], json={})).json() == made
            assert wrong(await kit.patch(f"{url}/no-such-id", json={}), 404)
        if name in contract.resources("DELETE", one=True):
            assert (await kit.delete(made["href"], headers={"content-type": "application/json"})).status_code == 204
            assert wrong(await kit.get(made["href"]), 404)
            assert wrong(await kit.delete(made["href"]), 404)


async def test_the_bucket_that_kits_refer_to_is_there(kit) -> None:
    url = next(url for url in RESOURCES if url.endswith("/bucket"))
    bucket = (await kit.get(f"{url}/11")).json()
    assert (bucket["status"], bucket["usageType"], bucket["remainingValue"]["units"]) == ("active", "monetary", "EUR")
    assert len(await entries(kit, next(url for url in RESOURCES if url.endswith("Report")))) >= 2


async def test_the_id_of_a_query_finds_its_report(kit) -> None:
    url = next(url for url in RESOURCES if url.endswith("/queryUsageConsumption"))
    done = next(query for query in await entries(kit, url) if query["usageConsumption"])
    report = await kit.get(f"{Path(url).parent}/usageConsumptionReport/{done['id']}")
    assert (report.status_code, report.json()["id"]) == (200, done["id"])


@created
async def test_the_examples_of_the_official_document_are_taken_as_they_stand(kit, url) -> None:
    contract = await published(kit, url)
    for sent in examples(APIS_OF_THE_STANDARD[str(Path(url).parent)], Path(url).name):
        made = await post(kit, url, sent)
        assert contract.faults(Path(url).name, made) == []


def examples(number: str, resource: str) -> list[Json]:
    """The bodies that the official document shows; where it shows none, or is not here, the least that are taken."""
    found = document(number) if SPECS.is_dir() else {"swagger": ""}
    if "swagger" in found or f"/{resource}" not in found["paths"]:
        return [least(resource)]
    operation = found["paths"][f"/{resource}"]["post"]
    body = found["components"]["requestBodies"][operation["requestBody"]["$ref"].rpartition("/")[2]]
    shown = body["content"]["application/json"]["examples"]
    return [found["components"]["examples"][each["$ref"].rpartition("/")[2]]["value"] for each in shown.values()]
