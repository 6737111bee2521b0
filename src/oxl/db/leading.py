"""Connecting to whichever host of a PostgreSQL leads: the one that did, and when it does not answer, all side by side.

An address may name several hosts (postgresql://a:5432,b:5432/oxl?target_session_attrs=read-write). The driver tries
them one after another within one time limit, so that a first one which is frozen would hide the leader behind it.
Where a leader has a synchronous standby, a commit that did not wait for it to the end is heard of here too.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from weakref import WeakSet

import asyncpg

_HEAD_START = 0.5  # seconds that the one which led last has to itself
_led: dict[str, str] = {}  # by address: the host that led last
_unsafe: WeakSet[asyncpg.Connection] = WeakSet()  # those on which something was committed that a standby may not have


class UnsafeCommitError(ConnectionError):
    """A commit stopped waiting for its standby: whether it outlives its node is not known."""


def hosts_of(dsn: str) -> list[str]:
    """The addresses of single hosts that an address of several means, in its order; one host is itself."""
    parts = urlsplit(dsn)
    query = parse_qsl(parts.query, keep_blank_values=True)
    named = {name: value.split(",") for name, value in query if name in ("host", "port")}
    user, at, places = parts.netloc.rpartition("@")
    if "," in places:
        return [parts._replace(netloc=f"{user}{at}{place}").geturl() for place in places.split(",")]
    hosts, ports = named.get("host", []), named.get("port", [])
    if len(hosts) < 2:
        return [dsn]
    found = []
    for n, host in enumerate(hosts):
        each = {"host": host} | ({"port": ports[n if len(ports) > 1 else 0]} if ports else {})
        words = urlencode([(name, each.get(name, value)) for name, value in query])
        found.append(f"{parts.scheme}://{parts.netloc}{parts.path}?{words}")  # geturl would drop an empty place
    return found


async def connect(**reach: Any) -> asyncpg.Connection:
    """A connection, as `asyncpg.connect` makes it, to the first host of the address that leads."""
    conn = await _connect(reach)
    conn.add_log_listener(_hear)
    return conn


def _hear(conn: asyncpg.Connection, said: Any) -> None:
    """PostgreSQL calls a commit done whose wait for its standby was cancelled, and warns beside that."""
    if said.server_source_function == "SyncRepWaitForLSN":  # its words are in the language of the server
        _unsafe.add(conn)


def check_safe(conn: asyncpg.Connection) -> None:
    """UnsafeCommitError where something was committed on a connection that a standby may not have."""
    if conn in _unsafe:
        raise UnsafeCommitError("the wait for a standby was cancelled")


async def _connect(reach: dict[str, Any]) -> asyncpg.Connection:
    dsn = reach.get("dsn", "")
    hosts = hosts_of(dsn) if dsn else []
    if len(hosts) < 2:
        return await asyncpg.connect(**reach)
    first = _led.get(dsn, hosts[0])
    tries = {_attempt(reach, first): first}
    won: asyncio.Task[asyncpg.Connection] | None = None
    try:
        await asyncio.wait(tries, timeout=_HEAD_START)
        won = _won(tries)
        if won is None:
            others = [host for host in hosts if host != first]
            tries |= {_attempt(reach, host): host for host in others}
        while won is None:
            open_ones = [each for each in tries if not each.done()]
            if not open_ones:
                errors = [error for each in tries if (error := each.exception())]
                raise next((each for each in errors if isinstance(each, asyncpg.PostgresError)), errors[0])
            await asyncio.wait(open_ones, return_when=asyncio.FIRST_COMPLETED)
            won = _won(tries)
        _led[dsn] = tries[won]
        return won.result()
    finally:
        for each in tries:
            if each is not won:
                _let_go(each)


def _attempt(reach: dict[str, Any], host: str) -> asyncio.Task[asyncpg.Connection]:
    told: dict[str, Any] = reach | {"dsn": host}
    return asyncio.create_task(asyncpg.connect(**told))


def _won(tries: dict[asyncio.Task[asyncpg.Connection], str]) -> asyncio.Task[asyncpg.Connection] | None:
    return next((each for each in tries if each.done() and not each.cancelled() and not each.exception()), None)


def _let_go(attempt: asyncio.Task[asyncpg.Connection]) -> None:
    """Close what comes of an attempt that is not needed."""
    attempt.cancel()

    def close(done: asyncio.Task[asyncpg.Connection]) -> None:
        if not done.cancelled() and not done.exception():
            done.result().terminate()

    attempt.add_done_callback(close)
