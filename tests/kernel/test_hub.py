"""`/hub`: lines 96 to 99 of the checklist, and what is refused at the door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from tests.kernel.listening import DEV, HUB, delivering, empty, hub_client, subscribe
from tests.kernel.receivers import receiving
from tests.kernel.toy import BASE, NOTES, TOY, rows
from tests.waiting import until

from oxl.outbox.callbacks import Guard

CALLBACK = "http://hooks.example/l"
PUBLIC = "https://api.example"
READABLE = msgspec.structs.replace(TOY, hub=("create", "retrieve", "delete"))
V4 = msgspec.structs.replace(TOY, generation=4)


@pytest.fixture
async def client(toy, tenant, database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the toy with an empty hub."""
    await empty(tenant, database)
    async with hub_client(tenant, (READABLE,)) as client:
        yield client


async def test_96_a_subscription_is_201_with_location_and_its_body(client, tenant) -> None:
    answer = await client.post(HUB, json={"callback": CALLBACK, "query": "eventType=NoteCreateEvent"})
    assert answer.status_code == 201
    body = answer.json()
    assert body == {"id": body["id"], "callback": CALLBACK, "query": "eventType=NoteCreateEvent", "@type": "Hub",
                    "href": f"{HUB}/{body['id']}"}  # fmt: skip
    assert answer.headers["location"] == body["href"]
    (row,) = await rows(tenant, "select api, callback, query, secret from subscription")
    assert row["secret"].startswith("whsec_")
    assert row["secret"] not in answer.text
    async with hub_client(tenant, (V4,), public=PUBLIC) as old:
        answer = await old.post(f"{HUB}/", json={"@type": "HubListenerInput", "callback": f"{CALLBACK}4"})
        assert answer.headers["location"].startswith(f"{PUBLIC}{HUB}/")
        assert set(answer.json()) == {"id", "callback"}


BAD = {
    "nothing": ({}, "callback: is required"),
    "null": ({"callback": None}, "callback: is required"),
    "a number": ({"callback": 5}, "callback: must be a text"),
    "no address": ({"callback": "not a url"}, "callback: is no plain http"),
    "another scheme": ({"callback": "ftp://hooks.example/"}, "callback: is no plain http"),
    "mail": ({"callback": "mailto:a@hooks.example"}, "callback: is no plain http"),
    "user and password": ({"callback": CALLBACK.replace("hooks", "u:p@hooks")}, "callback: is no plain http"),
    "metadata": ({"callback": CALLBACK.replace("hooks.example", "169.254.169.254")}, "callback: leads to an address"),
    "a private address": ({"callback": CALLBACK.replace("hooks.example", "10.0.0.1")}, "callback: leads to an address"),
    "a query that is a list": ({"callback": CALLBACK, "query": []}, "query: must be a text"),
    "a query that is a number": ({"callback": CALLBACK, "query": 7}, "query: must be a text"),
    "a query without a value": ({"callback": CALLBACK, "query": "eventType"}, "query: eventType: expected"),
    "a paged query": ({"callback": CALLBACK, "query": "limit=5"}, "query: events come as they happen"),
    "a query that is too long": ({"callback": CALLBACK, "query": f"a={'x' * 2000}"}, "query: is longer"),
    "a query with a NUL": ({"callback": CALLBACK, "query": "a=%00"}, "query: "),
}


