"""Served below a prefix: all paths answer with it and without, and every link of every answer carries it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, OPERATOR, USAGE, usage_body

from oxl.apis import APIS
from oxl.app import below
from oxl.cli.seed import conformance
from oxl.contract.pages import documents, pages
from oxl.db.database import Tenant
from oxl.kernel.router import Kernel
from oxl.outbox.callbacks import guard_of

PREFIX = "/alpha-oxl"
COLLECTIONS = [f"{api.base}/{each.name}" for api in APIS for each in api.resources]


@pytest.fixture(scope="module")
async def prefixed(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server below a prefix, on the conformance seed."""
    await conformance(tenant)
    published = documents(APIS, PREFIX)
    guard = guard_of("127.0.0.1", "127.0.0.1", 1)
    kernel = Kernel(APIS, tenant, PREFIX, 1000, 1 << 20, pages=pages(APIS, published, PREFIX), guard=guard)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await kernel(below(scope, PREFIX), receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://oxl.example") as client:
        yield client


def links(value: Any, own: bool = True) -> Iterator[str]:
    """The hrefs of a document, in it and in what it holds."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "href" and isinstance(member, str):
                yield member
            yield from links(member)
    elif isinstance(value, list):
        for member in value:
            yield from links(member)


@pytest.mark.parametrize("url", COLLECTIONS)
async def test_115_every_link_of_every_list_carries_the_prefix(prefixed, url: str) -> None:
    answer = await prefixed.get(f"{PREFIX}{url}?limit=2")
    assert answer.status_code in (200, 206)
    for doc in answer.json():
        assert doc["href"] == f"{PREFIX}{url}/{doc['id']}"
        assert all(link.startswith(f"{PREFIX}/") for link in links(doc)), doc
        assert (await prefixed.get(doc["href"])).json()["href"] == doc["href"]
        assert (await prefixed.get(doc["href"].removeprefix(PREFIX))).json()["href"] == doc["href"]
        found = await prefixed.get(f"{PREFIX}{url}", params={"href": doc["href"]})
        assert [each["id"] for each in found.json()] == [doc["id"]]
    for part in filter(None, answer.headers.get("link", "").split(",")):
        assert part.strip().startswith(f"<{PREFIX}{url}?"), part
        assert (await prefixed.get(part.strip()[1:].partition(">")[0])).status_code in (200, 206)


async def test_115_locations_carry_the_prefix(prefixed) -> None:
    for url, body in (
        (f"{PREFIX}{USAGE}", usage_body("sms", "4915559990001", destinationPhoneNumber="+493012345678")),
        (f"{PREFIX}{BALANCE}/topupBalance", {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": "11"}}),
        (f"{PREFIX}{BALANCE}/hub", {"callback": "http://127.0.0.1:9/listener"}),
    ):
        made = await prefixed.post(url, json=body)
        assert made.status_code == 201, made.text
        assert made.headers["location"].startswith(f"{url}/")
        assert (await prefixed.delete(made.headers["location"])).status_code in (204, 405, 409)


async def test_115_what_is_published_carries_the_prefix(prefixed) -> None:
    for api in APIS:
        home = (await prefixed.get(f"{PREFIX}{api.base}")).json()
        assert all(link.startswith(f"{PREFIX}{api.base}") for link in links(home))
        contract = (await prefixed.get(home["_links"]["openapi"]["href"])).json()
        assert [server["url"] for server in contract["servers"]] == [f"{PREFIX}{api.base}"]
        docs = await prefixed.get(home["_links"]["docs"]["href"])
        assert f'src="{PREFIX}{api.base}/docs/start.js"' in docs.text
    assert {each["href"] for each in (await prefixed.get(f"{PREFIX}/")).json()} == {f"{PREFIX}{a.base}" for a in APIS}


async def test_what_only_begins_like_the_prefix_is_not_below_it(prefixed) -> None:
    assert (await prefixed.get(f"{PREFIX}ish{OPERATOR}/product")).status_code == 404
    scope = {"path": "/elsewhere", "raw_path": b"/elsewhere"}
    assert below(scope, PREFIX) is scope
    assert below(scope, "") is scope
    assert below({"path": PREFIX, "raw_path": PREFIX.encode()}, PREFIX)["path"] == ""
