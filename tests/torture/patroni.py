"""Three nodes of PostgreSQL under Patroni with a synchronous standby, and three of etcd, all on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import yaml
from tests.scenarios.serving import free_port
from tests.torture.postgres import every_process, works_in
from tests.waiting import until

from oxl.app import SQL_CODE
from oxl.db.cluster import entering
from oxl.db.database import Database
from oxl.db.embedded import DATABASE, OWNER
from oxl.db.leading import connect
from oxl.db.migrate import migrate
from oxl.settings import Settings

NODES = 3
PROGRAMS = Path("/usr/lib/postgresql/15/bin")  # the newest major that Debian's Patroni knows
_SAFE = (3, 1)  # of Patroni: before that a leader that was frozen could take back a lock kept by etcd's API v3
SLOW = 180.0  # seconds that a failover may take before it is said not to come


def missing() -> str:
    """What of Debian's packages is not there; nothing when all are."""
    there = {"patroni": shutil.which("patroni"), "etcd-server": shutil.which("etcd"), "postgresql": PROGRAMS.exists()}
    return " ".join(name for name, found in there.items() if not found)


def _api() -> str:
    """The API of etcd by which this machine's Patroni keeps a lock that nobody writes over."""
    told = subprocess.run(["patroni", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return "etcd3" if tuple(map(int, told.split("."))) >= _SAFE else "etcd"


class Patronis:
    """The cluster. `url()` and `open()` are those of tests.torture.postgres.Postgres."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(16)
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        ports = [free_port() for _ in range(4 * NODES)]
        self.clients, self.peers, self.rest, self.ports = (ports[n * NODES : (n + 1) * NODES] for n in range(4))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.api = _api()

    def url(self) -> str:
        """How an owner connects to whichever node leads."""
        places = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"postgresql://{OWNER}:{self.password}@{places}/{DATABASE}?target_session_attrs=read-write"

    async def open(self) -> Database:
        """The database as a process of OXL opens it."""
        return await Database.open(Settings(data=self.folder, database_url=self.url(), connections=6))

    def place(self, n: int) -> Path:
        """The folder of a node's database."""
        return self.folder / f"p{n}" / "data"

    def _run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, cwd="/", start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                preexec_fn=entering(self.user, signal.SIGKILL),  # noqa: PLW1509
            )  # fmt: skip

    def _own(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        return folder

    def start_etcd(self, n: int) -> None:
        """Start a node of etcd."""
        peers = ",".join(f"e{k}=http://127.0.0.1:{port}" for k, port in enumerate(self.peers))
        here, peer = f"http://127.0.0.1:{self.clients[n]}", f"http://127.0.0.1:{self.peers[n]}"
        self._run(
            f"e{n}", "etcd", "--name", f"e{n}", "--data-dir", str(self._own(self.folder / f"e{n}")),
            "--listen-client-urls", here, "--advertise-client-urls", here, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", peers, "--heartbeat-interval", "200",
            "--election-timeout", "2000", *(["--enable-v2"] if self.api == "etcd" else []),
        )  # fmt: skip

    def start(self, n: int) -> None:
        """Start a node of PostgreSQL under Patroni."""
        conf = self._own(self.folder / f"p{n}") / "patroni.yml"
        conf.write_text(yaml.safe_dump(self._settings(n)))
        if self.user:
            os.chown(conf, self.user.pw_uid, self.user.pw_gid)
        conf.chmod(0o600)
        self._run(f"p{n}", "patroni", str(conf))

    def _settings(self, n: int) -> dict[str, Any]:
        login = {"username": OWNER, "password": self.password}
        parameters = {"max_connections": 90, "shared_buffers": "16MB", "max_wal_size": "256MB", "wal_log_hints": "on"}
        everybody = [f"host {what} all 127.0.0.1/32 scram-sha-256" for what in ("all", "replication")]
        return {
            "scope": "oxl",
            "name": f"p{n}",
            "restapi": dict.fromkeys(("listen", "connect_address"), f"127.0.0.1:{self.rest[n]}"),
            self.api: {"hosts": [f"127.0.0.1:{port}" for port in self.clients]},
            "bootstrap": {
                "dcs": {
                    "ttl": 20, "loop_wait": 5, "retry_timeout": 5, "synchronous_mode": True,
                    "synchronous_mode_strict": True,
                    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": parameters},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                "pg_hba": everybody,
            },
            "postgresql": {
                "listen": f"127.0.0.1:{self.ports[n]}", "connect_address": f"127.0.0.1:{self.ports[n]}",
                "data_dir": str(self.place(n)), "bin_dir": str(PROGRAMS),
                "authentication": {"superuser": login, "replication": login, "rewind": login},
                "parameters": {"unix_socket_directories": str(self.folder / f"p{n}")}, "pg_hba": everybody,
            },
            "watchdog": {"mode": "off"},
        }  # fmt: skip

    def pids(self, n: int) -> list[int]:
        """All processes of a node, Patroni's first."""
        place = self.place(n)
        return [self.running[f"p{n}"].pid, *(pid for pid in every_process() if works_in(pid, place))]

    def signal(self, n: int, number: signal.Signals) -> None:
        """Send every process of a node a signal at once."""
        for pid in self.pids(n):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGKILL:
            self.running[f"p{n}"].wait()

    async def _asked(self, statement: str) -> Any:
        """What the node that takes writes says to a statement; None while none does."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, TimeoutError):
            conn = await connect(dsn=self.url(), timeout=5, database="postgres")
            try:
                return await conn.fetchval(statement)
            finally:
                await conn.close()
        return None

    async def leader(self) -> int:
        """The node that takes writes."""
        port = await until(lambda: self._asked("select inet_server_port()"), SLOW)
        return self.ports.index(port)

    async def whole(self) -> None:
        """Wait until the leader has its two followers, and the lock's keepers know which of them may succeed it."""
        asked = "select inet_server_port() from pg_stat_replication where state = 'streaming' having count(*) = 2"

        async def is_whole() -> bool:
            port = await self._asked(asked)
            return port is not None and "sync_standby" in await self._roles(self.ports.index(port))

        try:
            await until(is_whole, SLOW)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from error

    async def _roles(self, n: int) -> set[str]:
        """The roles that a node of Patroni knows of, as the keepers of the lock have them."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.rest[n]}/cluster") as answer,
            ):
                return {member["role"] for member in (await answer.json(content_type=None))["members"]}
        except aiohttp.ClientError:
            return set()

    def said(self) -> str:
        """The last lines of each node of PostgreSQL."""
        logs = [self.folder / f"p{n}.log" for n in range(NODES)]
        return "\n".join(f"{log.stem}: {log.read_text()[-20_000:]}" for log in logs)


@asynccontextmanager
async def patronis() -> AsyncIterator[Patronis]:
    """A cluster that is whole and migrated, gone without a trace afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    folder.chmod(0o711)
    cluster = Patronis(folder)
    try:
        for n in range(NODES):
            cluster.start_etcd(n)
        for n in range(NODES):
            cluster.start(n)
        await cluster.whole()
        conn = await connect(dsn=cluster.url(), database="postgres")
        await conn.execute(f"create database {DATABASE}")
        await conn.close()
        database = await cluster.open()
        await migrate(database, SQL_CODE)
        await database.close()
        yield cluster
    finally:
        for n in range(NODES):
            if f"p{n}" in cluster.running:
                cluster.signal(n, signal.SIGKILL)
        for process in cluster.running.values():
            process.kill()
            await asyncio.to_thread(process.wait)
        for n in range(NODES):
            await until(lambda n=n: not cluster.pids(n)[1:])
        shutil.rmtree(folder)
