"""`oxl serve` and `oxl work`: the processes that stay. The first holds a lease of the database for its children."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from oxl.app import SQL_CODE
from oxl.cli.ground import err, fail, out
from oxl.cli.walk import print_walk
from oxl.db.database import ABSENT, Database, Tenant
from oxl.db.migrate import migrate
from oxl.engines.ledger.grants import grant_due
from oxl.kernel.background import once
from oxl.settings import Settings

_SWEEP_SECONDS = 5.0


async def serve_until_stopped(
    settings: Settings, load: Callable[[Tenant], Awaitable[Any]] | None, background: bool
) -> None:
    """Open and migrate the database, load what is asked for, then serve until a signal stops it."""
    _check_free(settings.host, settings.port)
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        await migrate(database, SQL_CODE, lambda line: err.print(f"[dim]{line}[/]"))
        tenant = await database.tenant(settings.tenant)
        if load:
            await load(tenant)
        await print_walk(tenant, settings)
        await tenant.close()
        await asyncio.to_thread(_serve, settings, background)
    finally:
        await database.close()


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            fail(f"cannot listen at {host}:{port} ({error.strerror}); choose another with --port")


def _environment(settings: Settings) -> dict[str, str]:
    """The settings for a child process."""
    values = msgspec.structs.asdict(settings) | {"data": settings.data.resolve()}
    return {f"OXL_{name.upper()}": str(value) for name, value in values.items()}


def _serve(settings: Settings, background: bool) -> None:
    environment = os.environ | _environment(settings)
    worker = subprocess.Popen([sys.executable, "-m", "oxl.cli", "work"], env=environment) if background else None
    command = [sys.executable, "-m", "oxl.cli.server"]
    server = subprocess.Popen(command, env=environment)  # noqa: S603
    try:
        server.wait()
    finally:
        for child in filter(None, (server, worker)):
            child.terminate()
            child.wait()


async def work_until_stopped(settings: Settings) -> None:
    """Sweep what is due, every few seconds, until a signal stops it. The database may go and come back meanwhile."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = await Database.open(settings)
    try:
        tenant = await database.tenant(settings.tenant)
        while not stop.is_set():
            try:
                await database.keep()
                granted = await once(tenant, grant_due)
                if granted:
                    out.print(f"granted the allowances of {granted} products")
            except ABSENT as error:
                err.print(f"[yellow]the database is away ({error}); trying again[/]")
            try:
                await asyncio.wait_for(stop.wait(), _SWEEP_SECONDS)
            except TimeoutError:
                continue
    finally:
        await database.close()
