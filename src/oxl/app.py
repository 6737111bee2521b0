"""Puts the halls together: the SQL code that migrate installs, and the ASGI application that a server worker runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from oxl.apis import APIS
from oxl.apis.usage_consumption.live import end_streams
from oxl.console.serving import Console
from oxl.contract.answers import Held, contracts
from oxl.contract.pages import documents, pages
from oxl.contract.site import site
from oxl.contract.strict import strictly
from oxl.db import archive
from oxl.db.database import ABSENT, Database, Tenant
from oxl.db.embedded import EmbeddedError
from oxl.db.migrate import migrate, version_of
from oxl.identity.gate import Gate
from oxl.identity.jwks import KeySets
from oxl.identity.places import Places
from oxl.identity.rules import check_settings
from oxl.identity.tenants import Tenants
from oxl.identity.tokens import Tokens
from oxl.kernel.router import Kernel
from oxl.operations import audit, logs, traces
from oxl.operations.collecting import collect_seldom
from oxl.operations.faults import Faulty
from oxl.operations.watch import PROBES, Watched, drain_mark
from oxl.outbox import outbox, tally
from oxl.outbox.callbacks import guard_of
from oxl.settings import Settings, read_settings

log = logging.getLogger("oxl")
_KEEP_SECONDS = 1.0

# Where views and functions are defined, in the order in which they must be created.
SQL_CODE = (
    ("oxl.db", "sandbox.sql"),
    ("oxl.kernel", "kernel.sql"),
    ("oxl.apis", "standard.sql"),
    ("oxl.outbox", "outbox.sql"),
    ("oxl.outbox", "audit.sql"),
    ("oxl.outbox", "tally.sql"),
    ("oxl.outbox", "replay.sql"),
    ("oxl.engines.catalog", "catalog.sql"),
    ("oxl.engines.catalog", "checks.sql"),
    ("oxl.engines.inventory", "inventory.sql"),
    ("oxl.engines.inventory", "erasure.sql"),
    ("oxl.engines.ledger", "posting.sql"),
    ("oxl.engines.ledger", "reserve.sql"),
    ("oxl.engines.ledger", "action.sql"),
    ("oxl.engines.ledger", "expiry.sql"),
    ("oxl.engines.ledger", "ledger.sql"),
    ("oxl.engines.ledger", "proof.sql"),
    ("oxl.engines.ledger", "charging.sql"),
    ("oxl.engines.ledger", "erasure.sql"),
    ("oxl.engines.usage", "usage.sql"),
    ("oxl.engines.usage", "revise.sql"),
    ("oxl.engines.usage", "again.sql"),
    ("oxl.engines.usage", "explain.sql"),
    ("oxl.engines.usage", "figures.sql"),
    ("oxl.engines.billing", "receivable.sql"),
    ("oxl.engines.billing", "run.sql"),
    ("oxl.engines.billing", "bills.sql"),
    ("oxl.engines.billing", "documents.sql"),
    ("oxl.engines.billing", "exemptions.sql"),
    ("oxl.engines.consumption", "words.sql"),
    ("oxl.engines.consumption", "limits.sql"),
    ("oxl.engines.consumption", "consumption.sql"),
    ("oxl.engines.recommendation", "recommendation.sql"),
    *((f"oxl.apis.{api.name}", "views.sql") for api in APIS),
    ("oxl.apis.operator", "selling.sql"),
    ("oxl.apis.operator", "rating.sql"),
    ("oxl.apis.operator", "audit.sql"),
    ("oxl.apis.operator", "erasing.sql"),
    ("oxl.apis.operator", "overview.sql"),
    ("oxl.apis.operator", "sandbox.sql"),
)


def below(scope: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A request as if there were no prefix: proxies that route by one may leave it on, or take it off."""
    path = scope["path"]
    if not prefix or not (path == prefix or path.startswith(f"{prefix}/")):
        return scope
    raw = scope.get("raw_path", path.encode())
    return scope | {"path": path.removeprefix(prefix), "raw_path": raw.removeprefix(prefix.encode())}


# What makes of rows that another cluster's transactions wrote rows of this one's.
AFTER_RESTORE = (outbox.rebase, audit.rebase, tally.rebase)


