"""Brings events to their listeners: the worker's loop, and the only place that calls a callback.

lease subscriptions that have something due → read for all of them at once → tell each, resources side by side → settle
each in one statement. A batch costs three statements, however many events; a listener that is slow holds up itself.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook
from yarl import URL

from oxl.db.database import ABSENT, Tenant
from oxl.db.faults import happens
from oxl.outbox import outbox
from oxl.outbox.batch import Batch, Call, Chain, Job, Pace
from oxl.outbox.brokers import Broker, message_of
from oxl.outbox.callbacks import BadCallback, Guard, target_of
from oxl.outbox.outbox import Event, Lease, Position, Waiting

log = logging.getLogger("oxl.delivery")
_MOST_ANSWER = 65_536  # bytes of an answer that are read, so that its connection can be used again


class Pinned(AbstractResolver):
    """Names resolved by the guard, so that the connection goes to an address that was judged."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        """The judged addresses of a host."""
        del family  # whichever the name has
        scheme = "https" if port in (443, 8443) else "http"  # the scheme itself was judged before
        found = await self._guard.addresses(target_of(f"{scheme}://{host}:{port}"))
        kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            ResolveResult(hostname=host, host=str(each), port=port, family=kinds[each.version], proto=0, flags=0)
            for each in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Speaker(Protocol):
    """How the events of an API are told; `query` is that of whoever is told."""

    def wants(self, query: str, event: Event) -> bool:
        """Whether the query lets the event through."""
        ...

    def text(self, query: str, event: Event) -> bytes:
        """The notification as it is sent."""
        ...


class Delivery:
    """A worker's delivery of a tenant's events. speakers: by API; broker: who is told besides those who subscribe, of
    everything; `now` decides what is due.
    """

    def __init__(
        self,
        speakers: Mapping[str, Speaker],
        tenant: Tenant,
        guard: Guard,
        *,
        pace: Pace | None = None,
        broker: Broker | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._speakers = speakers
        self._tenant = tenant
        self._guard = guard
        self._pace = pace or Pace()
        self._broker = broker
        self._address = broker.address if broker else ""
        self._now = now or tenant.clock.true
        self._wake = asyncio.Event()
        self._running: dict[asyncio.Task[None], list[Batch]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop; the database may go and come back meanwhile."""
        connector = aiohttp.TCPConnector(limit=0, resolver=Pinned(self._guard), use_dns_cache=False)
        timeout = aiohttp.ClientTimeout(total=self._pace.timeout)
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session:
            while not stop.is_set():
                try:
                    await self._listen(session, stop)
                except ABSENT as error:
                    log.warning("the database is away: %s", error)
                    await self._rest()
            for batches in self._running.values():
                for batch in batches:
                    batch.stopped = True
            await asyncio.gather(*self._running)
        if self._broker is not None:
            await self._broker.close()
        stopping.cancel()

    async def _listen(self, session: aiohttp.ClientSession, stop: asyncio.Event) -> None:
        async with self._tenant.connection() as conn, outbox.heard(conn, self._hear):
            if self._address:
                await outbox.keep_broker(conn, self._address, self._speakers, self._now())
            while not stop.is_set():
                self._wake.clear()
                await self._tick(conn, session)
                await self._rest()

    def _hear(self, subscription_id: str) -> None:
        for batch in (batch for batches in self._running.values() for batch in batches):
            batch.stopped = batch.stopped or batch.lease.id == subscription_id
        self._wake.set()

    async def _rest(self) -> None:
        """Wait until there is something to do, or for a while."""
        try:
            await asyncio.wait_for(self._wake.wait(), self._pace.poll)
        except TimeoutError:
            return

    async def _tick(self, conn: Any, session: aiohttp.ClientSession) -> None:
        """Take what is due and begin to tell it."""
        pace, now = self._pace, self._now()
        free = pace.subscriptions - len(self._running)
        until = now + timedelta(seconds=pace.lease)
        leases = await outbox.lease(conn, now, until, free, pace.window, self._address) if free > 0 else []
        if not leases:
            return
        deadline = time.monotonic() + pace.lease / 2
        open_ones = [held for held in leases if not held.is_full]
        places = [(held.api, Position(held.xid, held.event_id), held.born) for held in open_ones]
        fresh = await outbox.read_after(conn, places, pace.batch)
        by_id = {held.id: events for held, events in zip(open_ones, fresh, strict=True)}
        waiting = await outbox.read_waiting(conn, leases, now)
        for held in leases:
            batches: list[Batch] = []
            serving = self._serve(session, batches, held, by_id.get(held.id, []), waiting[held.id], now, deadline)
            task = asyncio.create_task(serving)
            self._running[task] = batches
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._wake.set()
        error = task.exception()
        if isinstance(error, ABSENT):
            log.warning("a batch could not be settled, it will come again: %s", error)
        elif error is not None:
            log.error("a batch failed, it will come again", exc_info=error)

    async def _serve(
        self,
        session: aiohttp.ClientSession,
        batches: list[Batch],
        held: Lease,
        fresh: list[Event],
        waiting: list[Waiting],
        now: datetime,
        deadline: float,
    ) -> None:
        """Tell one listener what is due, and write down what became of it."""
        pace, speaker = self._pace, self._speakers[held.api]
        batch = Batch(held, fresh, waiting, lambda event: speaker.wants(held.query, event))
        batches.append(batch)
        chains = batch.due(now)
        if held.failures >= pace.circuit:
            if chains:
                await self._try(session, batch, chains[0].jobs[0])
            batch.stopped = batch.stopped or bool(chains)
        else:
            todo = iter(chains)
            await asyncio.gather(*[self._pull(session, batch, todo, deadline) for _ in range(pace.parallel)])
        if batch.open_until and batch.give_up(pace, self._now(), self._tenant.clock.now()):
            batch.open_until = None  # there may be more that is as old
        now = self._now()
        async with self._tenant.connection() as conn:
            if not await outbox.settle(conn, held, batch.settlement(pace, now), now):
                log.warning("a batch for %s took longer than its lease: it comes again", held.id)

    async def _pull(self, session: aiohttp.ClientSession, batch: Batch, todo: Any, deadline: float) -> None:
        """Take chain after chain, until none is left or the batch is stopped."""
        for chain in todo:
            await self._tell(session, batch, chain, deadline)

    async def _tell(self, session: aiohttp.ClientSession, batch: Batch, chain: Chain, deadline: float) -> None:
        for job in chain.jobs:
            batch.stopped = batch.stopped or time.monotonic() > deadline
            if batch.stopped:
                return
            await self._try(session, batch, job)
            if job.outcome == "failed":
                return

    async def _try(self, session: aiohttp.ClientSession, batch: Batch, job: Job) -> None:
        held, event = batch.lease, job.event
        body = self._speakers[held.api].text(held.query, event)
        at, faults = self._now(), self._tenant.faults  # those that a sandbox's integrators have asked for
        await asyncio.sleep(faults.event_delay / 1000)
        if self._broker is not None and held.callback == self._address:
            told = message_of(self._tenant.name, held.api, event, body)
            send = partial(self._broker.tell, told)
        else:
            send = partial(self._post, session, held.callback, body, _headers(held, event, body, at))
        if happens(faults.duplicate_share):
            await send()
        began = time.monotonic()
        status, reason = await send()
        took = int((time.monotonic() - began) * 1000)
        batch.count(job, Call(status, reason, took), self._pace, self._now())

    async def _post(
        self, session: aiohttp.ClientSession, callback: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str]:
        """The status of the answer, or 0 and why there was none."""
        try:
            target = target_of(callback)
            if target.address is not None:  # no name, so the resolver is not asked
                self._guard.judge(target, target.address)
            async with session.post(
                URL(callback, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as answer:
                with suppress(aiohttp.ClientError, OSError):  # its status has said it all
                    left = _MOST_ANSWER
                    while left and (part := await answer.content.read(left)):
                        left -= len(part)
                return answer.status, "" if answer.ok else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, BadCallback) as error:
            return 0, f"{type(error).__name__}: {error}"[:200]


def _headers(held: Lease, event: Event, body: bytes, at: datetime) -> dict[str, str]:
    """What goes with a notification: its id, and a signature by Standard Webhooks."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "OXL",
        "Idempotency-Key": event.id,
        "webhook-id": event.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(held.secret).sign(event.id, at, body.decode()),
    }
