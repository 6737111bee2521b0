"""`oxl retention`, and the same in the worker: what is kept for a time only goes when its time is over.

What is needed stays, however old: usage on a bill, events that a listener is yet to be told of, every transfer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import typer

from oxl.cli.ground import DATA, TENANT, opened, progress, run
from oxl.cli.telling import Cell, say, table
from oxl.clock import system_now
from oxl.db.database import Database, Tenant
from oxl.db.migrate import BusyError, as_owner, drop_empty_partitions
from oxl.db.turns import attend
from oxl.engines.usage import keeping as usage
from oxl.kernel.background import once
from oxl.operations import audit
from oxl.outbox import keeping as outbox
from oxl.settings import Settings
from oxl.verbs import Work

log = logging.getLogger("oxl.retention")
AT_ONCE = 5000  # rows in one transaction


class Rule(NamedTuple):
    """What is kept for as many days as a setting says; none: for ever."""

    table: str
    setting: str
    least: int  # days that are kept in any case
    older: Callable[[Any, datetime], Awaitable[int]]
    forget: Callable[[Any, datetime, int], Awaitable[int]]

    def before(self, settings: Settings, now: datetime) -> datetime | None:
        """What is older than this may go; None: nothing may."""
        days = getattr(settings, self.setting)
        return now - timedelta(days=max(days, self.least)) if days else None


RULES = (
    Rule("delivery", "delivery_days", 1, outbox.count_deliveries, outbox.forget_deliveries),
    Rule("outbox", "event_days", 1, outbox.count_events, outbox.forget_events),
    Rule("usage", "usage_days", 62, usage.count, usage.forget),
)
Tell = Callable[[str, int, int], None]  # table, rows gone so far, rows that were older


async def keep_within(settings: Settings, database: Database, tenant: Tenant, tell: Tell) -> dict[str, int]:
    """Let go of what is over its time in a tenant, some rows a transaction; how many rows of which table went."""
    found: dict[str, int] = {}
    for rule in RULES:
        before = rule.before(settings, tenant.clock.now())
        if before is None:
            continue

        async def look(work: Work, rule: Rule = rule, before: datetime = before) -> int:
            return await rule.older(work.conn, before)

        async def some(work: Work, rule: Rule = rule, before: datetime = before) -> int:
            return await rule.forget(work.conn, before, AT_ONCE)

        total, gone = await once(tenant, look), 0
        while part := await once(tenant, some) if total else 0:
            gone += part
            tell(rule.table, gone, total)
        for name in await drop_empty_partitions(database, tenant, rule.table, before):
            tell(name, 1, 1)
        if gone:
            found[rule.table] = gone
    if settings.audit_days:
        async with as_owner(database, tenant) as conn:
            if last := await audit.prune(conn, system_now() - timedelta(days=settings.audit_days)):
                found["audit"] = last
                tell("audit", last, last)
    return found


class Keeping:
    """A worker's look at what is over its time, some times a day."""

    def __init__(self, settings: Settings, database: Database, tenant: Tenant, seconds: float = 6 * 3600) -> None:
        self._settings, self._database, self._tenant, self._seconds = settings, database, tenant, seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Let go of it until told to stop; the database may go and come back meanwhile."""
        await attend(stop, self._turn, self._seconds, "retention waits")

    async def _turn(self) -> bool:
        try:
            await keep_within(self._settings, self._database, self._tenant, _log)
        except (BusyError, asyncpg.UndefinedTableError) as error:  # no table was free; or the tenant was erased
            log.warning("retention waits: %s", error)
        return False


def _log(table: str, gone: int, total: int) -> None:
    log.info("retention: %s of %s rows of %s", gone, total, table)


def retention(
    apply: bool = typer.Option(False, "--apply", help="Let go of it now, instead of waiting for the worker."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show what is kept for how long, and how much is older; --apply lets go of it."""

    async def show() -> None:
        async with opened(data, tenant) as (database, place):
            await (_applied(database, place) if apply else _shown(database, place))

    run(show())


async def _applied(database: Database, tenant: Tenant) -> None:
    with progress("retention", 100) as bar:

        def tell(name: str, gone: int, total: int) -> None:
            bar(gone * 100 // max(total, 1), f"{name}: {gone} rows")

        found = await keep_within(database.settings, database, tenant, tell)
    told = ", ".join(f"{rows} rows of {name}" for name, rows in found.items()) or "nothing was over its time"
    say(told, gone=found)


async def _shown(database: Database, tenant: Tenant) -> None:
    settings, rows = database.settings, []
    for rule in RULES:
        before = rule.before(settings, tenant.clock.now())
        older = await once(tenant, lambda work, r=rule, b=before: r.older(work.conn, b)) if before else 0
        rows.append((rule.table, _days(getattr(settings, rule.setting)), older))
    rows.append(("audit", _days(settings.audit_days), None))
    table("retention", {"kept": "kept", "days": "days", "older": "older rows"}, rows)
    say("of these, what a bill, a proof or a listener needs stays", style="dim")


def _days(days: int) -> Cell:
    return Cell(days, str(days or "for ever"))
