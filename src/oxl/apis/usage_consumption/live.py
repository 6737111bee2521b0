"""GET usageConsumptionReport/live-…/stream: the report as server-sent events, now and whenever it changes.

An extension for apps and consoles. The id of an event is a mark of the state that it tells: whoever comes back with it
as Last-Event-ID is told the report only if it is another by now; states in between are passed over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

from oxl.apis.usage_consumption.watching import Pace, Reader, Watch
from oxl.db.database import Tenant
from oxl.kernel import represent
from oxl.kernel.declare import Exchange, Streamed
from oxl.kernel.problem import ClientGoneError, Problem
from oxl.settings import read_settings

PACE = Pace()
_FIRST = 10.0  # seconds in which a stream must have found its report
_HEADERS = (("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))
_watches: WeakKeyDictionary[Tenant, Watch] = WeakKeyDictionary()


async def stream(exchange: Exchange) -> Streamed:
    """Begin a stream; Problem 404 where there is no such live report, 503 where too many are open."""
    name, resource = exchange.resource_id, exchange.operation.resource
    if not name.startswith("live-") or "\x00" in name:
        raise Problem(404, "notFound", "only live reports change: live-{id or number of a device, or id of an account}")
    watch = _watches.setdefault(exchange.tenant, Watch(exchange.tenant, resource, PACE))
    if watch.streams >= watch.pace.most:
        raise Problem(503, "overloaded", "too many streams are open; try again", (("Retry-After", "5"),))
    reader = watch.join(name, exchange.headers.get(b"last-event-id", b"").decode("latin-1"))
    try:
        found = await asyncio.wait_for(asyncio.shield(reader.found), _FIRST)
        if not found:
            raise Problem(404, "notFound", f"no usageConsumptionReport has the id {name[:100]!r}")
    except TimeoutError:
        watch.leave(name, reader)
        raise Problem(503, "unavailable", "the database does not answer; try again", (("Retry-After", "1"),)) from None
    except BaseException:
        watch.leave(name, reader)
        raise
    reader.watching = asyncio.create_task(_until_gone(exchange, reader))
    href = represent.collection_href(read_settings().public_url, exchange.operation.api, resource)
    return _HEADERS, _events(watch, name, reader, href)


def end_streams() -> None:
    """End every open stream of this process, which is about to stop; their clients come back to another one."""
    for watch in list(_watches.values()):
        watch.end()


async def _until_gone(exchange: Exchange, reader: Reader) -> None:
    """End the stream of a client that has gone away: nothing that is sent to it says so."""
    try:
        async for _ in exchange.parts:
            continue
        await exchange.gone()
    except ClientGoneError:
        pass
    reader.end()


async def _events(watch: Watch, name: str, reader: Reader, href: str) -> AsyncIterator[bytes]:
    try:
        part = b"retry: 2000\n\n"
        while not reader.is_over:
            reader.busy_since = time.monotonic()
            yield part
            reader.busy_since = None
            report = await reader.take(watch.pace.beat)
            if report is None:
                part = b":\n\n"
                continue
            body = represent.one(report.doc, name, href, None)
            part = b"id: %b\nevent: usageConsumptionReport\ndata: %b\n\n" % (report.mark.encode(), body)
    finally:
        watch.leave(name, reader)
        if reader.watching:
            reader.watching.cancel()
