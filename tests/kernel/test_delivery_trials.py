"""What the integrators of a sandbox ask to go wrong reaches their listeners: events that are late or come twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest
from tests.kernel.listening import deliveries, delivering, empty, hub_client, make_notes, subscribe, tell
from tests.kernel.receivers import Receiver, receiving
from tests.kernel.toy import rows
from tests.waiting import until

from oxl.clock import system_now
from oxl.db.faults import NONE, Faults

MANY, LATE = 10, timedelta(seconds=0.3)  # events, and how late they are


@pytest.fixture
async def client(toy, tenant, database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the toy, with nothing in its outbox and hub; nothing goes wrong on purpose afterwards."""
    await empty(tenant, database)
    async with hub_client(tenant) as client:
        yield client
    tenant.faults = NONE


async def told_under(faults: Faults, client: httpx.AsyncClient, tenant) -> tuple[Receiver, list[str], datetime]:
    """A listener once everything was settled under faults, the ids of the events, and when they were made."""
    tenant.faults = faults
    notes = await make_notes(tenant, MANY)
    async with receiving() as receiver, delivering(tenant):
        listener = await subscribe(client, receiver)
        began = system_now()
        events = await tell(tenant, notes, ["NoteCreateEvent"])

        async def settled() -> bool:
            told = await deliveries(tenant, subscription_id=listener)
            return [outcome for _, outcome, _ in told] == ["delivered"] * MANY

        await until(settled)
    return receiver, events, began


async def test_events_come_twice_and_are_the_same(client, tenant) -> None:
    receiver, events, _ = await told_under(Faults(duplicate_share=1), client, tenant)
    assert Counter(receiver.ids()) == dict.fromkeys(events, 2)
    alike = {
        (came.headers["webhook-id"], came.headers["webhook-timestamp"], came.headers["webhook-signature"], came.raw)
        for came in receiver.came
    }
    assert len(alike) == MANY  # so a listener sees by the id, the signature and the text that it is the same


async def test_events_come_late(client, tenant) -> None:
    receiver, events, began = await told_under(Faults(event_delay=LATE // timedelta(milliseconds=1)), client, tenant)
    assert sorted(receiver.ids()) == sorted(events)
    (first,) = await rows(tenant, "select min(at) as at from delivery")
    assert first["at"] >= began + LATE


async def test_nothing_goes_wrong_unasked(client, tenant) -> None:
    receiver, events, _ = await told_under(NONE, client, tenant)
    assert Counter(receiver.ids()) == dict.fromkeys(events, 1)
