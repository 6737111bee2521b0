"""Idempotency keys on every write: line 62 of the checklist, and what a client that repeats itself relies on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from tests.kernel.boxes import BASE, BOXES, JOBS, box_client, second_client
from tests.kernel.test_writes import broken
from tests.kernel.toy import rows

from oxl.kernel.background import bulk, once
from oxl.kernel.declare import operation_of
from oxl.kernel.handle import Item
from oxl.kernel.keys import forget_keys
from oxl.verbs import Done

from tests.kernel.boxes import API  # isort: skip


def key(text: str) -> dict[str, str]:
    """The header of a key."""
    return {"Idempotency-Key": text}


@pytest.fixture(autouse=True)
async def clean(box, tenant, database) -> None:
    async with database.owner() as conn:
        await conn.execute(
            f"set search_path = {tenant.path}; delete from box; delete from outbox; delete from idempotency"
        )


@pytest.fixture
async def made(box) -> dict[str, Any]:
    """A new box, as its POST answered."""
    return (await box.post(BOXES, json={"name": "N", "count": 1})).json()


async def keys(tenant) -> list[str]:
    """The keys that are kept."""
    return [row["key"] for row in await rows(tenant, "select key from idempotency order by key")]


async def count(tenant) -> int:
    """How many boxes there are."""
    return len(await rows(tenant, "select id from box"))


async def test_62_a_post_is_replayed_byte_for_byte_after_later_changes(box, tenant) -> None:
    first = await box.post(f"{BOXES}?fields=name", json={"name": "Größe"}, headers=key("k"))
    href = first.headers["location"]
    assert (await box.patch(href, json={"name": "M", "state": "open"})).status_code == 200
    again = await box.post(f"{BOXES}?fields=name", json={"name": "Größe"}, headers=key("k"))
    assert (again.status_code, again.content, again.headers) == (201, first.content, first.headers)
    await box.delete(href)
    gone = await box.post(f"{BOXES}?fields=name", json={"name": "Größe"}, headers=key("k"))
    assert (gone.status_code, gone.content, gone.headers) == (201, first.content, first.headers)
    assert await count(tenant) == 0


async def test_62_a_patch_is_replayed_byte_for_byte_after_later_changes(box, tenant, made) -> None:
    steps = {"content-type": "application/json-patch+json"}
    body = b'[{"op":"add","path":"/tags","value":["x"]}]'
    first = await box.patch(made["href"], content=body, headers=steps | key("k"))
    await box.patch(made["href"], json={"tags": ["y"]})
    again = await box.patch(made["href"], content=body, headers=steps | key("k"))
    assert (again.status_code, again.content, again.headers) == (200, first.content, first.headers)
    assert (await box.get(made["href"])).json()["tags"] == ["y"]
    assert len(await rows(tenant, "select id from outbox")) == 3


async def test_62_the_same_key_for_another_request_is_422(box, tenant, made) -> None:
    merge = {"content-type": "application/merge-patch+json"}
    await box.patch(made["href"], json={"count": 2}, headers=key("k"))
    other = (await box.post(BOXES, json={"name": "O"})).json()
    for answer in (
        await box.patch(made["href"], json={"count": 3}, headers=key("k")),
        await box.patch(other["href"], json={"count": 2}, headers=key("k")),
        await box.patch(made["href"], content=b'{"count":2}', headers=key("k") | merge),
        await box.post(BOXES, json={"count": 2, "name": "N"}, headers=key("k")),
        await box.post(JOBS, json={"count": 2, "name": "N"}, headers=key("k")),
        await box.delete(made["href"], headers=key("k")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "keyReused")
        assert answer.json()["message"].startswith("Idempotency-Key: ")
    again = await box.patch(f"{made['href']}/", json={"count": 2}, headers=key("k"))
    assert again.status_code == 200, "a trailing slash is the same path"
    assert (await box.get(made["href"])).json()["count"] == 2


@pytest.mark.parametrize("clients", [1, 2])
async def test_62_concurrent_duplicates_wait_and_get_the_same_answer(box, tenant, made, clients: int) -> None:
    async with second_client(tenant) as other:
        sent = [(box, other)[n % clients] for n in range(20)]
        posts = await asyncio.gather(*[each.post(BOXES, json={"name": "P"}, headers=key("p")) for each in sent])
        patches = await asyncio.gather(*[
            each.patch(made["href"], content=b'[{"op":"add","path":"/tags","value":[]}]',
                       headers=key("q") | {"content-type": "application/json-patch+json"})
            for each in sent
        ])  # fmt: skip
        mixed = await asyncio.gather(*[
            each.post(BOXES, json={"name": f"P{n % 2}"}, headers=key("r")) for n, each in enumerate(sent)
        ])  # fmt: skip
    for answers, status in ((posts, 201), (patches, 200)):
        assert {answer.status_code for answer in answers} == {status}
        assert len({(answer.content, answer.headers["etag"]) for answer in answers}) == 1
    assert sorted(answer.status_code for answer in mixed) == [*[201] * 10, *[422] * 10]
    assert await count(tenant) == 3
    assert len(await rows(tenant, "select id from outbox")) == 4


async def test_62_twenty_keys_twice_each_are_twenty_boxes(box, tenant) -> None:
    async with second_client(tenant) as other:
        answers = await asyncio.gather(*[
            each.post(BOXES, json={"name": f"n{n}"}, headers=key(f"k{n}")) for n in range(20) for each in (box, other)
        ])  # fmt: skip
    assert {answer.status_code for answer in answers} == {201}
    assert [one.content for one in answers[::2]] == [two.content for two in answers[1::2]]
    assert await count(tenant) == 20


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b'{"name": "break"}', 500), ({}, b'{"name": "refuse"}', 409), ({}, b'{"state": "closed"}', 409),
        ({}, b'{"id": "x"}', 400), ({}, b'{"count": "x"}', 400), ({}, b"{", 400), ({"if-match": '"x"'}, b"{}", 412),
        ({"content-type": "text/plain"}, b"{}", 415),
    ],
)  # fmt: skip
async def test_what_was_not_done_is_not_kept(box, tenant, made, headers, body: bytes, status: int) -> None:
    for _ in range(2):
        answer = await box.patch(made["href"], content=body, headers=headers | key("k"))
        assert answer.status_code == status
    assert (await box.patch(f"{BOXES}/none", content=body, headers=headers | key("k"))).status_code == 404
    assert await keys(tenant) == []
    assert (await box.patch(made["href"], json={"count": 5}, headers=key("k"))).status_code == 200


async def test_a_patch_that_changes_nothing_is_kept_too(box, tenant, made) -> None:
    first = await box.patch(made["href"], json={}, headers=key("k"))
    await box.patch(made["href"], json={"count": 9})
    assert (await box.patch(made["href"], json={}, headers=key("k"))).content == first.content
    assert await keys(tenant) == ["k"]


async def test_a_key_settles_what_became_of_a_patch_whose_commit_is_unknown(box, tenant, made) -> None:
    lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    steps = {"content-type": "application/json-patch-query+json"}
    body = b'{"op":"add","path":"$.tags","value":["x"]}'
    async with box_client(broken(tenant, lost, after=0)) as client:
        assert (await client.patch(made["href"], content=body, headers=steps | key("k"))).status_code == 503
    again = await box.patch(made["href"], content=body, headers=steps | key("k"))
    assert (again.status_code, again.json()["tags"]) == (200, ["x"])
    assert len(await rows(tenant, "select id from outbox")) == 2


async def test_keys_are_forgotten_after_some_days_but_not_those_of_bulk_writes(box, tenant) -> None:
    operation = operation_of(API, "box")
    (answer,) = await bulk(tenant, operation, [Item({"name": "B"}, "bulk", b"h")])
    assert isinstance(answer.result, Done)
    noon = tenant.clock.frozen
    for n, days in enumerate((0, 6, 7)):
        tenant.clock.frozen = noon + timedelta(days=days)
        await box.post(BOXES, json={"name": f"n{n}"}, headers=key(f"k{n}"))
    tenant.clock.frozen = noon + timedelta(days=7, seconds=1)
    try:
        await once(tenant, lambda work: forget_keys(work, 7))
        assert await keys(tenant) == ["bulk", "k1", "k2"]
        assert (await box.post(BOXES, json={"name": "other"}, headers=key("k0"))).status_code == 201
    finally:
        tenant.clock.frozen = noon
    (again,) = await bulk(tenant, operation, [Item({"name": "B"}, "bulk", b"h")])
    assert again.result.id == answer.result.id


async def test_a_key_of_a_bulk_write_is_none_of_a_request(box, tenant) -> None:
    await bulk(tenant, operation_of(API, "box"), [Item({"name": "B"}, "same", b"h")])
    assert (await box.post(BOXES, json={"name": "B"}, headers=key("same"))).status_code == 201
    assert await keys(tenant) == ["same", "same"]


@pytest.mark.parametrize("path", [BOXES, f"{BASE}/job"])
async def test_an_idempotency_key_that_is_too_long_is_400_on_every_write(box: httpx.AsyncClient, made, path) -> None:
    for method, where in (("POST", path), ("PATCH", made["href"]), ("DELETE", made["href"])):
        answer = await box.request(method, where, json={"name": "x"}, headers=key("x" * 256))
        assert (answer.status_code, answer.json()["code"]) == (400, "invalidHeader")
