"""`oxl sandbox …`: a tenant's virtual clock, faults for its integrators, back to the demo; and the worker's part."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import typer

from oxl.apis.operator.api import OPERATOR
from oxl.cli import seed
from oxl.cli.ask import ask
from oxl.cli.bulk import post_all
from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import note, say
from oxl.db import sandbox
from oxl.db.database import LOST_RACE, Database, Tenant

app = typer.Typer(no_args_is_help=True, help="Try things out: move the clock, have things fail, begin anew.")
log = logging.getLogger("oxl.sandbox")
_SIZE = (1000, 100_000)  # subscribers and records, where nothing else is asked for


@app.command()
def show(data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Show the tenant's clock and what goes wrong on purpose."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            (found,) = await ask(place, OPERATOR, "sandbox")
        days = int(found["ahead"]) / 86_400
        note(**found)
        say(f"now {found['now']}, {days:,.1f} days ahead{'; marked as a sandbox' if found['isMarked'] else ''}")
        say(f"faults: {', '.join(f'{name} {value}' for name, value in found['faults'].items()) or 'none'}")

    run(work())


@app.command()
def mark(
    off: bool = typer.Option(False, "--off", help="No longer."), data: Path | None = DATA, tenant: str | None = TENANT
) -> None:
    """Make a tenant a sandbox: its operators may move its clock, set faults, and reset it, which erases it."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place), place.connection() as conn:
            await sandbox.mark(conn, not off)
        text = f"tenant {place.name} is {'no ' if off else 'a '}sandbox{' any more' if off else ''}"
        say(text, tenant=place.name, isMarked=not off)

    run(work())


@app.command()
def clock(
    until: str | None = typer.Option(None, help="Such as 2026-12-01T00:00:00Z. [default: end of the month]"),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Move the tenant's clock on, to the end of the month or an instant; the worker does what is then due."""
    _act({"kind": "moveClock"} | ({"until": until} if until else {}), data, tenant)


@app.command()
def faults(
    errors: float = typer.Option(0.0, help="Share of requests to the standard's APIs that fail."),
    status: int = typer.Option(503, help="With which status: 500 to 504."),
    slow: int = typer.Option(0, help="Milliseconds by which answers are late."),
    events: int = typer.Option(0, help="Milliseconds by which events are late."),
    duplicates: float = typer.Option(0.0, help="Share of events that come twice."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Have things fail on purpose, for whoever builds against the APIs; without options nothing fails any more."""
    asked = {"errorShare": errors, "errorStatus": status, "requestDelay": slow, "eventDelay": events}
    _act({"kind": "setFaults", "faults": asked | {"duplicateShare": duplicates}}, data, tenant)


@app.command()
def reset(
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    subscribers: int = typer.Option(_SIZE[0], help="How many subscribers the demo has."),
    records: int = typer.Option(_SIZE[1], help="How many usage records the demo has."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Erase what is in the tenant and load the demo operator; the worker of a running server does it."""
    if not yes:
        typer.confirm("Everything in this tenant will be erased. Go on?", abort=True)
    _act({"kind": "resetDemo", "subscribers": subscribers, "records": records}, data, tenant)


def _act(body: dict[str, Any], data: Path | None, tenant: str | None) -> None:
    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            (outcome,) = await post_all(place, OPERATOR, "sandboxAction", [(body, None)])
            if outcome.why:
                fail(outcome.why)
            (found,) = await ask(place, OPERATOR, "sandbox")
        told = "a worker does it now" if body["kind"] == "resetDemo" else f"done; the sandbox's now is {found['now']}"
        say(told, **found)

    run(work())


async def reset_if_asked(database: Database, tenant: Tenant) -> None:
    """The worker's part of a reset; one that was cut short is begun anew."""
    async with tenant.connection() as conn:
        asked = await sandbox.unfinished(conn)
    if asked is None:
        return
    body, folder = msgspec.json.decode(asked.body), database.settings.data / "demo"
    await _tell(tenant, asked, "inProgress", "erasing")
    try:
        await sandbox.empty(database, tenant)
        for file in seed.FILES:
            (folder / file).unlink(missing_ok=True)
        await _tell(tenant, asked, "inProgress", "loading the demo operator")
        await seed.demo(tenant, folder, body.get("subscribers", _SIZE[0]), body.get("records", _SIZE[1]))
    except LOST_RACE as error:
        log.warning("a reset waits: %s", error)
    except (ValueError, LookupError, OSError) as error:
        await _tell(tenant, asked, "terminatedWithError", str(error)[:300])
    else:
        await _tell(tenant, asked, "done", "the demo operator is there")


async def _tell(tenant: Tenant, asked: sandbox.Unfinished, state: str, note: str) -> None:
    async with tenant.connection() as conn:
        await sandbox.tell(conn, asked.id, state, note)
