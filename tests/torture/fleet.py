"""API and job workers to be killed: processes of their own, forked from one launcher, on one port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.torture.postgres import Postgres


class Fleet:
    """The workers of an installation. `apis` and `workers` hold their pids."""

    def __init__(self, server: Postgres, planted: str = "", **settings: str) -> None:
        self.place = socket.socket()  # bound and never listening: it keeps the port for the workers
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port = self.place.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.apis: list[int] = []
        self.workers: list[int] = []
        self.gone: list[str] = []  # kinds of workers that have ended and that nobody has killed
        told = {"DATA": str(server.folder), "DATABASE_URL": server.url(), "PORT": str(self.port), "CONNECTIONS": "3"}
        told |= {"CALLBACK_ALLOW": "127.0.0.1"} | settings
        self.log = server.folder / "workers.log"
        with self.log.open("a") as log:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.launch"],
                env=os.environ | {f"OXL_{name.upper()}": value for name, value in told.items()} | {"PLANTED": planted},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1,
            )  # fmt: skip

    async def start(self, kind: str) -> int:
        """A new worker, `api` or `work`, which may still be starting; its pid."""
        return await asyncio.to_thread(self._start, kind)

    def _start(self, kind: str) -> int:
        assert self.launcher.stdin
        assert self.launcher.stdout
        self.launcher.stdin.write(f"{kind}\n")
        pid = int(self.launcher.stdout.readline())
        (self.workers if kind == "work" else self.apis).append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """kill -9 of a worker; of one that has ended by itself nothing."""
        for pids in (self.apis, self.workers):
            if pid in pids:
                pids.remove(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    async def tend(self) -> None:
        """Do as whoever keeps an installation does: start again what has ended by itself."""
        while True:
            for kind, pids in (("api", self.apis), ("work", self.workers)):
                for pid in [pid for pid in pids if not os.path.exists(f"/proc/{pid}")]:
                    pids.remove(pid)
                    self.gone.append(kind)
                    await self.start(kind)
            await asyncio.sleep(0.05)

    def said(self) -> str:
        """What the workers have said: each exception that nobody expected, and the end."""
        text = self.log.read_text(errors="replace")
        unexpected = r"^.*failed\nTraceback(?:.|\n)*?^(?=\S)(?!Traceback|The above|During).*$"
        return "\n".join([*dict.fromkeys(re.findall(unexpected, text, re.MULTILINE)), text[-3000:]])

    def close(self) -> None:
        """All of them die with the launcher."""
        assert self.launcher.stdin
        assert self.launcher.stdout
        for pid in (*self.apis, *self.workers):
            self.kill(pid)
        self.launcher.stdin.close()
        self.launcher.wait()
        self.launcher.stdout.close()
        self.place.close()


@asynccontextmanager
async def fleet(
    server: Postgres, apis: int = 2, workers: int = 1, planted: str = "", **settings: str
) -> AsyncIterator[Fleet]:
    """So many workers."""
    made = Fleet(server, planted, **settings)
    try:
        for kind in ["api"] * apis + ["work"] * workers:
            await made.start(kind)
        tending = asyncio.create_task(made.tend())
        try:
            yield made
        finally:
            tending.cancel()
    finally:
        made.close()
