"""Ground for tests of delivery: events of the toy in the outbox, subscriptions to them, and a worker on short times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import msgspec
from tests.kernel.receivers import Receiver
from tests.kernel.toy import BASE, CAP, NOTE, TOY, rows
from tests.waiting import PATIENCE, until

from oxl.db.database import Database, Tenant
from oxl.kernel import select
from oxl.kernel.events import voices
from oxl.kernel.router import Kernel
from oxl.outbox.batch import Pace
from oxl.outbox.callbacks import Guard
from oxl.outbox.delivery import Delivery
from oxl.values import new_id

HUB = f"{BASE}/hub"
DEV = Guard(dev=True)
# Tries again soon, but gives neither a call nor a batch up because the machine stands still for a while.
QUICK = Pace(first_retry=0.05, longest_retry=0.2, timeout=4 * PATIENCE, lease=16 * PATIENCE, poll=0.02)
GIVE_UP_SOON = msgspec.structs.replace(QUICK, longest_retry=0.1, give_up=timedelta(seconds=0.5))
IMPATIENT = msgspec.structs.replace(QUICK, timeout=1.0)  # of listeners that do not answer


def hub_client(tenant: Tenant, apis: Sequence[Any] = (TOY,), guard: Guard = DEV, public: str = "") -> httpx.AsyncClient:
    """A client of the toy as it is served on loopback."""
    kernel = Kernel(apis, tenant, public, CAP, 1 << 20, guard=guard)
    return httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://toy.example")


async def subscribe(client: httpx.AsyncClient, receiver: Receiver, query: str = "", path: str = "") -> str:
    """The id of a new subscription of a receiver."""
    body = {"callback": receiver.url + path} | ({"query": query} if query else {})
    answer = await client.post(HUB, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def tell(tenant: Tenant, notes: Sequence[str], kinds: Sequence[str], api: str = TOY.name) -> list[str]:
    """Write one event of each kind for each note, in one transaction; their ids, in order."""
    found = [select.Event(new_id(tenant.clock.now()), kind, note) for kind in kinds for note in notes]
    async with tenant.connection() as conn, conn.transaction():
        await select.keep_events(conn, NOTE, tenant.clock.now(), api, found, False, [])
    return [event.id for event in found]


async def make_notes(tenant: Tenant, count: int) -> list[str]:
    """So many notes, without events; their ids."""
    ids = [new_id(tenant.clock.now()) for _ in range(count)]
    async with tenant.connection() as conn:
        await conn.execute(
            "insert into note (id, at, n, doc) select id, $2, n, jsonb_build_object('text', 'note ' || n) "
            "from unnest($1::text[]) with ordinality as i (id, n)",
            ids,
            tenant.clock.now(),
        )
    return ids


@asynccontextmanager
async def delivering(tenant: Tenant, pace: Pace = QUICK, **more: Any) -> AsyncIterator[Delivery]:
    """A worker that delivers the toy's events while inside."""
    stop = asyncio.Event()
    delivery = Delivery(voices((TOY,)), tenant, more.pop("guard", DEV), pace=pace, **more)
    task = asyncio.create_task(delivery.run(stop))
    try:
        yield delivery
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE)


async def empty(tenant: Tenant, database: Database) -> None:
    """No notes, events, subscriptions or deliveries."""
    async with database.owner() as conn:
        await conn.execute(
            f"set search_path = {tenant.path}; delete from undelivered; delete from delivery; "
            "delete from subscription; delete from note; delete from outbox"
        )


async def deliveries(tenant: Tenant, **where: str) -> list[tuple[str, str, int]]:
    """(event id, outcome, attempt) of the log, in order."""
    found = await rows(tenant, "select event_id, outcome, attempt, subscription_id from delivery order by id")
    return [
        (row["event_id"], row["outcome"], row["attempt"])
        for row in found
        if all(row[name] == value for name, value in where.items())
    ]


async def until_row(tenant: Tenant, statement: str) -> Any:
    """The first value of a statement, as soon as it is true."""

    async def value() -> Any:
        (row,) = await rows(tenant, statement)
        return next(iter(row.values()))

    return await until(value)
