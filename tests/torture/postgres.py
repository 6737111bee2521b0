"""A PostgreSQL to be ill-treated: killed in part or whole, started again at once, and asked how long it was away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from oxl.app import SQL_CODE
from oxl.db import cluster as clusters
from oxl.db.database import Database
from oxl.db.embedded import DATABASE, OWNER
from oxl.db.migrate import migrate
from oxl.db.supervisor import take_lock
from oxl.settings import Settings

SMALL = {"shared_buffers": "16MB", "max_connections": "80", "max_wal_size": "256MB"}


class Postgres:
    """One cluster in a folder of its own. What it is made of (`oxl.db.cluster`) is what the supervisor uses."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.chmod(0o711)  # the server runs as another user when we are root
        self.folder = folder
        self.password = secrets.token_urlsafe(16)
        self.cluster = clusters.place(folder, lambda _: None)
        quick = {"scram_iterations": "16"} if self.cluster.binaries.major >= 16 else {}  # there are many connections
        self.settings = SMALL | quick | settings
        clusters.initialise(self.cluster, self.password)
        self.log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, socket: Path | None = None) -> str:
        """How an owner connects, at the server's own socket folder or another one that leads there."""
        host = quote(str(socket or self.cluster.socket))
        return f"postgresql://{OWNER}:{self.password}@/{DATABASE}?host={host}&port={clusters.PORT}"

    def pids(self) -> list[int]:
        """All processes of the server: they work in its folder."""
        return [pid for pid in every_process() if works_in(pid, self.cluster.folder)]

    async def start(self) -> None:
        """Start, after the last process of the one before has ended, and wait until connections are taken."""
        while (lock := take_lock(self.folder / "lock")) is None:
            await asyncio.sleep(0.005)
        self.process = clusters.launch(self.cluster, lock, self.log, **self.settings)
        os.close(lock)  # the server holds it now
        while not clusters.is_ready(self.cluster, self.process.pid):
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            await asyncio.sleep(0.005)

    async def migrated(self) -> None:
        """Start for the first time, and make the tables."""
        await self.start()
        database = await self.open()
        await migrate(database, SQL_CODE)
        await database.close()

    async def kill(self, whole: bool) -> None:
        """kill -9 of the postmaster, or of every process of the server at once."""
        assert self.process is not None
        for pid in self.pids() if whole else [self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait)

    async def stop(self) -> None:
        """Shut down cleanly."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            await asyncio.to_thread(self.process.wait)

    async def open(self) -> Database:
        """The database as a process of OXL opens it."""
        return await Database.open(Settings(data=self.folder, database_url=self.url(), connections=6))


def every_process() -> Iterator[int]:
    """The pids of all processes."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def works_in(pid: int, folder: Path) -> bool:
    """Whether a process has a folder as its own."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(folder)
    except OSError:  # it has gone meanwhile, or is another user's
        return False


@asynccontextmanager
async def postgres(**settings: str) -> AsyncIterator[Postgres]:
    """A migrated server, gone without a trace afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    server = Postgres(folder, **settings)
    try:
        await server.migrated()
        yield server
    finally:
        await server.stop()
        os.close(server.log)
        shutil.rmtree(folder)
