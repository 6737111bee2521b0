"""`oxl serve` and `oxl work`: the processes that stay. The first holds a lease of the database for its children."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from oxl.apis import APIS
from oxl.apis.billing import jobs as billing
from oxl.apis.customer_bill import jobs as customer_bills
from oxl.apis.customer_bill.documents import Making
from oxl.apis.operator.api import OPERATOR
from oxl.apis.operator.jobs import erase_due
from oxl.apis.operator.overview import Counting
from oxl.apis.prepay_balance.jobs import sweep
from oxl.apis.product_usage import again
from oxl.apis.product_usage.exporting import Exporter
from oxl.apis.product_usage.spreading import Taking
from oxl.apis.product_usage.targets import folder_of
from oxl.apis.product_usage.watching import Watch
from oxl.apis.recommendation.jobs import answer_waiting, train_if_due
from oxl.apis.usage_consumption.jobs import Answering
from oxl.app import SQL_CODE
from oxl.cli.ground import err, fail, out
from oxl.cli.retention import Keeping
from oxl.cli.sandbox import reset_if_asked
from oxl.cli.walk import print_walk
from oxl.clock import system_now
from oxl.contract.strict import strictly
from oxl.db.cluster import entering
from oxl.db.database import ABSENT, LOST_RACE, Database, Tenant, UnknownTenantError
from oxl.db.migrate import BusyError, keep_partitions, migrate, tenant_names, version_of
from oxl.engines.billing.run import NewRun
from oxl.engines.consumption.consumption import speak
from oxl.engines.consumption.words import words_of
from oxl.engines.ledger.grants import grant_due
from oxl.identity.rules import check_settings
from oxl.kernel.background import once
from oxl.kernel.events import voices
from oxl.kernel.keys import forget_keys
from oxl.operations import logs
from oxl.operations.audit import seal
from oxl.operations.watch import drain_mark
from oxl.outbox.brokers import broker_of
from oxl.outbox.callbacks import guard_of
from oxl.outbox.delivery import Delivery
from oxl.settings import Settings

_SWEEP_SECONDS = 5.0
_AT_ONCE = 3.0  # seconds after which a process that ends is not one that cannot start


async def serve_until_stopped(
    settings: Settings, load: Callable[[Tenant], Awaitable[Any]] | None, background: bool
) -> None:
    """Open and migrate the database, load what is asked for, then serve until a signal stops it."""
    check_settings(settings, guard_of(settings.callback_allow, settings.host, settings.port).dev)
    strictly(APIS, settings.strict)
    _check_free(settings.host, settings.port)
    try:
        words_of(settings.language)
    except ValueError as error:
        fail(f"setting language: {error}")
    stop = _stop_on_signal()
    database = await Database.open(settings, lambda line: err.print(f"[dim]{line}[/]"))
    try:
        await migrate(database, SQL_CODE, lambda line: err.print(f"[dim]{line}[/]"))
        tenant = await database.tenant(settings.tenant)
        await once(tenant, lambda work: speak(work, settings.language))
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
    with tempfile.TemporaryDirectory(prefix="oxl-figures-") as figures:
        if settings.workers > 1:
            environment["PROMETHEUS_MULTIPROC_DIR"] = figures
        await _run(settings, names, environment, stop)


async def _run(settings: Settings, names: Sequence[str], environment: Mapping[str, str], stop: asyncio.Event) -> None:
    children: dict[str, asyncio.subprocess.Process] = {}
    kept = {asyncio.create_task(_keep_up(name, environment, children)): name for name in names}
    told = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*kept, told], return_when=asyncio.FIRST_COMPLETED)
    mark = drain_mark(settings.data.resolve(), settings.port)
    if told in done and settings.drain_seconds:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # an external database needs no data folder
        mark.touch()
        await asyncio.sleep(settings.drain_seconds)
    for each in (*kept, told):
        each.cancel()
    await asyncio.wait([*kept, told])
    for child in children.values():
        if child.returncode is None:
            child.terminate()
        await child.wait()
    mark.unlink(missing_ok=True)
    for ended in done - {told}:
        fail(f"the {kept[ended]} process ended by itself (exit code {ended.result()}); its lines above say why")


async def _keep_up(
    name: str, environment: Mapping[str, str], children: dict[str, asyncio.subprocess.Process]
) -> int | None:
    """Run a process, again when it has ended by itself; the exit code of one that did so as soon as it was started."""
    while True:
        began = time.monotonic()
        children[name] = child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"oxl.cli.{name}", env=environment, preexec_fn=entering(None, signal.SIGTERM)
        )
        code = await child.wait()
        if time.monotonic() < began + _AT_ONCE:
            return code
        err.print(f"[yellow]the {name} process ended by itself (exit code {code}): starting it again[/]")


async def work_until_stopped(settings: Settings) -> None:
    """Do what is due until a signal stops it, for the tenants that are served. The database may go and come back."""
    logs.set_up(settings.log)
    stop = _stop_on_signal()
    database = await Database.open(settings)
    database.code = version_of(SQL_CODE)
    attended: dict[str, asyncio.Task[None]] = {}
    try:
        kept = None
        while not stop.is_set():
            try:
                await database.keep()
                if kept != system_now().date():
                    await keep_partitions(database)
                    kept = system_now().date()
                there = await tenant_names(database) if settings.auth == "required" or settings.hosts else []
                for name in there or [settings.tenant]:
                    if name not in attended and (tenant := await _opened(database, name)):
                        attended[name] = asyncio.create_task(_attend(settings, database, tenant, stop))
            except (*ABSENT, BusyError) as error:
                err.print(f"[yellow]the database is away ({error}); trying again[/]")
            await asyncio.wait([*attended.values(), stopping := asyncio.create_task(stop.wait())],
                               timeout=_SWEEP_SECONDS, return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
            stopping.cancel()
            for name in [name for name, task in attended.items() if task.done() and not stop.is_set()]:
                attended.pop(name).result()
    finally:
        stop.set()
        if attended:
            await asyncio.wait(attended.values())
        await database.close()


async def _opened(database: Database, name: str) -> Tenant | None:
    """A tenant that was there just now; None where it was erased meanwhile, or is on its way."""
    try:
        return await database.tenant(name)
    except (UnknownTenantError, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.UndefinedTableError):
        return None


async def _attend(settings: Settings, database: Database, tenant: Tenant, stop: asyncio.Event) -> None:
    """Deliver a tenant's events, make its files and sweep what is due, until told to stop or the tenant is not here."""
    gone = asyncio.Event()
    running = [asyncio.create_task(each.run(gone)) for each in _duties(settings, database, tenant)]
    try:
        while not stop.is_set() and not tenant.is_closed:
            try:
                await reset_if_asked(database, tenant)
                await _sweep(settings, tenant)
            except (*ABSENT, *LOST_RACE) as error:
                err.print(f"[yellow]the sweep was broken off ({error}); trying again[/]")
            waiting = [*running, stopping := asyncio.create_task(stop.wait())]
            ended, _ = await asyncio.wait(waiting, timeout=_SWEEP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            for task in ended - {stopping} if not stop.is_set() else ():
                task.result()
    except asyncpg.InvalidAuthorizationSpecificationError:
        out.print(f"tenant {tenant.name} is gone")
    finally:
        gone.set()
        await asyncio.wait(running)


async def _sweep(settings: Settings, tenant: Tenant) -> None:
    """What is due by now."""
    await once(tenant, lambda work: forget_keys(work, settings.key_days))
    await once(tenant, seal)
    granted = await once(tenant, grant_due)
    await again.run_due(tenant)
    await sweep(tenant)
    if granted:
        out.print(f"granted the allowances of {granted} products")
    await _bill(tenant)
    await erase_due(tenant)
    await answer_waiting(tenant)
    if trained := await train_if_due(tenant):
        out.print(f"recommendation model {trained.version} is {trained.status}")


async def _bill(tenant: Tenant) -> None:
    """Bills that are due or asked for, what was paid, and what was not."""
    await customer_bills.make_demanded(tenant)
    await customer_bills.tell_demanded(tenant)
    await billing.tell_reissued(tenant)
    for cycle in await billing.due_cycles(tenant):
        await billing.start(tenant, NewRun("onCycle", cycle))
    for each in await billing.open_runs(tenant):
        await customer_bills.work_off(tenant, each)
        state = await billing.finish(tenant, each)
        out.print(f"bill run {each}: {state or 'another worker is at it'}")
    await customer_bills.use_credits(tenant)
    if lifted := await billing.lift(tenant):
        out.print(f"lifted {lifted} suspensions")
    if dunned := await billing.dun(tenant):
        out.print(f"took {dunned} dunning steps")


def _delivery(settings: Settings, tenant: Tenant) -> Delivery:
    guard = guard_of(settings.callback_allow, settings.host, settings.port)
    public = public_url(settings)
    speakers = voices(APIS, public, f"{public}{OPERATOR.base}/eventRecord")
    return Delivery(speakers, tenant, guard, broker=broker_of(settings.broker))


def _duties(settings: Settings, database: Database, tenant: Tenant) -> list[Any]:
    """What a worker does besides its sweeps: what has a `run` until it is told to stop."""
    watched = [Watch(tenant, Path(settings.imports) / tenant.name)] if settings.imports else []
    made = [Answering(tenant), Making(tenant), Taking(tenant), Counting(tenant, [api.name for api in APIS])]
    kept = Keeping(settings, database, tenant)
    return [_delivery(settings, tenant), _exporter(settings, tenant), *made, kept, *watched]


def _exporter(settings: Settings, tenant: Tenant) -> Exporter:
    folder = folder_of(settings, tenant.name)
    return Exporter(tenant, folder, public=public_url(settings), allow=settings.export_allow)
