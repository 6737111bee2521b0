"""`oxl tenant`: make, list, take away, move and erase tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import typer

from oxl.app import AFTER_RESTORE, SQL_CODE
from oxl.cli.ground import DATA, err, fail, run, settings_of
from oxl.cli.telling import note, say
from oxl.db import archive, cells
from oxl.db.database import Database
from oxl.db.migrate import create_tenant, drop_tenant, migrate, tenant_names
from oxl.db.reach import addresses_of
from oxl.engines.ledger import proof
from oxl.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make, list, export, move and erase tenants.")
_WHICH = "`oxl tenant list` shows those that are there"
NAME = typer.Argument(help="The tenant's name: lower-case letters, digits and _.")


def _database(data: Path | None) -> AbstractAsyncContextManager[Database]:
    return _opened(settings_of(data=data))


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        await migrate(database, SQL_CODE, lambda line: err.print(f"[dim]{line}[/]"))
        yield database
    finally:
        await database.close()


@app.command()
def create(name: str = NAME, data: Path | None = DATA) -> None:
    """Make a tenant: a role, a schema, tables. It is there at once, without a restart."""

    async def make() -> None:
        async with _database(data) as database:
            await create_tenant(database, name, SQL_CODE)
            say(f"tenant {name} is there", tenant=name)

    run(make())


@app.command("list")
def show(data: Path | None = DATA) -> None:
    """The tenants that are there."""

    async def tell() -> None:
        async with _database(data) as database:
            names = await tenant_names(database)
            for name in names:
                say(name)
            note(tenants=list(names))

    run(tell())


@app.command()
def export(
    name: str = NAME,
    file: Path = typer.Argument(help="Where to write: a .tar.gz with a table in each member."),
    data: Path | None = DATA,
) -> None:
    """Write all that is a tenant's into a file, as of one moment, with the proof that `oxl restore` asks for."""

    async def write() -> None:
        async with _database(data) as database:
            if name not in await tenant_names(database):
                fail(f"there is no tenant {name!r}", _WHICH)
            await archive.write(database, file, [name], lambda line: err.print(f"[dim]{line}[/]"))
            say(f"tenant {name} is in {file}", tenant=name, file=str(file))

    run(write())


@app.command()
def move(
    name: str = NAME,
    to: str = typer.Option(..., "--to", help="Where: one of OXL_CELLS, or `own` for this installation's own database."),
    data: Path | None = DATA,
) -> None:
    """Bring a tenant to another database while servers run; the ledger is proved before and after."""
    settings = settings_of(data=data)
    others = addresses_of(settings.cells)
    places = {"own": settings} | {url: msgspec.structs.replace(settings, database_url=url, cells="") for url in others}
    if to not in places:
        fail(f"{to!r} is neither `own` nor one of OXL_CELLS", "name the database there as servers know it")

    async def bring() -> None:
        async with AsyncExitStack() as stack:
            found = {at: await stack.enter_async_context(_opened(each)) for at, each in places.items()}
            homes = [at for at, each in found.items() if at != to and await cells.holds(each, name)]
            if not homes:
                fail(f"tenant {name} is in no other database than {to!r}", _WHICH)
            try:
                proofs = await cells.move(
                    found[homes[0]], found[to], name, SQL_CODE, proved, lambda line: err.print(f"[dim]{line}[/]"),
                    AFTER_RESTORE,
                )  # fmt: skip
            except cells.CannotMoveError as error:
                fail(str(error), "it is open where it was")
            rows = sum(each.rows for each in proofs.values())
            say(f"tenant {name} is there: {rows:,} rows, each table proved", tenant=name, to=to, rows=rows)

    run(bring())


async def proved(conn: Any) -> Any:
    """What must be the same in both databases: the ledger's invariants, without a fault, and what stands on it."""
    lines = await proof.prove(conn)
    if faults := proof.faults_of(lines):
        raise cells.CannotMoveError(f"the ledger does not add up: {'; '.join(faults)}")
    return lines, await proof.totals(conn)


@app.command()
def erase(
    name: str = NAME,
    yes: bool = typer.Option(False, "--yes", help="It is meant: nothing of it can be brought back."),
    data: Path | None = DATA,
) -> None:
    """Remove a tenant with all that is its own: schema, role, keys. Servers that have it open lose it."""

    async def remove() -> None:
        async with _database(data) as database:
            if name not in await tenant_names(database):
                fail(f"there is no tenant {name!r}", _WHICH)
            if name == database.settings.tenant:
                fail(f"tenant {name} is the one that is served where nothing names another", "set OXL_TENANT first")
            if not yes:
                cure = f"say --yes; `oxl tenant export {name} FILE` keeps it before"
                fail(f"this removes all of tenant {name}, and nothing brings it back", cure)
            await drop_tenant(database, name)
            say(f"tenant {name} is gone", tenant=name)

    run(remove())
