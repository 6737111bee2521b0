"""`oxl tenant`: make, list, take away and erase tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import typer

from oxl.app import SQL_CODE
from oxl.cli.ground import DATA, err, fail, run, settings_of
from oxl.cli.telling import note, say
from oxl.db import archive
from oxl.db.database import Database
from oxl.db.migrate import create_tenant, drop_tenant, migrate, tenant_names

app = typer.Typer(no_args_is_help=True, help="Make, list, export and erase tenants.")
_WHICH = "`oxl tenant list` shows those that are there"
NAME = typer.Argument(help="The tenant's name: lower-case letters, digits and _.")


@asynccontextmanager
async def _database(data: Path | None) -> AsyncIterator[Database]:
    database = await Database.open(settings_of(data=data), lambda line: err.print(f"[dim]{line}[/]"))
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
