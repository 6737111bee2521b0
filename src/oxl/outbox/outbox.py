"""The outbox's verbs: read events in commit-safe order, keep subscriptions, lease them, settle what was delivered.

Delivery holds these together; what it settles it settles in one statement, under the fence of its lease.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.values import new_id

q = load("oxl.outbox", "outbox.sql")

NOTHING = "1:1:"  # the snapshot in which nothing is visible: everything is news


class Position(NamedTuple):
    """A place in the outbox: everything up to it is behind."""

    xid: str
    event_id: str = ""


START = Position("0")


class Event(msgspec.Struct):
    """One event of the outbox: what happened to which resource, and how that then looked. `text` is for its reader."""

    xid: str
    id: str
    event_type: str
    resource: str
    resource_id: str
    at: datetime
    doc: str
    changed: tuple[str, ...] = ()
    trace: str = ""  # of the request that it came of
    text: bytes = b""


class Lease(msgspec.Struct, frozen=True):
    """A subscription in the hands of one worker."""

    id: str
    api: str
    callback: str
    query: str
    secret: str
    xid: str
    event_id: str
    fence: int
    failures: int
    failing_since: datetime | None
    is_full: bool
    born: str


class Waiting(NamedTuple):
    """An event that failed before, or stands behind one of its resource that did; `due` is its resource's."""

    event: Event
    attempts: int
    since: datetime
    due: datetime | None


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch; `log` and `kept` are rows of their tables by column."""

    position: Position
    failures: int
    failing_since: datetime | None
    open_until: datetime | None
    ended: str | None
    log: list[dict[str, Any]]
    delivered: list[str]
    kept: list[dict[str, Any]]


@asynccontextmanager
async def heard(conn: Any, hear: Callable[[str], None]) -> AsyncIterator[None]:
    """Be told of news while inside, by a call with the id of the subscription that is to be let go of, or with none."""

    def heed(_conn: Any, _pid: int, _channel: str, subscription_id: str) -> None:
        hear(subscription_id)

    channel = await conn.fetchval(q.channel)
    await conn.add_listener(channel, heed)
    try:
        yield
    finally:
        if not conn.is_closed():
            await conn.remove_listener(channel, heed)


def _event(row: Any) -> Event:
    names = ("xid", "id", "event_type", "resource", "resource_id", "at", "doc")
    return Event(**{name: row[name] for name in names}, changed=tuple(row["changed"] or ()), trace=row["trace"])


async def read_after(conn: Any, places: Sequence[tuple[str, Position, str]], most: int) -> list[list[Event]]:
    """Up to `most` events after each (api, position, what is no news), in one query; equal places share them."""
    different = list(dict.fromkeys(places))
    found: dict[tuple[str, Position, str], list[Event]] = {place: [] for place in different}
    columns = [
        [api for api, _, _ in different],
        [position.xid for _, position, _ in different],
        [position.event_id for _, position, _ in different],
        [born for _, _, born in different],
    ]
    for row in await conn.fetch(q.read_after, *columns, most) if different else ():
        found[different[row["n"] - 1]].append(_event(row))
    return [found[place] for place in places]


async def newest(conn: Any) -> Position:
    """A position behind everything that is there now."""
    return Position(await conn.fetchval(q.newest))


async def first_since(conn: Any, api: str, event_id: str) -> Position | None:
    """The position just before the transaction of the first event of that id or a later one."""
    xid = await conn.fetchval(q.first_since, api, event_id)
    return Position(xid) if xid else None


async def subscribe(
    conn: Any, new_id: str, digest: bytes, api: str, callback: str, query: str, secret: str, now: datetime
) -> str:
    """The id of the subscription: the new one, or that of its equal."""
    return await conn.fetchval(q.subscribe, new_id, digest, api, callback, query, secret, now)


async def find_subscription(conn: Any, api: str, subscription_id: str) -> Any:
    """id, callback and query of a subscription that stands, or None."""
    return await conn.fetchrow(q.find_subscription, api, subscription_id)


async def unsubscribe(conn: Any, api: str, subscription_id: str, now: datetime) -> bool:
    """End a subscription; False when none of that id stands."""
    return bool(await conn.fetch(q.unsubscribe, api, subscription_id, now))


async def keep_broker(conn: Any, address: str, apis: Iterable[str], now: datetime) -> None:
    """Have a broker told of everything of these APIs from now on, and other brokers of nothing any more."""
    names = list(apis)
    digests = [hashlib.sha256(msgspec.json.encode((api, address, ""))).digest() for api in names]
    await conn.execute(q.keep_broker, address, names, digests, [new_id(now) for _ in names], now)


async def renew_secret(conn: Any, subscription_id: str, secret: str) -> bool:
    """Sign with another secret from now on; False when no subscription of that id stands."""
    return await conn.fetchval(q.new_secret, subscription_id, secret) is not None


async def lease(conn: Any, now: datetime, until: datetime, most: int, window: int, broker: str = "") -> list[Lease]:
    """Take hold of up to `most` subscriptions that have something due: listeners', and the broker's of that address."""
    return [Lease(**dict(row)) for row in await conn.fetch(q.lease, now, until, most, window, broker)]


async def read_waiting(conn: Any, leases: Sequence[Lease], now: datetime) -> dict[str, list[Waiting]]:
    """What waits for another try, by subscription, in order; what is not due comes without its document."""
    found: dict[str, list[Waiting]] = {held.id: [] for held in leases}
    for row in await conn.fetch(q.read_waiting, list(found), now):
        waiting = Waiting(_event(row), row["attempts"], row["since"], row["due"])
        found[row["subscription_id"]].append(waiting)
    return found


async def settle(conn: Any, held: Lease, settled: Settlement, now: datetime) -> bool:
    """Write down what became of a batch; False, and nothing written, when the lease has gone to another."""
    row = await conn.fetchval(
        q.settle,
        held.id,
        held.fence,
        *settled.position,
        settled.failures,
        settled.failing_since,
        settled.open_until,
        settled.ended,
        now,
        msgspec.json.encode(settled.log).decode(),
        settled.delivered,
        msgspec.json.encode(settled.kept).decode(),
    )
    return row is not None


async def replay(conn: Any, subscription_id: str, position: Position, now: datetime) -> bool:
    """Move a subscription to a position; False when none of that id stands."""
    return bool(await conn.fetch(q.replay, subscription_id, *position, now))


async def resend(conn: Any, subscription_id: str, event_id: str | None, now: datetime) -> int:
    """Have one dead letter of a subscription, or all, tried again; how many there were."""
    return await conn.fetchval(q.resend, subscription_id, event_id, now)


async def rebase(conn: Any) -> None:
    """After a restore: put what another cluster's transactions wrote behind every transaction of this one."""
    await conn.execute(q.rebase)


async def forget(conn: Any, resource_ids: Sequence[str], patterns: Sequence[str], but: str) -> int:
    """Forget the events of these resources, and those whose documents fit a pattern of LIKE; how many there were.

    but: the resource whose events stay, since they tell of that.
    """
    return await conn.fetchval(q.forget, list(resource_ids), list(patterns), but)