@pytest.mark.parametrize("case", list(BAD))
async def test_97_what_cannot_be_subscribed_is_a_400_that_names_it(client, tenant, case: str) -> None:
    body, named = BAD[case]
    answer = await client.post(HUB, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(named)
    assert answer.json()["@type"] == "Error"
    assert await rows(tenant, "select id from subscription") == []


async def test_97_a_callback_is_judged_by_where_the_server_is_reached(client, tenant) -> None:
    for url in ("http://127.0.0.1:9/", "http://localhost/"):
        assert (await client.post(HUB, json={"callback": url})).status_code == 201
        async with hub_client(tenant, guard=Guard()) as public:
            assert (await public.post(HUB, json={"callback": url})).status_code == 400


async def test_98_the_same_again_is_the_same_and_is_told_once(client, tenant) -> None:
    async with receiving() as receiver:
        first = await subscribe(client, receiver, "eventType=NoteCreateEvent")
        assert [await subscribe(client, receiver, "eventType=NoteCreateEvent") for _ in range(3)] == [first] * 3
        assert await subscribe(client, receiver) != first
        async with hub_client(tenant, (msgspec.structs.replace(TOY, name="other"),)) as other:
            assert await subscribe(other, receiver, "eventType=NoteCreateEvent") != first
        async with delivering(tenant):
            await client.post(NOTES, json={"text": "once"})
            await until(lambda: len(receiver.came) == 2)
    assert len(await rows(tenant, "select id from delivery")) == 2


async def test_98_many_at_once_are_one(client, tenant) -> None:
    answers = await asyncio.gather(*[client.post(HUB, json={"callback": CALLBACK}) for _ in range(10)])
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_99_read_and_delete(client, tenant) -> None:
    made = (await client.post(HUB, json={"callback": CALLBACK})).json()
    read = await client.get(f"{HUB}/{made['id']}")
    assert (read.status_code, read.json()) == (200, made)
    assert (await client.head(made["href"])).status_code == 200
    gone = await client.delete(made["href"])
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("DELETE", "GET"):
        again = await client.request(method, made["href"])
        assert (again.status_code, again.json()["code"]) == (404, "notFound")
    anew = (await client.post(HUB, json={"callback": CALLBACK})).json()
    assert anew["id"] != made["id"]


async def test_99_nothing_comes_after_a_delete(client, tenant) -> None:
    async with receiving() as receiver, delivering(tenant):
        made = await subscribe(client, receiver)
        await client.post(NOTES, json={"text": "before"})
        await until(lambda: len(receiver.came) == 1)
        assert (await client.delete(f"{HUB}/{made}")).status_code == 204
        async with receiving() as witness:
            await subscribe(client, witness)
            await client.post(NOTES, json={"text": "after"})
            await until(lambda: len(witness.came) == 1)
        assert len(receiver.came) == 1


async def test_99_an_unknown_id_and_another_apis_is_404(client, tenant) -> None:
    made = (await client.post(HUB, json={"callback": CALLBACK})).json()
    for hub_id in ("unknown", "%00", "a%2Fb"):
        assert (await client.delete(f"{HUB}/{hub_id}")).status_code == 404
    async with hub_client(tenant, (msgspec.structs.replace(READABLE, name="other"),)) as other:
        assert (await other.get(f"{HUB}/{made['id']}")).status_code == 404
        assert (await other.delete(f"{HUB}/{made['id']}")).status_code == 404
    assert (await client.get(made["href"])).status_code == 200


@pytest.mark.parametrize(
    ("read", "method", "path", "allow"),
    [(True, "GET", "", "POST"), (True, "DELETE", "", "POST"), (True, "PUT", "", "POST"), (False, "GET", "", "POST"),
     (True, "PATCH", "/x", "GET, HEAD, DELETE"), (True, "POST", "/x", "GET, HEAD, DELETE"),
     (False, "GET", "/x", "DELETE"), (False, "HEAD", "/x", "DELETE"), (False, "PUT", "/x", "DELETE")],
)  # fmt: skip
async def test_other_methods_are_405_with_allow(tenant, toy, read: bool, method: str, path: str, allow: str) -> None:
    api = msgspec.structs.replace(TOY, hub=("create", "retrieve", "delete") if read else ("create", "delete"))
    async with hub_client(tenant, (api,)) as client:
        answer = await client.request(method, f"{HUB}{path}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


async def test_media_types_and_sizes_are_those_of_any_post(client) -> None:
    assert (await client.post(HUB, content=b"<x/>", headers={"content-type": "text/xml"})).status_code == 415
    assert (await client.post(HUB, json={"callback": CALLBACK}, headers={"accept": "text/html"})).status_code == 406
    assert (await client.post(HUB, content=b"x" * (1 << 21))).status_code == 413
    for content in (b"", b"[]", b"{", b'"x"'):
        answer = await client.post(HUB, content=content)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalidBody")


async def test_a_server_without_a_guard_calls_nothing_private(tenant, toy) -> None:
    async with hub_client(tenant, guard=None) as client:  # type: ignore[arg-type]
        answer = await client.post(f"{BASE}/hub", json={"callback": "http://127.0.0.1/"})
    assert answer.status_code == 400
    assert DEV.dev
