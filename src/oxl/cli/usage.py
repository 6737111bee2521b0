"""`oxl usage …`: bring usage records in, and see to those that are there."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from oxl.apis.product_usage.jobs import OUTCOMES, Report, import_file
from oxl.apis.product_usage.mapping import Mapping, read_mapping
from oxl.apis.product_usage.spreading import spread_file
from oxl.cli.ground import DATA, TENANT, opened, progress, run
from oxl.cli.telling import Cell, table
from oxl.db.database import Tenant

app = typer.Typer(no_args_is_help=True, help="Bring usage records in and look after them.")


@app.command("import")
def import_command(
    file: Path = typer.Argument(help="Usage in a format of the exports, or CSV with --mapping."),
    mapping: Path | None = typer.Option(None, help="YAML file that says which CSV column is which characteristic."),
    spread: bool = typer.Option(
        False, "--spread", help="Lay it in the database, for workers on any host to take parts."
    ),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Import a file of usage: each record is guided, rated and charged as if it had been POSTed.

    Run the same file again as often as you like: a record that was taken is a duplicate, and nothing is charged twice.
    """

    async def work() -> None:
        rules = read_mapping(mapping) if mapping else None
        async with opened(data, tenant) as (_, place):
            show(await import_with_bar(place, file, rules, spread))

    run(work())


async def import_with_bar(
    tenant: Tenant, file: Path, mapping: Mapping | None = None, spread: bool = False
) -> tuple[Report, float]:
    """Import with a progress bar; the report and the seconds it took."""
    began = time.monotonic()

    def rate(report: Report) -> str:
        return f"{report.records:,} records, {report.records / max(time.monotonic() - began, 0.001):,.0f} a second"

    with progress(f"importing {file.name}", file.stat().st_size) as tell:
        way = spread_file if spread else import_file
        report = await way(tenant, file, mapping, lambda at, so_far: tell(at, rate(so_far)))
    return report, time.monotonic() - began


def show(result: tuple[Report, float]) -> None:
    """Print what an import came to: every record by outcome, and the reasons of those that were not charged."""
    report, seconds = result
    rows: list[tuple[Cell, int]] = []
    for outcome in OUTCOMES:
        rows.append((Cell(outcome, outcome), report.outcome[outcome]))
        for reason, count in sorted(report.reason.items(), key=lambda each: -each[1]):
            if reason.startswith(f"{outcome}: "):
                rows.append((Cell(reason, f"[dim]  {reason.partition(': ')[2]}[/]"), count))
    columns = {"outcome": "outcome", "records": "records"}
    table("outcomes", columns, rows, f"{report.records:,} records in {seconds:.1f} s")
