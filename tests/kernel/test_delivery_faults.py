"""Delivery through kills and several workers; what ends dead, and how it is sent again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import msgspec
import pytest
from tests.conftest import cut_off
from tests.kernel.listening import (
    GIVE_UP_SOON,
    HUB,
    QUICK,
    deliveries,
    delivering,
    empty,
    hub_client,
    make_notes,
    subscribe,
    tell,
    until_row,
)
from tests.kernel.receivers import Receiver, receiving
from tests.kernel.toy import rows
from tests.kernel.worker import start
from tests.waiting import until

from oxl.clock import system_now
from oxl.db.database import Tenant
from oxl.outbox import outbox
from oxl.values import id_floor

SHORT_LEASE = msgspec.structs.replace(QUICK, lease=1.0)
KINDS = [f"Step{n:02d}Event" for n in range(10)]


@pytest.fixture
async def client(toy, tenant, database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the toy, with nothing in its outbox and hub."""
    await empty(tenant, database)
    async with hub_client(tenant) as client:
        yield client


def in_order(receiver: Receiver, notes: Sequence[str], kinds: Sequence[str]) -> None:
    """Every kind came for every note, in order once what came twice is counted where it came first."""
    first: dict[str, list[str]] = {note: [] for note in notes}
    seen: set[str] = set()
    for came in receiver.delivered:
        event_id, body = came.headers["webhook-id"], came.body
        if event_id not in seen:
            seen.add(event_id)
            first[body["correlationId"]].append(body["eventType"])
    for note in notes:
        assert first[note] == list(kinds)


async def test_two_workers_never_deliver_one_subscription_at_once(client, tenant) -> None:
    notes = await make_notes(tenant, 20)
    other = Tenant(tenant.name, tenant._connect, 6)
    other.clock = tenant.clock
    async with receiving(seconds=0.002) as one, receiving() as two, delivering(tenant), delivering(other):
        for receiver in (one, two):
            for path in ("/1", "/2", "/3"):
                await subscribe(client, receiver, path=path)
        for kind in KINDS:
            await tell(tenant, notes, [kind])
        await until(lambda: len(one.came) == len(two.came) == 600)
        await asyncio.sleep(0.1)
    for receiver in (one, two):
        assert set(Counter((came.path, came.headers["webhook-id"]) for came in receiver.came).values()) == {1}
        for path in ("/listener/1", "/listener/2", "/listener/3"):
            for note in notes:
                came = [
                    c.body["eventType"] for c in receiver.came if c.path == path and c.body["correlationId"] == note
                ]
                assert came == KINDS
    await other.close()


async def test_a_killed_worker_is_taken_over_with_the_same_ids_and_nothing_lost(client, tenant) -> None:
    notes = await make_notes(tenant, 30)
    async with receiving(seconds=0.01) as receiver:
        await subscribe(client, receiver)
        ids = [event_id for kind in KINDS for event_id in await tell(tenant, notes, [kind])]
        for goal in (40, 200):
            worker = start(tenant, SHORT_LEASE)
            await until(lambda goal=goal: len(receiver.came) >= goal)
            worker.kill()
            worker.wait()
        async with delivering(tenant, SHORT_LEASE):
            await until(lambda: set(receiver.ids()) == set(ids))
            await until_row(tenant, "select count(*) = 300 from delivery")
    in_order(receiver, notes, KINDS)
    twice = [event_id for event_id, n in Counter(receiver.ids()).items() if n > 1]
    assert len(twice) <= 2 * QUICK.batch
    assert {came.body["eventId"] for came in receiver.came} == set(ids)
    assert Counter(event_id for event_id, _, _ in await deliveries(tenant)) == Counter(ids)


async def test_one_whose_lease_ran_out_settles_nothing(client, tenant) -> None:
    (note,) = await make_notes(tenant, 1)
    async with receiving() as receiver:
        await subscribe(client, receiver)
        await tell(tenant, [note], ["OneEvent"])
        now = system_now()
        async with tenant.connection() as conn:
            (first,) = await until(lambda: outbox.lease(conn, now, now + timedelta(seconds=1), 10, 10))
            assert await outbox.lease(conn, now, now + timedelta(seconds=1), 10, 10) == []
            late = now + timedelta(seconds=2)
            (second,) = await until(lambda: outbox.lease(conn, late, late + timedelta(seconds=1), 10, 10))
            assert second.fence > first.fence
            settled = outbox.Settlement(
                position=outbox.Position("999999999"), failures=0, failing_since=None, open_until=None, ended=None,
                log=[], delivered=[], kept=[],
            )  # fmt: skip
            assert not await outbox.settle(conn, first, settled, late)
        assert (await rows(tenant, "select xid::text as xid from subscription"))[0]["xid"] != "999999999"


async def test_a_resource_that_always_fails_ends_in_dead_letters_and_can_be_sent_again(client, tenant) -> None:
    ill, well = await make_notes(tenant, 2)
    pace = msgspec.structs.replace(GIVE_UP_SOON, circuit=1000)
    async with receiving() as receiver, delivering(tenant, pace):
        receiver.answer = lambda _receiver, _headers, raw: 500 if ill.encode() in raw else 200
        made = await subscribe(client, receiver)
        ids = await tell(tenant, [ill, well], ["OneEvent", "TwoEvent"])
        await until_row(tenant, "select count(*) = 2 from undelivered where dead_at is not null")
        assert receiver.ids() == ids[1::2]
        attempts = {row["event_id"]: row["attempts"] for row in await rows(tenant, "select * from undelivered")}
        assert set(attempts) == set(ids[::2])
        assert attempts[ids[0]] > 1
        receiver.answer = lambda *_: 200
        async with tenant.connection() as conn:
            assert await outbox.resend(conn, made, ids[0], system_now()) == 1
            await until(lambda: ids[0] in receiver.ids())
            assert await outbox.resend(conn, made, None, system_now()) == 1
            await until(lambda: ids[2] in receiver.ids())
            await until_row(tenant, "select count(*) = 0 from undelivered")
            assert await outbox.resend(conn, made, None, system_now()) == 0


