"""The commands that set up, serve and look after an installation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import typer
from rich.markup import escape

from oxl.app import AFTER_RESTORE, SQL_CODE, settle
from oxl.cli import (
    again,
    audit,
    bills,
    config,
    events,
    keys,
    parties,
    recommend,
    retention,
    sandbox,
    subscriber,
    tenants,
    usage,
    voucher,
)
from oxl.cli import seed as seeds
from oxl.cli.assets import write_assets
from oxl.cli.certify import certify
from oxl.cli.doctor import examine, prove_ledger
from oxl.cli.dressing import dressed
from oxl.cli.ground import DATA, TENANT, err, fail, opened, run, settings_of
from oxl.cli.serving import serve_until_stopped, work_until_stopped
from oxl.cli.simulate import simulate_command
from oxl.cli.telling import finish, say
from oxl.cli.watch import watch
from oxl.db import archive
from oxl.db.migrate import tenant_names
from oxl.db.upgrade import upgrade as upgrade_cluster
from oxl.engines.catalog.catalog import load_folder
from oxl.engines.catalog.document import CatalogError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="OXL, the Open eXperience Layer: TM Forum revenue APIs with real engines behind them.\n\n"
    "Start with [bold]oxl serve --demo[/], then [bold]oxl subscriber show 4915550000001[/].",
)
catalog = typer.Typer(no_args_is_help=True, help="Check and publish the catalog: specifications, plans, offerings.")
again.add_to(usage.app)
usage.app.command("simulate")(simulate_command)
app.command("rate")(again.rate)
app.add_typer(usage.app, name="usage")
app.add_typer(subscriber.app, name="subscriber")
app.add_typer(events.app, name="events")
app.add_typer(recommend.app, name="recommend")
app.add_typer(voucher.app, name="voucher")
app.add_typer(keys.app, name="key")
app.add_typer(audit.app, name="audit")
app.add_typer(parties.app, name="party")
app.add_typer(tenants.app, name="tenant")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(catalog, name="catalog")
app.command()(config.settings)
app.command()(retention.retention)
app.command()(certify)
app.command("assets")(write_assets)
app.command()(watch)
app.add_typer(bills.bill, name="bill")
app.add_typer(bills.payment, name="payment")
app.command("bill-run")(bills.bill_run)


class Seed(StrEnum):
    """What can be loaded."""

    demo = "demo"
    conformance = "conformance"


@app.command()
def serve(
    host: str | None = typer.Option(None, help="Address to listen at. [default: 127.0.0.1]", show_default=False),
    port: int | None = typer.Option(None, help="Port to listen at. [default: 8080]", show_default=False),
    workers: int | None = typer.Option(None, help="Server processes. [default: 1]", show_default=False),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
    demo: bool = typer.Option(False, help="Load the demo operator first, if it is not there yet."),
    background: bool = typer.Option(True, help="Run a background worker beside the server."),
) -> None:
    """Serve the APIs. Starts the embedded database, or uses OXL_DATABASE_URL; stop with Ctrl-C."""
    settings = settings_of(host=host, port=port, workers=workers, data=data, tenant=tenant)
    load: Callable | None = (lambda place: seeds.demo(place, settings.data / "demo", 1000, 100_000)) if demo else None
    run(serve_until_stopped(settings, load, background))


@app.command()
def work(data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Run a background worker: it delivers events and grants allowances when their period begins. Stop with Ctrl-C."""
    run(work_until_stopped(settings_of(data=data, tenant=tenant)))


