"""`oxl doctor`: whether this installation is well, each finding with what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import NamedTuple

import typer

from oxl.app import SQL_CODE
from oxl.cli.ground import err
from oxl.cli.seed import show_balances
from oxl.cli.telling import Cell, table
from oxl.db.database import Database, Tenant, UnknownTenantError
from oxl.db.migrate import pending
from oxl.engines.billing import read
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.ledger import proof
from oxl.kernel.background import once
from oxl.settings import Settings

_ROOM = 1_000_000_000  # bytes free below which the disk is worth a word


class Finding(NamedTuple):
    """One thing that was looked at; `cure` is empty when it is well."""

    what: str
    found: str
    cure: str = ""


async def examine(settings: Settings, billing: bool = False) -> None:
    """Print every finding; exit code 1 when one needs doing something about."""
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        findings = [finding async for finding in _findings(settings, database, billing)]
        columns = {"good": "", "what": "checked", "found": "found", "cure": "what to do"}
        table("findings", columns, [(_mark(not finding.cure), *finding) for finding in findings])
        if not any(finding.what == "tenant" and finding.cure for finding in findings):
            await show_balances(await database.tenant(settings.tenant))
    finally:
        await database.close()
    if any(finding.cure for finding in findings):
        raise typer.Exit(1)


def _mark(good: bool) -> Cell:
    return Cell(good, "[green]✓[/]" if good else "[red]✗[/]")


async def _findings(settings: Settings, database: Database, billing: bool) -> AsyncIterator[Finding]:
    free = shutil.disk_usage(settings.data if settings.data.exists() else ".").free
    yield Finding("disk", f"{free / 1e9:.1f} GB free", "" if free > _ROOM else "make room: the database needs it")
    async with database.owner() as conn:
        version = conn.get_server_version()
        behind = await pending(conn, SQL_CODE)
    yield Finding(
        "database", f"PostgreSQL {version.major}.{version.minor}", "" if version.major >= 15 else "use 15 or newer"
    )
    try:
        tenant = await database.tenant(settings.tenant)
    except (UnknownTenantError, LookupError) as error:
        yield Finding("tenant", str(error), "run: oxl migrate")
        return
    yield Finding("tenant", tenant.name)
    yield Finding("migrations", ", ".join(behind) or "at this version", "run: oxl migrate" if behind else "")
    async for finding in _inside(tenant):
        yield finding
    if billing:
        faults = await once(tenant, read.proof)
        cure = "stop billing and call for help: bills do not add up" if faults else ""
        yield Finding("bills", "; ".join(faults) or "every control sum is zero", cure)


async def _inside(tenant: Tenant) -> AsyncIterator[Finding]:
    catalog = await once(tenant, catalog_of)
    sold = f"{len(catalog.plans)} plans, {len(catalog.offerings)} offerings"
    yield Finding("catalog", sold, "" if catalog.plans else "run: oxl catalog publish FOLDER, or oxl seed demo")
    if tenant.clock.frozen or tenant.clock.offset:
        yield Finding("clock", f"stands at {tenant.clock.now():%Y-%m-%d %H:%M} by an operator's will")
    async with tenant.connection() as conn:
        faults = proof.faults_of(await proof.prove(conn))
    told = "; ".join(faults[:3]) or "every balance equals its transfers"
    yield Finding("ledger", told, "stop charging, run: oxl doctor --ledger" if faults else "")


async def prove_ledger(settings: Settings) -> None:
    """Print every invariant of the ledger with what it was held against; exit code 1 when one is broken."""
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        tenant = await database.tenant(settings.tenant)
        async with tenant.connection() as conn:
            lines = await proof.prove(conn)
        columns = {"good": "", "invariant": "invariant", "checked": "checked", "faults": "faults", "where": "where"}
        rows = []
        for line in lines:
            checked = Cell(line.checked, f"{line.checked:,} {line.of}{'' if line.checked == 1 else 's'}")
            where = Cell(list(line.places), ", ".join(line.places) + (" …" if line.faults > len(line.places) else ""))
            rows.append((_mark(not line.faults), line.name, checked, line.faults, where))
        table("invariants", columns, rows)
        await show_balances(tenant)
    finally:
        await database.close()
    if proof.faults_of(lines):
        raise typer.Exit(1)
