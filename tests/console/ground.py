"""A server with a small demo operator, as `oxl serve` runs it, for the console's tests and pictures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

from oxl.db.database import Database, Tenant
from oxl.settings import Settings
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_gone, until_serving

KATE = "4915550000001"  # the demo's first subscriber, prepaid


class Demo(NamedTuple):
    """A server that runs: its address, and its data folder for what no API brings about."""

    url: str
    data: Path

    @asynccontextmanager
    async def tenant(self) -> AsyncIterator[Tenant]:
        """Its tenant, seen from here."""
        database = await Database.open(Settings(data=self.data))
        try:
            yield await database.tenant("default")
        finally:
            await database.close()


@contextmanager
def serving(people: int, records: int, **environment: str) -> Iterator[Demo]:
    """A server of its own."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    folder.chmod(0o711)  # the server runs as another user when we are root
    cli = Cli(folder / "data")
    cli.environment |= environment
    cli.run("seed", "demo", "--subscribers", str(people), "--records", str(records))
    port = free_port()
    server = cli.start("serve", "--port", str(port))
    try:
        until_serving(f"http://127.0.0.1:{port}", server)
        yield Demo(f"http://127.0.0.1:{port}", cli.data)
    finally:
        server.end()
        until_gone(folder)
        shutil.rmtree(folder, ignore_errors=True)