@app.command()
def migrate(data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Bring the database to this version; makes the tenant when it is not there."""

    async def bring() -> None:
        async with opened(data, tenant) as (_, place):
            say(f"tenant {place.name} is at this version", tenant=place.name)

    run(bring())


@app.command()
def upgrade(data: Path | None = DATA) -> None:
    """Move the embedded database to the newest PostgreSQL here, by dump and restore; the old one is kept beside."""

    settings = settings_of(data=data)

    def tell(line: str) -> None:
        err.print(f"[dim]{escape(line)}[/]")

    async def move() -> None:
        old, new = await asyncio.to_thread(upgrade_cluster, settings.data, tell, lambda r: settle(settings, r, tell))
        told = f"PostgreSQL {old} is the newest here" if old == new else f"moved from PostgreSQL {old} to {new}"
        say(told, before=old, now=new)

    run(move())


@app.command()
def backup(
    file: Path = typer.Argument(help="Where to write: a .tar.gz, readable by its owner alone."),
    data: Path | None = DATA,
) -> None:
    """Write every tenant into a file, each as of one moment, while they are being used."""

    async def keep() -> None:
        async with opened(data, None) as (database, _):
            names = await tenant_names(database)
            found = await archive.write(database, file, names, lambda line: err.print(f"[dim]{line}[/]"))
            rows = sum(p.rows for each in found.values() for p in each.values())
            say(f"{len(names)} tenants, {rows} rows", tenants=list(names), rows=rows, file=str(file))

    run(keep())


@app.command()
def restore(file: Path = typer.Argument(help="A file of `oxl backup`."), data: Path | None = DATA) -> None:
    """Bring tenants back from a file, and prove that each table is what it was. Here they must be empty."""

    def step(line: str) -> None:
        err.print(f"[dim]{line}[/]")

    async def bring() -> None:
        async with opened(data, None) as (database, _):
            found = await archive.restore(database, file, SQL_CODE, step, AFTER_RESTORE)
            rows = sum(proof.rows for each in found.values() for proof in each.values())
            told = f"{len(found)} tenants, {rows} rows: every table has the rows and the sum that were written"
            say(told, tenants=list(found), rows=rows)

    run(bring())


@app.command()
def seed(
    what: Seed = typer.Argument(help="demo: an operator with a month of usage. conformance: what kits expect."),
    subscribers: int = typer.Option(1000, help="How many subscribers the demo has."),
    records: int = typer.Option(100_000, help="How many usage records the demo has."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Load data to try OXL with. Running it again changes nothing."""

    async def load() -> None:
        async with opened(data, tenant) as (database, place):
            if what is Seed.conformance:
                await seeds.conformance(place)
            elif not await seeds.demo(place, database.settings.data / "demo", subscribers, records):
                say("the demo operator is there already", loaded=False)

    run(load())


@app.command()
def doctor(
    data: Path | None = DATA,
    tenant: str | None = TENANT,
    ledger: bool = typer.Option(False, "--ledger", help="Prove the ledger, and show every invariant with its count."),
    billing: bool = typer.Option(False, "--billing", help="Prove every bill: lines, taxes, numbers, payments, usage."),
) -> None:
    """Check the set-up and prove the ledger on the live database; says what to do about what is wrong."""
    settings = settings_of(data=data, tenant=tenant)
    run(prove_ledger(settings) if ledger else examine(settings, billing))


@catalog.command()
def check(folder: Path = typer.Argument(help="A folder of catalog files.")) -> None:
    """Check a catalog folder; every fault is told with file, line and field."""
    try:
        found = load_folder(folder)
    except CatalogError as error:
        fail(str(error), "mend the file at that line, then check again")
    plans = sum(len(versions) for versions in found.plans.values())
    say(
        f"{plans} plan versions, {len(found.offerings)} offerings, {len(found.specifications)} specifications: good",
        planVersions=plans, offerings=len(found.offerings), specifications=len(found.specifications),
    )  # fmt: skip


@catalog.command()
def publish(
    folder: Path = typer.Argument(help="A folder of catalog files."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Publish a catalog folder to a tenant. What is published of a plan version never changes."""

    async def bring() -> None:
        async with opened(data, tenant) as (_, place):
            await seeds.publish_catalog(place, folder)
            say("published", published=str(folder))

    run(bring())


def main() -> None:
    """The console script."""
    try:
        dressed(app)(prog_name="oxl")
    finally:
        finish()
