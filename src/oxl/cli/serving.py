"""`oxl serve` and `oxl work`: the processes that stay. The first holds a lease of the database for its children."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from oxl.apis import APIS
from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.jobs import sweep
from oxl.apis.product_usage.exporting import Exporter
from oxl.apis.product_usage.targets import folder_of
from oxl.apis.product_usage.watching import Watch
from oxl.app import SQL_CODE
from oxl.cli.ground import err, fail, out
from oxl.cli.walk import print_walk
from oxl.clock import system_now
from oxl.db.cluster import entering
from oxl.db.database import ABSENT, Database, Tenant
from oxl.db.migrate import keep_partitions, migrate
from oxl.engines.ledger.grants import grant_due
from oxl.identity.rules import check_settings
from oxl.kernel.background import once
from oxl.kernel.events import voices
from oxl.kernel.keys import forget_keys
from oxl.outbox.callbacks import guard_of
from oxl.outbox.delivery import Delivery
from oxl.settings import Settings

_SWEEP_SECONDS = 5.0


async def serve_until_stopped(
    settings: Settings, load: Callable[[Tenant], Awaitable[Any]] | None, background: bool
) -> None:
    """Open and migrate the database, load what is asked for, then serve until a signal stops it."""
    check_settings(settings, guard_of(settings.callback_allow, settings.host, settings.port).dev)
    _check_free(settings.host, settings.port)
    stop = _stop_on_signal()
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        await migrate(database, SQL_CODE, lambda line: err.print(f"[dim]{line}[/]"))
        tenant = await database.tenant(settings.tenant)
        if load:
            await load(tenant)
        await print_walk(tenant, settings)
        await tenant.close()
        await _run_children(settings, ["server", "worker"] if background else ["server"], stop)
    finally:
        await database.close()


def _stop_on_signal() -> asyncio.Event:
    """An event that SIGTERM or Ctrl-C sets."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            fail(f"cannot listen at {host}:{port} ({error.strerror}); choose another with --port")


def public_url(settings: Settings) -> str:
    """The prefix of hrefs: as set; else where we listen, unless that is no address a client could use."""
    anywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104 – asked about, not bound
    return settings.public_url or ("" if anywhere else f"http://{settings.host}:{settings.port}")


def _environment(settings: Settings) -> dict[str, str]:
    """The settings for a child process."""
    values = msgspec.structs.asdict(settings) | {"data": settings.data.resolve(), "public_url": public_url(settings)}
    return {f"OXL_{name.upper()}": str(value) for name, value in values.items()}


async def _run_children(settings: Settings, names: Sequence[str], stop: asyncio.Event) -> None:
    """Run the server and the worker until told to stop, or until one of them ends; none outlives this process."""
    environment = os.environ | _environment(settings)
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"oxl.cli.{name}", env=environment, preexec_fn=entering(None, signal.SIGTERM)
        )
        for name in names
    ]
    ends = {asyncio.create_task(child.wait()): name for child, name in zip(children, names, strict=True)}
    told = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*ends, told], return_when=asyncio.FIRST_COMPLETED)
    for child in children:
        if child.returncode is None:
            child.terminate()
    await asyncio.wait(ends)
    told.cancel()
    for ended in done - {told}:
        fail(f"the {ends[ended]} process ended by itself (exit code {ended.result()}); its lines above say why")


async def work_until_stopped(settings: Settings) -> None:
    """Deliver events, make export files, import files and sweep what is due until a signal stops it.

    The database may go and come back meanwhile.
    """
    stop = _stop_on_signal()
    database = await Database.open(settings)
    running: list[asyncio.Task[None]] = []
    try:
        tenant = await database.tenant(settings.tenant)
        running = [asyncio.create_task(each.run(stop)) for each in _duties(settings, tenant)]
        kept = None
        while not stop.is_set():
            try:
                await database.keep()
                if kept != system_now().date():
                    await keep_partitions(database)
                    kept = system_now().date()
                await once(tenant, lambda work: forget_keys(work, settings.key_days))
                granted = await once(tenant, grant_due)
                await sweep(tenant)
                if granted:
                    out.print(f"granted the allowances of {granted} products")
            except ABSENT as error:
                err.print(f"[yellow]the database is away ({error}); trying again[/]")
            ended, _ = await asyncio.wait(running, timeout=_SWEEP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in ended if not stop.is_set() else ():
                task.result()
    finally:
        stop.set()
        if running:
            await asyncio.wait(running)
        await database.close()


def _delivery(settings: Settings, tenant: Tenant) -> Delivery:
    guard = guard_of(settings.callback_allow, settings.host, settings.port)
    public = public_url(settings)
    return Delivery(voices(APIS, public, f"{public}{OPERATOR.base}/eventRecord"), tenant, guard)


def _duties(settings: Settings, tenant: Tenant) -> list[Delivery | Exporter | Watch]:
    """What a worker does besides its sweeps."""
    watched = [Watch(tenant, Path(settings.imports) / tenant.name)] if settings.imports else []
    return [_delivery(settings, tenant), _exporter(settings, tenant), *watched]


def _exporter(settings: Settings, tenant: Tenant) -> Exporter:
    folder = folder_of(settings, tenant.name)
    return Exporter(tenant, folder, public=public_url(settings), allow=settings.export_allow)