async def test_one_that_never_answers_ends_in_dead_letters_and_none_is_lost(client, tenant) -> None:
    notes = await make_notes(tenant, 120)
    pace = msgspec.structs.replace(QUICK, first_retry=3600, longest_retry=3600, give_up=timedelta(days=1))
    frozen, later = tenant.clock.frozen, timedelta(0)
    assert frozen
    try:
        async with (
            receiving("reset") as dead, receiving() as good,
            delivering(tenant, pace, now=lambda: system_now() + later),
        ):  # fmt: skip
            made = await subscribe(client, dead)
            await subscribe(client, good)
            ids = await tell(tenant, notes, KINDS[:5])
            await until(lambda: len(good.came) == 600)
            await until_row(tenant, f"select open_until is not null from subscription where id = '{made}'")
            tenant.clock.frozen, later = frozen + timedelta(days=4), timedelta(days=2)
            await until_row(tenant, "select count(*) = 600 from undelivered where dead_at is not null")
            assert len(dead.came) <= pace.circuit + pace.parallel + 600 // pace.batch + 1
            kept = await rows(tenant, "select event_id, subscription_id from undelivered order by xid, event_id")
            assert [row["event_id"] for row in kept] == ids
            assert {row["subscription_id"] for row in kept} == {made}
            dead.answer = lambda *_: 200
            later += timedelta(days=2)
            async with tenant.connection() as conn:
                assert await outbox.resend(conn, made, None, system_now()) == 600
            await until(lambda: len(dead.delivered) == 600)
            in_order(dead, notes, KINDS[:5])
    finally:
        tenant.clock.frozen = frozen


async def test_a_replay_tells_again_from_a_time_or_a_position(client, tenant) -> None:
    notes = await make_notes(tenant, 5)
    frozen = tenant.clock.frozen
    assert frozen
    async with receiving() as receiver, delivering(tenant):
        made = await subscribe(client, receiver)
        try:
            old = await tell(tenant, notes, ["OneEvent"])
            tenant.clock.frozen = frozen + timedelta(hours=1)
            new = await tell(tenant, notes, ["TwoEvent"])
        finally:
            tenant.clock.frozen = frozen
        await until(lambda: len(receiver.came) == 10)
        async with tenant.connection() as conn:
            since = await outbox.first_since(conn, "toy", id_floor(frozen + timedelta(minutes=30)))
            assert since
            assert await outbox.replay(conn, made, since, system_now())
            await until(lambda: len(receiver.came) == 15)
            await asyncio.sleep(0.1)
            assert set(receiver.ids()[10:]) == set(new)
            assert await outbox.replay(conn, made, outbox.START, system_now())
            await until(lambda: len(receiver.came) == 25)
            assert sorted(receiver.ids()[15:]) == sorted(old + new)
            assert not await outbox.replay(conn, "unknown", outbox.START, system_now())
            assert await outbox.first_since(conn, "toy", id_floor(frozen + timedelta(days=3000))) is None


async def test_a_delete_stops_a_batch_that_is_on_its_way(client, tenant) -> None:
    (note,) = await make_notes(tenant, 1)
    async with receiving() as receiver, delivering(tenant) as delivery:

        def third(receiver: Receiver, *_: object) -> int:
            if len(receiver.came) == 2:
                receiver.released.clear()
            return 204

        receiver.answer = third
        made = await subscribe(client, receiver)
        await tell(tenant, [note], [f"Step{n}Event" for n in range(100)])
        await until(lambda: len(receiver.came) == 3 and receiver.open)
        assert (await client.delete(f"{HUB}/{made}")).status_code == 204
        await until(lambda: any(batch.stopped for batches in delivery._running.values() for batch in batches))
        receiver.released.set()
        await until(lambda: not delivery._running)
        await asyncio.sleep(0.2)
        assert len(receiver.came) == 4


async def test_a_database_that_comes_back_finds_its_worker(client, tenant, database) -> None:
    notes = await make_notes(tenant, 5)
    async with receiving() as receiver, delivering(tenant):
        await subscribe(client, receiver)
        await tell(tenant, notes, ["OneEvent"])
        await until(lambda: len(receiver.came) == 5)
        await cut_off(database, tenant)
        await tell(tenant, notes, ["TwoEvent"])
        await until(lambda: len(set(receiver.ids())) == 10)


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_stopped_worker_lets_go_at_once(client, tenant, restarted: bool) -> None:
    notes = await make_notes(tenant, 5)
    async with receiving() as receiver:
        made = await subscribe(client, receiver)
        ids = await tell(tenant, notes, KINDS)
        receiver.released.clear()
        async with delivering(tenant):
            await until(lambda: receiver.open)
            asyncio.get_running_loop().call_later(0.2, receiver.released.set)  # while it is being stopped
        await until_row(tenant, f"select lease_until <= now() from subscription where id = '{made}'")
        async with delivering(tenant) if restarted else nothing():
            if restarted:
                await until(lambda: len(receiver.came) == 50)
                assert sorted(receiver.ids()) == sorted(ids)
