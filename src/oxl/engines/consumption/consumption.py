"""The consumption engine's verbs: answer queries for the consumption of devices, at once or later, and keep reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.consumption.template import Query, picked
from oxl.engines.consumption.words import words_of
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.consumption", "consumption.sql")

AT_ONCE = 50  # devices that a query is answered for while its client waits
MOST = 1000  # devices that a query is answered for at all
TRIES = 5  # leases of one query; it is given up when the last has run out


class Found(NamedTuple):
    """A device that a query means."""

    device_id: str
    account_id: str


class Claim(NamedTuple):
    """A query that this worker holds: `fence` proves it. `body` is what the client sent."""

    id: str
    fence: int
    body: dict[str, Any]


class _Report(NamedTuple):
    """A row to be of consumption_report, in the order of the statement keep_reports."""

    id: str
    query_id: str | None
    place: int | None
    account_id: str | None
    device_id: str | None
    snapshot: str | None
    body: str


async def ask(work: Work, items: Sequence[tuple[Query, str]], later: bool = False) -> list[Done | Refused]:
    """Keep the queries, each with its body as JSON text, and answer those that mean few devices.

    Those that mean many, or all when `later`, are acknowledged and left to a worker. One that means nobody, or too
    many, is kept as rejected with its reason.
    """
    found = await find(work, [query for query, _ in items])
    kept: list[tuple[str, str, str, str | None]] = []
    reports: list[_Report] = []
    for (query, body), devices in zip(items, found, strict=True):
        reason = _reason(query, devices)
        state = "rejected" if reason else "acknowledged" if later or len(devices) > AT_ONCE else "done"
        kept.append((new_id(work.now), state, body, reason))
        if state == "done":
            reports += await _answers(work, kept[-1][0], query, devices)
    await work.conn.execute(q.keep_queries, work.now, *_columns(kept))
    await _keep(work, reports)
    return [Done(query_id, ("create",), state, reason) for query_id, state, _, reason in kept]


def _reason(query: Query, devices: Sequence[Found]) -> str | None:
    """Why a query is not answered, if so."""
    if not query.criteria:
        return "noSubject"
    if not devices:
        return "unknownSubject"
    return "tooManyDevices" if len(devices) > MOST else None


async def find(work: Work, queries: Sequence[Query]) -> list[list[Found]]:
    """The devices that each query means, in order of id; one more than `MOST` where there are more."""
    found: dict[int, list[Found]] = defaultdict(list)
    asked = [{"n": n, **query.criteria} for n, query in enumerate(queries) if query.criteria]
    if asked:
        text = msgspec.json.encode(asked).decode()
        for row in await work.conn.fetch(q.found, text, work.now, MOST + 1):
            found[row["n"]].append(Found(row["id"], row["account_id"]))
    return [found[n] for n in range(len(queries))]


async def _answers(work: Work, query_id: str, query: Query, devices: Sequence[Found]) -> list[_Report]:
    """The reports of a query, one for each device, all of one moment."""
    ids = [each.device_id for each in devices]
    rows = await work.conn.fetch(q.snapshots, work.now, ids, *query.period(work.now))
    by_device = {row["device_id"]: row for row in rows}
    told = [by_device[each] for each in ids if each in by_device]
    return [
        _Report(
            f"{query_id}.{n}", query_id, n, row["account_id"], row["device_id"], picked(row["snapshot"], query), "{}"
        )
        for n, row in enumerate(told, 1)
    ]


async def _keep(work: Work, reports: Sequence[_Report]) -> None:
    if reports:
        await work.conn.execute(q.keep_reports, work.now, *_columns(reports))


async def claim(work: Work, at: datetime, until: datetime) -> tuple[Claim | None, list[Done]]:
    """The oldest query that waits for its answer and that nobody is at, leased until then, and what happened to it.

    at, until: the system's time, since a lease is about processes. One that was given up on the way is told as such.
    """
    row = await work.conn.fetchrow(q.claim, at, until)
    if row is None:
        return None, []
    held = Claim(row["id"], row["fence"], msgspec.json.decode(row["body"]))
    if held.fence > TRIES:
        return None, await give_up(work, held)
    return held, [Done(held.id, ("stateChange",), "inProgress")] if held.fence == 1 else []


async def answer(work: Work, held: Claim, query: Query) -> list[Done]:
    """Answer a query that this worker holds; nothing happens when it has been lost, or was deleted."""
    (devices,) = await find(work, [query])
    reason = _reason(query, devices)
    state = "rejected" if reason else "done"
    if not await work.conn.fetchval(q.finish, held.id, held.fence, state, reason):
        return []
    await _keep(work, [] if reason else await _answers(work, held.id, query, devices))
    return [Done(held.id, ("stateChange",), state)]


async def give_up(work: Work, held: Claim) -> list[Done]:
    """Close a query that cannot be answered."""
    state = "terminatedWithError"
    done = await work.conn.fetchval(q.finish, held.id, held.fence, state, "failed")
    return [Done(held.id, ("stateChange",), state)] if done else []


async def report(work: Work, items: Sequence[tuple[Query, str]]) -> list[Done | Refused]:
    """Keep a report of each query's device, or of its account as a whole, as it is now.

    Of nobody who is known it keeps what was sent. Refused when several devices or accounts are meant.
    """
    results: list[Done | Refused] = []
    kept: list[_Report] = []
    for (query, body), devices in zip(items, await find(work, [query for query, _ in items]), strict=True):
        meant = {each.device_id for each in devices} if query.of_device else {each.account_id for each in devices}
        if len(meant) > 1:
            what = "devices" if query.of_device else "accounts"
            told = f"logicalResource: {len(meant)} {what} are meant; a report is of one device, or of one account"
            results.append(Refused("invalid", "ambiguousSubject", told, "logicalResource"))
            continue
        account = devices[0].account_id if devices else None
        device = devices[0].device_id if devices and query.of_device else None
        told = await _snapshot(work, query, devices[0]) if devices else None
        kept.append(_Report(new_id(work.now), None, None, account, device, told, body))
        results.append(Done(kept[-1].id, ("create",)))
    await _keep(work, kept)
    return results


async def _snapshot(work: Work, query: Query, meant: Found) -> str:
    statement, subject = (q.snapshots, meant.device_id) if query.of_device else (q.households, meant.account_id)
    row = await work.conn.fetchrow(statement, work.now, [subject], *query.period(work.now))
    return picked(row["snapshot"], query)


async def forget_queries(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Take kept queries away, with their answers; a worker that is at one of them loses it."""
    gone = {row["id"] for row in await work.conn.fetch(q.forget_queries, list(ids))}
    unknown = Refused("unknown", "notFound", "no such query is kept")
    return [Done(each, ("delete",)) if each in gone else unknown for each in ids]


async def forget_reports(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Take kept reports away. A live one is not kept, so that there is nothing to take."""
    gone = {row["id"] for row in await work.conn.fetch(q.forget_reports, list(ids))}
    live = Refused("conflict", "liveReport", "a live report is computed when it is read; there is nothing to delete")
    return [Done(each, ("delete",)) if each in gone else live for each in ids]


async def figures(work: Work, accounts: Iterable[str]) -> dict[str, str]:
    """By account something that is another as soon as its reports are."""
    rows = await work.conn.fetch(q.figures, work.now, list(accounts))
    return {row["account_id"]: row["figure"] for row in rows}


async def speak(work: Work, language: str) -> None:
    """Tell amounts in that language from now on; ValueError when OXL has no words of it."""
    await work.conn.execute(q.speak, language, msgspec.json.encode(words_of(language)).decode())


def _columns(rows: Sequence[Sequence[Any]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
