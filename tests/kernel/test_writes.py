"""A group of writes: one commit, idempotency keys, events in the same transaction, and what happens when it breaks."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from tests.kernel.toy import CAP, NOTES, TOY, WRITE, rows, toy_client

from oxl.db.database import Tenant
from oxl.kernel.handle import Item, group
from oxl.kernel.router import Kernel
from oxl.verbs import Done, Refused


async def kept(tenant: Tenant) -> list[str]:
    """The texts of all notes."""
    return [row["text"] for row in await rows(tenant, "select doc ->> 'text' as text from note order by id")]


async def events(tenant: Tenant) -> list[Any]:
    found = await rows(
        tenant, "select event_type, resource, resource_id, doc, at from outbox where api = 'toy' order by id"
    )
    return [row | {"doc": json.loads(row["doc"])} for row in found]


@pytest.fixture(autouse=True)
async def clean(toy, tenant, database) -> None:
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {tenant.path}")
        await conn.execute("delete from note; delete from outbox; delete from idempotency")


async def test_an_event_is_the_get_body_without_href(toy, tenant) -> None:
    made = (await toy.post(NOTES, json={"text": "Grüße", "n": 1, "own": [1.50, None]})).json()
    (event,) = await events(tenant)
    got = (await toy.get(made["href"])).json()
    assert got == made
    assert event["doc"] == {name: value for name, value in got.items() if name != "href"}
    assert (event["event_type"], event["resource"], event["resource_id"]) == ("NoteCreateEvent", "note", made["id"])
    assert event["at"] == tenant.clock.now()


async def test_a_refusal_that_is_kept_tells_two_events_and_refers_to_what_is_kept(toy, tenant) -> None:
    answer = await toy.post(NOTES, json={"text": "fail"})
    assert answer.status_code == 409
    found = await events(tenant)
    assert [event["event_type"] for event in found] == ["NoteCreateEvent", "NoteFailureEvent"]
    reference = answer.json()["referenceError"]
    assert reference == f"{NOTES}/{found[0]['resource_id']}"
    assert (await toy.get(reference)).json()["text"] == "fail"


@pytest.mark.parametrize(("text", "status"), [("mend", 400), ("refuse", 409), ("break", 500), ("drop", 500)])
async def test_what_is_not_done_leaves_no_row_no_event_and_no_key(toy, tenant, text: str, status: int) -> None:
    answer = await toy.post(NOTES, json={"text": text}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == status
    assert await kept(tenant) == []
    assert await events(tenant) == []
    assert await rows(tenant, "select key from idempotency") == []


async def test_the_same_key_replays_the_answer_as_it_was(toy, tenant) -> None:
    first = await toy.post(NOTES, json={"text": "once"}, headers={"Idempotency-Key": "k"})
    again = await toy.post(NOTES, json={"text": "once"}, headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers == first.headers
    assert await kept(tenant) == ["once"]
    assert len(await events(tenant)) == 1


async def test_the_same_key_with_another_body_is_422_and_other_keys_are_others(toy, tenant) -> None:
    assert (await toy.post(NOTES, json={"text": "a"}, headers={"Idempotency-Key": "k"})).status_code == 201
    other = await toy.post(NOTES, json={"text": "b"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "keyReused")
    assert (await toy.post(NOTES, json={"text": "b"}, headers={"Idempotency-Key": "K"})).status_code == 201
    assert (await toy.post(NOTES, json={"text": "b"})).status_code == 201
    assert (await toy.post(NOTES, json={"text": "b"}, headers={"Idempotency-Key": ""})).status_code == 201
    assert sorted(await kept(tenant)) == ["a", "b", "b", "b"]


async def test_a_kept_failure_is_replayed_and_a_400_frees_its_key(toy, tenant) -> None:
    failed = await toy.post(NOTES, json={"text": "fail"}, headers={"Idempotency-Key": "k1"})
    again = await toy.post(NOTES, json={"text": "fail"}, headers={"Idempotency-Key": "k1"})
    assert (failed.status_code, again.content) == (409, failed.content)
    assert (await toy.post(NOTES, json={"text": "x"}, headers={"Idempotency-Key": "k1"})).status_code == 422
    assert len(await events(tenant)) == 2
    for text, status in (("mend", 400), ("mend", 400), ("mended", 201)):
        answer = await toy.post(NOTES, json={"text": text}, headers={"Idempotency-Key": "k2"})
        assert answer.status_code == status
    assert await kept(tenant) == ["fail", "mended"]


async def test_the_same_key_ten_times_at_once_is_done_once_in_one_process_and_in_two(toy, tenant) -> None:
    async with toy_client(Tenant(tenant.name, tenant._connect, 4)) as other:
        other._transport.app._tenant.clock.frozen = tenant.clock.frozen
        posts = [
            client.post(NOTES, json={"text": "once"}, headers={"Idempotency-Key": "k"})
            for client in (toy, other)
            for _ in range(10)
        ]
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        await other._transport.app._tenant.close()
    assert await kept(tenant) == ["once"]
    assert len(await events(tenant)) == 1


async def test_equal_keys_in_one_group_are_one_and_a_different_twin_is_a_mismatch(toy, tenant) -> None:
    sent = [("a", "k1"), ("a", "k1"), ("b", "k1"), ("fail", "k2"), ("fail", "k2"), ("a", None), ("mend", "k3")]
    items = [Item({"text": text}, key, text.encode()) for text, key in sent]
    answers = await group(tenant, WRITE, items)
    assert answers[0] == answers[1]
    assert isinstance(answers[0].result, Done)
    assert answers[2].result.kind == "mismatch"
    assert answers[3] == answers[4]
    assert answers[3].result.code == "failed"
    assert isinstance(answers[6].result, Refused)
    assert await kept(tenant) == ["a", "fail", "a"]
    assert [row["key"] for row in await rows(tenant, "select key from idempotency order by key")] == ["k1", "k2"]


@pytest.mark.parametrize("bad", ["break", "drop"])
async def test_one_bad_item_never_fails_its_neighbours(toy, tenant, bad: str) -> None:
    texts = ["1", "2", bad, "3", "refuse", bad, "4"]
    answers = await asyncio.gather(*[toy.post(NOTES, json={"text": text}) for text in texts])
    assert [answer.status_code for answer in answers] == [201, 201, 500, 201, 409, 500, 201]
    assert await kept(tenant) == ["1", "2", "3", "4"]
    assert len(await events(tenant)) == 4


def broken(tenant: Tenant, error: Exception, after: int) -> Tenant:
    """The tenant, whose connections fail as they are given back: the commit was sent, its answer never came.

    The first `after` leave in peace.
    """
    served = 0
    whole = tenant.connection

    @asynccontextmanager
    async def connection():
        nonlocal served
        async with whole() as conn:
            yield conn
        served += 1
        if served > after:
            raise error

    copy = Tenant(tenant.name, tenant._connect, 1)
    copy.clock = tenant.clock
    copy.connection = connection
    return copy


async def test_a_group_whose_commit_is_unknown_is_503_and_never_done_twice(toy, tenant) -> None:
    lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    async with toy_client(broken(tenant, lost, after=0)) as client:
        answers = await asyncio.gather(*[client.post(NOTES, json={"text": f"n{n}"}) for n in range(8)])
    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.headers["retry-after"] for answer in answers)
    stored = await kept(tenant)
    assert len(stored) == len(set(stored)), "a write was run again after a commit that may have been made"


async def test_a_key_settles_what_became_of_an_unknown_commit(toy, tenant) -> None:
    lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
    async with toy_client(broken(tenant, lost, after=0)) as client:
        first = await client.post(NOTES, json={"text": "once"}, headers={"Idempotency-Key": "k"})
    assert first.status_code == 503
    assert (await toy.post(NOTES, json={"text": "once"}, headers={"Idempotency-Key": "k"})).status_code == 201
    assert await kept(tenant) == ["once"]


async def test_a_database_that_is_away_is_503_with_retry_after(toy, tenant) -> None:
    away = Tenant(tenant.name, tenant._connect | {"port": 1, "timeout": 2}, 2)
    async with toy_client(away) as client:
        for answer in (
            await client.get(NOTES),
            await client.get(f"{NOTES}/1"),
            await client.post(NOTES, json={"text": "x"}),
            *await asyncio.gather(*[client.post(NOTES, json={"text": "x"}) for _ in range(5)]),
        ):
            assert answer.status_code == 503
            assert (answer.json()["code"], answer.headers["retry-after"]) == ("unavailable", "1")
        assert (await client.post(NOTES, json={"n": 1})).status_code == 400


async def test_a_wrong_value_for_the_database_is_no_503(toy, tenant) -> None:
    answers = await asyncio.gather(*[toy.post(NOTES, json={"text": "x", "n": n}) for n in (1, 2**40, 2)])
    assert [answer.status_code for answer in answers] == [201, 500, 201]


async def test_a_server_that_is_overrun_refuses_at_once(tenant) -> None:
    kernel = Kernel((TOY,), tenant, "", CAP, 1 << 20)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://toy.example") as client:
        writes = kernel._routes[NOTES].writes["POST"]
        writes._queue = [(None, asyncio.get_running_loop().create_future())] * 4096
        answer = await client.post(NOTES, json={"text": "x"})
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