def settle(settings: Settings, reach: dict[str, Any], say: Callable[[str], None]) -> None:
    """Make a copied cluster, which `reach` leads to, one of this version whose rows are its own."""

    async def bring() -> None:
        database = Database(settings, reach, None)
        await migrate(database, SQL_CODE, say)
        await archive.settle(database, AFTER_RESTORE)

    asyncio.run(bring())


class App:
    """The ASGI application of one process: opens the database when the server starts, then hands on to the kernel."""

    asked_always = tuple(map(str.encode, PROBES))

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.patience = float(settings.client_seconds)
        self._coming = 0
        self._prefix = urlsplit(settings.public_url).path.rstrip("/")
        self._database: Database | None = None
        self._served: Watched | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the database and make ready to answer, however long the database may be away."""
        self._database = await Database.open(self._settings)
        self._database.code = version_of(SQL_CODE)
        self._database.statement_seconds = self._settings.statement_seconds
        while not self._database.opened():
            try:
                await self._database.tenant(self._settings.tenant)
            except ABSENT as error:  # to end would be to be started again, and a few times of that end the server
                log.warning("the database is away: %s", error)
                await asyncio.sleep(_KEEP_SECONDS)
        self._served = served_by(self._settings, self._database)
        self._keeping = asyncio.create_task(self._keep(self._database))
        self._end_streams_when_told()
        collect_seldom()

    def _end_streams_when_told(self) -> None:
        """The server, told to stop, waits for what is open; streams would be open for ever."""
        loop, told = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(end_streams)
            if callable(told):
                told(number, frame)

        signal.signal(signal.SIGTERM, stop)

    async def _keep(self, database: Database) -> None:
        """Stay joined to the database, follow the tenants' clocks, and stop when the server that started us is gone."""
        parent = os.getppid()
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
            try:
                await database.keep()
            except (*ABSENT, EmbeddedError) as error:
                log.warning("the database is away: %s", error)

    async def stop(self) -> None:
        """Close what start opened."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._database is not None:
            await self._database.close()
        traces.close()

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another request (`identity.door`)."""
        return self._served is not None and self._served.is_full(self._coming)

    def let_in(self) -> None:
        """A request is handed on next; until it arrives it takes room."""
        self._coming += 1

    def refuse(self) -> bytes:
        """The answer to one that there is no room for."""
        return self._served.refuse() if self._served is not None else b""

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            self._coming -= 1
            if self._served is not None:
                await self._served(below(scope, self._prefix), receive, send)

    async def _lifespan(self, receive: Callable, send: Callable) -> None:
        await receive()
        logs.set_up(self._settings.log)
        traces.set_up("oxl")
        try:
            await self.start()
        except Exception as error:
            log.exception("cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def gate_of(settings: Settings, database: Database) -> Gate:
    """The way in to the APIs of every tenant of a database; ValueError where the settings would not be safe."""
    apis = strictly(APIS, settings.strict)
    published = documents(apis, settings.public_url)
    beside = pages(apis, published, settings.public_url) | site(settings.public_url)
    guard = guard_of(settings.callback_allow, settings.host, settings.port)

    def answering(tenant: Tenant) -> Any:
        kernel = Kernel(
            apis,
            tenant,
            settings.public_url,
            settings.default_limit,
            settings.max_body,
            count_cap=settings.count_cap,
            partial_status=settings.partial_status,
            pages=beside,
            guard=guard,
        )
        held = Held(kernel, contracts(published), beside) if settings.validate_responses else kernel
        return Faulty(held, tenant)

    rules = check_settings(settings, guard.dev)
    tokens = Tokens(rules.reading, KeySets()) if rules.reading.issuers else None
    return Gate(settings, Tenants(database, answering, settings.tenants), apis, beside, tokens, rules.hosts)


def served_by(settings: Settings, database: Database) -> Watched:
    """All that a server process answers: the way in, and around it health, figures, logs and traces."""
    gate = gate_of(settings, database)
    mark = drain_mark(settings.data, settings.port)
    console = Console(gate, urlsplit(settings.public_url).path.rstrip("/"))
    return Watched(console, gate, Places(APIS).route, database.opened, mark)


def create() -> App:
    """The application for a server worker, by the settings of its environment."""
    return App(read_settings())
