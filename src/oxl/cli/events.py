"""`oxl events …`: watch events, look after their subscriptions and deliveries, have them told again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import typer

from oxl.apis import APIS
from oxl.apis.operator.api import OPERATOR
from oxl.cli.ask import ask
from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import line, say, table
from oxl.clock import system_now
from oxl.kernel.hub import new_secret
from oxl.outbox import outbox
from oxl.outbox.outbox import NOTHING, START, Position
from oxl.values import BadValue, id_floor, instant_text, parse_instant

app = typer.Typer(no_args_is_help=True, help="Watch events; look after subscriptions, deliveries, dead letters.")

_WAIT_SECONDS = 0.5
_PAGE = 500
_LISTS = {"hubListener": "subscriptions", "eventDelivery": "deliveries", "deadLetter": "deadLetters"}  # for programs
_WHICH = "`oxl events subscriptions` shows those that do"
WHICH = typer.Argument(help="The subscription's id.")
ONLY = typer.Option(None, "--subscription", help="Of this subscription only.")


@app.command()
def tail(
    start: bool = typer.Option(False, "--start", help="From the first event that is kept, not from now."),
    follow: bool = typer.Option(True, help="Go on as events come; stop with Ctrl-C."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show events as they become visible to subscriptions."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            async with place.connection() as conn:
                begin = START if start else await outbox.newest(conn)
            at = {api.name: begin for api in APIS}
            while True:
                async with place.connection() as conn:
                    found = await outbox.read_after(conn, [(api, at[api], NOTHING) for api in at], _PAGE)
                shown = sorted((int(event.xid), event.id, event) for events in found for event in events)
                for _, _, event in shown:
                    told = f"{instant_text(event.at)}  {event.event_type}  {event.resource_id}"
                    line(told, eventId=event.id, at=event.at, eventType=event.event_type, resource=event.resource_id)
                for api, events in zip(list(at), found, strict=True):
                    at[api] = Position(events[-1].xid, events[-1].id) if events else at[api]
                if not shown:
                    if not follow:
                        return
                    await asyncio.sleep(_WAIT_SECONDS)

    run(work())


def _show(name: str, columns: dict[str, str], data: Path | None, tenant: str | None, **filters: str | None) -> None:
    """A table of a resource's documents; a column is an attribute, dotted."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            found = await ask(place, OPERATOR, name, **{key: text for key, text in filters.items() if text})
        keys = {path.replace(".", "_"): heading for path, heading in columns.items()}
        table(_LISTS[name], keys, [[_value(document, path) for path in columns] for document in found])

    run(work())


def _value(document: dict[str, Any], path: str) -> Any:
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@app.command()
def subscriptions(data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Show who is told what, how far each has come, and what waits or is dead."""
    columns = {"id": "id", "api": "API", "callback": "callback", "query": "query", "status": "status",
               "waiting": "waiting", "dead": "dead", "position": "position"}  # fmt: skip
    _show("hubListener", columns, data, tenant)


@app.command()
def deliveries(
    subscription: str | None = ONLY,
    outcome: str | None = typer.Option(None, help="delivered, failed, dead or gone."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show the log of deliveries: a line for each try."""
    columns = {"deliveryDate": "at", "eventType": "event", "resourceId": "resource", "outcome": "outcome",
               "attempt": "try", "httpStatus": "HTTP", "duration": "ms", "reason": "reason"}  # fmt: skip
    _show("eventDelivery", columns, data, tenant, hubListener__id=subscription, outcome=outcome)


@app.command("dead-letters")
def dead_letters(
    subscription: str | None = ONLY,
    resend: bool = typer.Option(False, help="Have those of the subscription told again."),
    event: str | None = typer.Option(None, help="With --resend: only this event."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show the events that were given up, or have them told again."""
    if not resend:
        columns = {"hubListener.id": "subscription", "eventId": "event", "resourceId": "resource",
                   "attempts": "tries", "deadSince": "dead since", "reason": "reason"}  # fmt: skip
        _show("deadLetter", columns, data, tenant, hubListener__id=subscription)
        return
    if subscription is None:
        fail("--resend needs --subscription", "`oxl events subscriptions` shows their ids")

    async def work() -> None:
        async with opened(data, tenant) as (_, place), place.connection() as conn:
            count = await outbox.resend(conn, subscription, event, system_now())
        say(f"{count:,} dead letters will be told again", resent=count)

    run(work())


@app.command()
def replay(
    subscription: str = WHICH,
    since: str | None = typer.Option(None, help="From this time on, such as 2026-06-15T12:00:00Z."),
    position: str | None = typer.Option(None, help="From behind this position on, as `subscriptions` shows it."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Tell a subscription everything again from a time or position on; events keep their ids."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            found = await ask(place, OPERATOR, "hubListener", id=subscription)
            async with place.connection() as conn:
                start = await _start(conn, found[0]["api"], since, position) if found else START
                if start is None:
                    say("nothing has happened since then", position=None)
                elif not await outbox.replay(conn, subscription, start, system_now()):
                    fail(f"there is no subscription {subscription} that stands", _WHICH)
                else:
                    say(f"tells again from {start.xid}/{start.event_id}", position=f"{start.xid}/{start.event_id}")

    run(work())


async def _start(conn: Any, api: str, since: str | None, position: str | None) -> Position | None:
    """The position that is meant; None when nothing is behind it."""
    if (since is None) == (position is None):
        fail("the beginning is not clear", "say either --since or --position")
    if position is not None:
        xid, _, event_id = position.partition("/")
        if not (xid.isascii() and xid.isdigit() and len(xid) < 20):
            fail(f"{position!r} is no position: it looks like 12345/0197…")
        return Position(xid, event_id)
    try:
        return await outbox.first_since(conn, api, id_floor(parse_instant(since)))
    except BadValue as error:
        fail(f"--since: {error}")


@app.command()
def secret(subscription: str = WHICH, data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Make a new secret for a subscription's signatures (Standard Webhooks) and show it, this once."""

    async def work() -> None:
        made = new_secret()
        async with opened(data, tenant) as (_, place), place.connection() as conn:
            if not await outbox.renew_secret(conn, subscription, made):
                fail(f"there is no subscription {subscription} that stands", _WHICH)
        say(made, secret=made)

    run(work())
