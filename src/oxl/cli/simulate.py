"""`oxl usage simulate`: what years of usage files come to by another plan."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer

from oxl.apis.product_usage.simulating import Simulation, executor_of, simulate
from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import note, say, table
from oxl.engines.catalog.catalog import read_texts
from oxl.engines.catalog.registry import texts_of
from oxl.kernel.background import once

_COLUMNS = {"month": "month", "component": "component", "zone": "zone", "usages": "usages", "net": "net",
            "gross": "gross"}  # fmt: skip


def simulate_command(
    files: list[Path] = typer.Argument(help="Usage in formats of the exports; each file is a part of the work."),
    plan: str = typer.Option(help="The price plan; plan.3 for its version 3, else the version of each usage's time."),
    catalog: Path | None = typer.Option(None, help="A folder of catalog files, instead of what is published."),
    executor: str = typer.Option("", help="A Dask scheduler, tcp://host:8786; without one: this machine."),
    out: Path | None = typer.Option(None, help="A file for the result, as JSON."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """What files of usage would cost by a plan, without allowances and discounts by tenure; nothing is stored."""
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        fail(f"no such file: {', '.join(missing)}")

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            texts.update(await once(place, texts_of))

    texts = read_texts(catalog) if catalog else {}
    if not catalog:
        run(work())
    plan_id, _, version = plan.rpartition(".")
    name, number = (plan_id, int(version)) if plan_id and version.isdigit() else (plan, None)
    try:
        found = simulate(texts, name, number, files, executor_of(executor))
    except (LookupError, ValueError) as error:
        fail(str(error))
    if out:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    _show(found)


def _show(found: Simulation) -> None:
    rows = [[getattr(row, name) for name in _COLUMNS] for row in found.rows]
    table("rows", _COLUMNS, rows, f"{found.plan}, {found.currency}")
    for why, usages in found.refused.items():
        say(f"[yellow]not priced: {usages:,} ({why})[/]")
    note(plan=found.plan, currency=found.currency, files=found.files, refused=found.refused)
    say(f"[dim]digest of all prices: {found.digest}[/]", digest=found.digest)
