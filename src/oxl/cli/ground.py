"""What every command stands on: the settings, a database that is open and migrated, and what to do when it fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import typer
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
from oxl.cli.telling import err, fail, out
from oxl.db.database import ABSENT, Database, Tenant, UnknownTenantError
from oxl.db.embedded import EmbeddedError
from oxl.db.migrate import migrate
from oxl.engines.catalog.document import CatalogError
from oxl.engines.catalog.registry import PlanChangedError
from oxl.operations.collecting import collect_seldom
from oxl.settings import Settings, read_settings

__all__ = ["DATA", "TENANT", "err", "fail", "opened", "out", "progress", "run", "settings_of"]
DATA = typer.Option(None, "--data", help="Folder of the embedded database. [default: .oxl]", show_default=False)
TENANT = typer.Option(None, "--tenant", help="The tenant to work in. [default: default]", show_default=False)


CURES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    # what failed, what is said of it, what to do next; the first that fits
    (UnknownTenantError, "{error}", "`oxl tenant list` shows those that are there, `oxl tenant create NAME` makes one"),
    (PlanChangedError, "{error}", "give the changed plan its next `version` and publish again"),
    (CatalogError, "{error}", "mend the file; `oxl catalog check FOLDER` looks at all of them and publishes nothing"),
    (EmbeddedError, "{error}", "`oxl doctor` looks at the set-up; the server's own log is in the data folder"),
    (FileNotFoundError, "{error.filename}: no such file", "look at the path; it is read from the folder you are in"),
    (asyncpg.InvalidAuthorizationSpecificationError, "the database refuses the log-in: {error}",
     "look at the user and the password in OXL_DATABASE_URL"),
    (ABSENT, "the database went away ({error})", "run the same command again: nothing is lost or done twice"),
    ((ValueError, LookupError), "{error}", ""),
)  # fmt: skip


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine; known failures become a sentence, what to do next, and exit code 1."""
    known = tuple(kind for kinds, _, _ in CURES for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
    collect_seldom()
    try:
        asyncio.run(work)
    except known as error:
        told, cure = next((told, cure) for kinds, told, cure in CURES if isinstance(error, kinds))
        fail(told.format(error=error), cure)


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
