"""What every command stands on: the settings, a database that is open and migrated, and how things are said."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Never

import asyncpg
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from oxl.app import SQL_CODE
from oxl.db.database import ABSENT, Database, Tenant, UnknownTenantError
from oxl.db.embedded import EmbeddedError
from oxl.db.migrate import migrate
from oxl.engines.catalog.document import CatalogError
from oxl.engines.catalog.registry import PlanChangedError
from oxl.settings import Settings, read_settings

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

DATA = typer.Option(None, "--data", help="Folder of the embedded database. [default: .oxl]", show_default=False)
TENANT = typer.Option(None, "--tenant", help="The tenant to work in. [default: default]", show_default=False)


def fail(message: str) -> Never:
    """Say why and leave with exit code 1."""
    err.print(f"[bold red]oxl:[/] {message}", soft_wrap=True)
    raise typer.Exit(1)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine; known failures become one sentence and exit code 1."""
    try:
        asyncio.run(work)
    except (EmbeddedError, UnknownTenantError, PlanChangedError, CatalogError, ValueError, LookupError) as error:
        fail(str(error))
    except FileNotFoundError as error:
        fail(f"{error.filename}: no such file")
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        fail(f"the database refuses the log-in: {error}")
    except ABSENT as error:
        fail(f"the database went away ({error}); run the same command again: nothing is lost or done twice")


def settings_of(**given: object) -> Settings:
    """The settings of the environment with a command's options over them; a bad one ends the command."""
    try:
        return read_settings(**given)
    except ValueError as error:
        fail(str(error))


@asynccontextmanager
async def opened(data: Path | None, tenant: str | None) -> AsyncIterator[tuple[Database, Tenant]]:
    """The database, migrated, and the tenant; closed at the end."""
    settings = settings_of(data=data, tenant=tenant)
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        await migrate(database, SQL_CODE, lambda line: err.print(f"[dim]{line}[/]"))
        yield database, await database.tenant(settings.tenant)
    finally:
        await database.close()


@contextmanager
def progress(title: str, total: int, unit: str = "") -> Iterator[Callable[[int, str], None]]:
    """A progress bar on a terminal, a line now and then elsewhere; the function it gives takes (done, note)."""
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()]
    columns += [MofNCompleteColumn()] if unit else []
    columns += [TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("[dim]{task.fields[note]}[/]")]
    if not sys.stderr.isatty():
        shown = -1

        def tell(done: int, note: str) -> None:
            nonlocal shown
            quarter = done * 4 // max(total, 1)
            if quarter > shown:
                shown = quarter
                err.print(f"{title}: {done * 100 // max(total, 1)} % {note}")

        yield tell
        return
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(title, total=total, note="")
        yield lambda done, note: bar.update(task, completed=done, note=note)
