"""Listeners that are dead, slow or ill: each harms itself alone, and a batch costs few statements."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.kernel.listening import QUICK, delivering, empty, hub_client, make_notes, subscribe, tell, until_row
from tests.kernel.receivers import receiving
from tests.kernel.toy import rows
from tests.waiting import until

from oxl.clock import system_now
from oxl.outbox import outbox


@pytest.fixture
async def client(toy, tenant, database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the toy, with nothing in its outbox and hub."""
    await empty(tenant, database)
    async with hub_client(tenant) as client:
        yield client


async def test_a_dead_one_is_probed_and_costs_little(client, tenant) -> None:
    notes = await make_notes(tenant, 100)
    pace = msgspec.structs.replace(QUICK, first_retry=3600, longest_retry=3600)
    later = timedelta(0)
    async with (
        receiving(500) as receiver, receiving() as witness,
        delivering(tenant, pace, now=lambda: system_now() + later),
    ):  # fmt: skip
        made = await subscribe(client, receiver)
        await subscribe(client, witness)
        await tell(tenant, notes, ["OneEvent"])
        rests = f"select open_until > '{{}}' from subscription where id = '{made}'"
        await until_row(tenant, rests.format(system_now()))
        told = len(receiver.came)
        assert QUICK.circuit <= told <= QUICK.circuit + QUICK.parallel
        await until(lambda: len(witness.came) == 100)
        for probes in (1, 2):
            assert len(receiver.came) == told + probes - 1
            later += timedelta(hours=2)
            await until_row(tenant, rests.format(system_now() + later))
            assert len(receiver.came) == told + probes


async def test_slow_and_dead_ones_do_not_hold_up_the_others(client, tenant) -> None:
    notes = await make_notes(tenant, 40)
    async with (
        delivering(tenant), receiving() as slow, receiving("silence") as silent, receiving("reset") as dead,
        receiving() as good, receiving() as other,
    ):  # fmt: skip
        slow.released.clear()
        for receiver in (slow, silent, dead, good, other):
            await subscribe(client, receiver)
        for kind in ("OneEvent", "TwoEvent", "ThreeEvent"):
            await tell(tenant, notes, [kind])
            await until(lambda: slow.open)
        await until(lambda: len(good.came) == len(other.came) == 120)
        assert slow.came == []
        slow.released.set()
        await until(lambda: len(slow.came) == 120)


async def test_a_resource_that_fails_does_not_hold_up_the_others_of_its_listener(client, tenant) -> None:
    notes = await make_notes(tenant, 10)
    pace = msgspec.structs.replace(QUICK, circuit=1000, window=12, first_retry=0.02)
    ill = notes[0].encode()
    async with receiving() as receiver, delivering(tenant, pace):
        receiver.answer = lambda _receiver, _headers, raw: 500 if ill in raw else 200
        made = await subscribe(client, receiver)
        for n in range(10):
            await tell(tenant, notes, [f"Step{n}Event"])
        await until(lambda: len(receiver.delivered) == 90)
        await until_row(tenant, f"select count(*) = 10 from undelivered where subscription_id = '{made}'")
        receiver.answer = lambda *_: 200
        await until(lambda: len(receiver.delivered) == 100)
    told = [came.body["eventType"] for came in receiver.delivered if came.body["correlationId"] == notes[0]]
    assert told == [f"Step{n}Event" for n in range(10)]


async def test_no_more_than_a_window_waits(client, tenant) -> None:
    notes = await make_notes(tenant, 4)
    pace = msgspec.structs.replace(QUICK, circuit=1000, window=20, batch=10)
    async with receiving(500) as receiver, delivering(tenant, pace):
        await subscribe(client, receiver)
        for n in range(20):
            await tell(tenant, notes, [f"Step{n}Event"])
        await until_row(tenant, "select count(*) >= 20 from undelivered")
        await asyncio.sleep(0.5)
        (row,) = await rows(tenant, "select count(*) as n from undelivered")
        assert row["n"] < 30
        receiver.answer = lambda *_: 200
        await until(lambda: len(receiver.delivered) == 80)
    assert len(set(receiver.ids())) == 80


async def test_a_batch_costs_a_few_statements_however_many_events(client, tenant, monkeypatch) -> None:
    notes = await make_notes(tenant, 200)
    run: Counter[str] = Counter()

    def counted(name: str, whole: Any) -> Any:
        def count(*given: Any) -> Any:
            run[name] += 1
            return whole(*given)

        return count

    for name in ("read_after", "read_waiting", "settle"):
        monkeypatch.setattr(outbox, name, counted(name, getattr(outbox, name)))
    lease = outbox.lease

    async def leased(*given: Any) -> Any:
        found = await lease(*given)
        run["lease"] += bool(found)  # how often it looks in vain goes by the clock
        return found

    monkeypatch.setattr(outbox, "lease", leased)
    async with receiving() as receiver, receiving() as other:
        await subscribe(client, receiver)
        await subscribe(client, other)
        await tell(tenant, notes, ["OneEvent", "TwoEvent", "ThreeEvent"])
        async with delivering(tenant, msgspec.structs.replace(QUICK, poll=5)):
            await until(lambda: len(receiver.came) == len(other.came) == 600)
    batches = 600 // QUICK.batch * 2
    assert run["settle"] == batches
    assert run["read_after"] == run["read_waiting"] == run["lease"]
    assert run["lease"] <= batches
