"""The long proof of delivery: two of twenty listeners dead, two slow, and the worker killed twice."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from contextlib import AsyncExitStack

import msgspec
import pytest
from tests.kernel.listening import QUICK, empty, hub_client, make_notes, subscribe, tell
from tests.kernel.receivers import Receiver, receiving
from tests.kernel.toy import rows
from tests.kernel.worker import start

LISTENERS, DEAD, SLOW = 20, 2, 2
DELIVERIES = int(os.environ.get("DELIVERIES", "100000"))
NOTES = 50
PACE = msgspec.structs.replace(
    QUICK, first_retry=0.2, longest_retry=1.0, timeout=1.0, lease=4.0, poll=0.1, give_up=QUICK.give_up / 86400
)


@pytest.mark.torture
async def test_every_live_listener_gets_every_event_in_order_through_two_kills(toy, tenant, database, capsys) -> None:
    await empty(tenant, database)
    tenant.clock.frozen = None  # what is given up is as old as its tenant's clock says
    notes = await make_notes(tenant, NOTES)
    each = DELIVERIES // LISTENERS
    kinds = [f"Step{n:05d}Event" for n in range(each // NOTES)]
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(receiving()) for _ in range(LISTENERS)]
        dead, slow, quick = listeners[:DEAD], listeners[DEAD : DEAD + SLOW], listeners[DEAD + SLOW :]
        for receiver in dead:
            receiver.answer = lambda *_: "reset"
        for receiver in slow:
            receiver.seconds = 0.05
        async with hub_client(tenant) as client:
            subscriptions = [await subscribe(client, receiver) for receiver in listeners]
        ids = [event_id for n in range(0, len(kinds), 10) for event_id in await tell(tenant, notes, kinds[n : n + 10])]
        began, last_of_quick, kills = time.monotonic(), 0.0, 0
        worker = start(tenant, PACE)
        try:
            while True:
                await asyncio.sleep(0.2)
                done = sum(len(receiver.came) for receiver in quick) / (len(quick) * len(ids))
                if kills < 2 and done > (kills + 1) / 3:
                    worker.kill()
                    worker.wait()
                    kills, worker = kills + 1, start(tenant, PACE)
                if not last_of_quick and all(len(set(receiver.ids())) == len(ids) for receiver in quick):
                    last_of_quick = time.monotonic() - began
                (row,) = await rows(tenant, "select count(*) as n from undelivered where dead_at is not null")
                if last_of_quick and row["n"] == DEAD * len(ids) and all(len(set(r.ids())) == len(ids) for r in slow):
                    break
                assert time.monotonic() - began < 60 + DELIVERIES / 50, _state(listeners, ids)
        finally:
            worker.kill()
            worker.wait()
        took = time.monotonic() - began
    assert kills == 2
    twice = 0
    for receiver in (*slow, *quick):
        counted = Counter(receiver.ids())
        assert set(counted) == set(ids)
        twice += sum(n - 1 for n in counted.values())
        assert sum(n - 1 for n in counted.values()) <= 2 * PACE.batch
        _in_order(receiver, kinds)
    found = await rows(tenant, "select subscription_id, event_id from undelivered where dead_at is not null")
    assert {row["subscription_id"] for row in found} == set(subscriptions[:DEAD])
    assert Counter(row["event_id"] for row in found) == dict.fromkeys(ids, DEAD)
    tried = [len(receiver.came) for receiver in dead]
    with capsys.disabled():
        rate = len(quick) * len(ids) / last_of_quick
        print(
            f"\n{len(ids) * LISTENERS:,} deliveries: quick ones done after {last_of_quick:.1f} s ({rate:,.0f}/s), "
            f"all after {took:.1f} s; {twice} came twice over {kills} kills; tries of the dead: {tried}; lost: 0"
        )


def _in_order(receiver: Receiver, kinds: list[str]) -> None:
    seen: set[str] = set()
    told: dict[str, list[str]] = {}
    for came in receiver.came:
        if came.headers["webhook-id"] not in seen:
            seen.add(came.headers["webhook-id"])
            body = came.body
            told.setdefault(body["correlationId"], []).append(body["eventType"])
    assert len(told) == NOTES
    assert all(each == kinds for each in told.values())


def _state(listeners: list[Receiver], ids: list[str]) -> str:
    return f"of {len(ids)}: {[len(set(receiver.ids())) for receiver in listeners]}"
