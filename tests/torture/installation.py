"""A whole installation under torture: a PostgreSQL, workers on it, clients with a log, and a listener of events."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
from tests.conftest import BALANCE, DEMO_CATALOG, NOON
from tests.kernel.receivers import Receiver, receiving
from tests.torture import oracle
from tests.torture.clients import Clients, settle_ground
from tests.torture.fleet import Fleet, fleet
from tests.torture.postgres import Postgres, postgres
from tests.waiting import PATIENCE

from oxl.clock import system_now
from oxl.db.database import Database, Tenant
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel.background import once

CLIENTS = 3  # at work side by side
_FOR_EVER = 120.0  # seconds without an answer after which none is waited for


def seed_of() -> int:
    """The seed of a run: SEED of the environment, to have the same faults again, or a new one."""
    return int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


@dataclass
class Installation:
    """What stands while it is tortured."""

    server: Postgres
    workers: Fleet
    clients: Clients
    listener: Receiver
    tenant: Tenant

    async def faults(self, again: int = 100, patience: float = 3 * PATIENCE) -> list[str]:
        """What the oracle finds, after the faults have ended."""
        return await oracle.faults(self.tenant, self.clients, self.listener, again, patience)

    async def until_answered(self, wishes: int, patience: float = _FOR_EVER) -> None:
        """Wait until so many more wishes have been answered."""
        enough, end = self.clients.answered + wishes, time.monotonic() + patience
        while self.clients.answered < enough:
            assert time.monotonic() < end, f"nothing is answered any more: {self.workers.said()}"
            await asyncio.sleep(0.004)

    @asynccontextmanager
    async def under_load(self, clients: int = CLIENTS) -> AsyncIterator[None]:
        """Clients are at work inside; the end of what they are at is waited for."""
        self.clients.ended = False
        working = asyncio.create_task(self.clients.run(clients, lambda: self.clients.ended))
        try:
            yield
        finally:
            self.clients.ended = True
            await working


@asynccontextmanager
async def installation(
    seed: int, planted: str = "", apis: int = 2, server: Postgres | None = None, asked: float = 10, **settings: str
) -> AsyncIterator[Installation]:
    """An installation whose clients wish what the seed says, and wait for an answer so many seconds.

    planted: a bug for its workers; server: one that is there already; settings: of the workers.
    """
    async with AsyncExitStack() as stack:
        if server is None:
            off = {"synchronous_commit": "off"} if planted == "commit not awaited" else {}
            server = await stack.enter_async_context(postgres(**off))
        database = await server.open()
        try:
            tenant = await _ready(database)
            limits = aiohttp.TCPConnector(limit=0)
            timeout = aiohttp.ClientTimeout(total=asked)
            async with (
                fleet(server, apis, planted=planted, **settings) as workers,
                receiving() as listener,
                aiohttp.ClientSession(workers.url, connector=limits, timeout=timeout) as session,
            ):
                await until_serving(session)
                async with session.post(f"{BALANCE}/hub", json={"callback": listener.url}) as answer:
                    assert answer.status == 201, await answer.text()
                clients = Clients(session, await settle_ground(session, 100), seed)
                yield Installation(server, workers, clients, listener, tenant)
        finally:
            await database.close()


async def _ready(database: Database) -> Tenant:
    """The tenant, with the demo's catalog and a clock that goes on from noon."""
    tenant = await database.tenant("default")
    await tenant.set_clock(NOON - system_now(), None)
    await once(tenant, lambda work: registry.publish(work, read_texts(DEMO_CATALOG)))
    return tenant


async def until_serving(session: aiohttp.ClientSession) -> None:
    """Wait until requests are answered."""
    while True:
        with suppress(aiohttp.ClientError, OSError):
            async with session.get("/health/ready") as answer:
                if answer.status == 200:
                    return
        await asyncio.sleep(0.02)
