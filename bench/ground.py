"""What every bench stands on: a server with its own database, the machine's figures, pgbench on the same database."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from oxl.apis.operator.api import OPERATOR
from oxl.app import SQL_CODE
from oxl.cli.bulk import keyed, post_all
from oxl.cli.seed import publish_catalog
from oxl.db.database import Database, Tenant
from oxl.db.embedded import find_binaries
from oxl.db.migrate import migrate
from oxl.db.reach import role_password
from oxl.demo.population import subscribers, without_topups
from oxl.engines.ledger import grants, ledger, proof
from oxl.kernel.background import once
from oxl.settings import Settings


class Ground(NamedTuple):
    """A running server, its tenant seen from here, and where it listens."""

    database: Database
    tenant: Tenant
    port: int
    server: subprocess.Popen[bytes]
    environment: dict[str, str]


@asynccontextmanager
async def ground(workers: int = 1, background: bool = True) -> AsyncIterator[Ground]:
    """A fresh database under the temporary folder and `oxl serve` on it; everything goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-bench-"))
    folder.chmod(0o711)
    os.environ |= {"OXL_LINGER": "1", "OXL_PG_SHARED_BUFFERS": "1GB", "OXL_PG_MAX_WAL_SIZE": "4GB"}
    database = await Database.open(Settings(data=folder / "data", connections=8))
    await migrate(database, SQL_CODE)
    tenant = await database.tenant("default")
    await publish_catalog(tenant)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "oxl.cli", "serve", "--data", str(folder / "data"), "--port", str(port)]
    command += [] if background else ["--no-background"]
    server = subprocess.Popen([*command, "--workers", str(workers)], stdout=subprocess.DEVNULL)
    await _until_serving(port)
    try:
        yield Ground(database, tenant, port, server, await _pg_environment(database))
    finally:
        server.terminate()
        server.wait()
        postmaster = database.lease.pid if database.lease else 0
        await database.close()
        while Path(f"/proc/{postmaster}").exists():
            await asyncio.sleep(0.05)
        shutil.rmtree(folder)


async def _until_serving(port: int) -> None:
    async with httpx.AsyncClient() as http:
        while True:
            try:
                await http.get(f"http://127.0.0.1:{port}/oxl/v1/product?limit=1")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def _pg_environment(database: Database) -> dict[str, str]:
    """The environment in which PostgreSQL's programs reach the tenant as its own role."""
    async with database.owner() as conn:
        secret = str(await conn.fetchval("select secret from oxl.install"))
    lease = database.lease
    if lease is None:
        raise SystemExit("the benches run on the embedded database")
    return {
        "PGHOST": lease.host,
        "PGPORT": str(lease.port),
        "PGUSER": "oxl_default",
        "PGPASSWORD": role_password(secret, "oxl_default"),
        "PGDATABASE": lease.database,
        "PGOPTIONS": f"-c search_path={(await database.tenant('default')).path} -c jit=off",
    }


def pgbench(place: Ground, script: str, clients: int, seconds: float, **variables: int) -> float:
    """Transactions a second of a pgbench script."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        words = [find_binaries().bin / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2"]
        words += ["-T", str(round(seconds)), "-f", file.name]
        words += [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
        told = subprocess.run(words, env=os.environ | place.environment, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", told.stdout)
    if not found:
        raise SystemExit(told.stdout + told.stderr)
    return float(found[1])


async def load(
    port: int, lines: Sequence[str], clients: int, seconds: float, rate: float = 0, core: int | None = None
) -> dict[str, Any]:
    """What `bench.load`, a process of its own and on that core if one is named, tells of the requests, and their rate.

    rate: so many a second whatever is answered; 0: as fast as the clients are answered.
    """
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    words = [*pinned, sys.executable, "-m", "bench.load", str(port), str(clients), str(seconds)]
    running = await asyncio.create_subprocess_exec(
        *words, *([str(rate)] if rate else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    told, _ = await running.communicate("\n".join(lines).encode())
    found = json.loads(told)
    return found | {"rate": found["requests"] / found["seconds"]}


async def http_load(
    place: Ground, lines: Sequence[str], clients: int, seconds: float, rate: float = 0
) -> dict[str, Any]:
    """The same of a ground's server, with its CPU milliseconds for each request."""
    before = cpu_seconds(place)
    found = await load(place.port, lines, clients, seconds, rate)
    return found | {"cpu": (cpu_seconds(place) - before) / found["requests"] * 1000}


async def settled(place: Ground, count: int) -> list[dict[str, Any]]:
    """So many subscribers of the demo's kind, provisioned without their top-ups; their bodies."""
    people = list(subscribers(count, place.tenant.clock.now(), 7))
    await post_all(place.tenant, OPERATOR, "subscriber", keyed(map(without_topups, people), "bench"))
    return people


async def money_buckets(place: Ground, count: int) -> list[str]:
    """So many accounts with a main bucket of EUR 1,000 each; the buckets in order of account `bench-<n>`."""
    for start in range(0, count, 2000):
        accounts = [(f"bench-{n:07d}", "EUR", place.tenant.clock.now()) for n in range(start, min(start + 2000, count))]
        await once(place.tenant, lambda work, accounts=accounts: grants.open_main(work, accounts))
    async with place.tenant.connection() as conn:
        ids = [row["id"] for row in await conn.fetch("select id from bucket order by account_id")]
    for start in range(0, count, 2000):
        moves = [
            ledger.Move("topup", bucket, "EUR", 10**9, "topup_clearing", "{}") for bucket in ids[start : start + 2000]
        ]
        await once(place.tenant, lambda work, moves=moves: ledger.move(work, moves))
    return ids


async def proven(place: Ground) -> str:
    """One line on the ledger's proof; the run fails when an invariant does not hold."""
    async with place.tenant.connection() as conn:
        began = time.perf_counter()
        lines = await proof.prove(conn)
        took = time.perf_counter() - began
    if faults := proof.faults_of(lines):
        raise SystemExit("\n".join(faults))
    counted = {line.of: line.checked for line in lines}
    seen = f"{counted['bucket']:,} buckets, {counted['transfer']:,} transfers"
    return f"ledger: {len(lines)} invariants hold over {seen} ({took:.1f} s)"


def fdatasync_micros(folder: str | None = None) -> float:
    """The median latency of an fdatasync of 8 kB on the disk of the temporary folder."""
    with tempfile.TemporaryFile(dir=folder) as file:
        taken = []
        for _ in range(200):
            file.write(b"x" * 8192)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return sorted(taken)[100] * 1e6


def memory(root: int) -> int:
    """Kilobytes that a process and its descendants hold."""
    lines = [line for text in _family(root, "status") for line in text.splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def cpu_seconds(place: Ground) -> float:
    """CPU seconds that the server's processes have used so far, without the database's."""
    return _family_seconds(place.server.pid)


def database_seconds(data: Path) -> float:
    """CPU seconds that the database in a data folder has used so far, its processes that have ended included."""
    (found,) = data.glob("pg-*/postmaster.pid")
    pid = int(found.read_text().split()[0])
    own = next(_family(pid, "stat"))
    return _seconds(own, 13) + _family_seconds(pid)


def _family_seconds(root: int) -> float:
    return sum(_seconds(stat, 11) for stat in _family(root, "stat"))


def _seconds(stat: str, place: int) -> float:
    """The CPU seconds, user's and system's, that stand from a place on behind the name of a process."""
    ticks = stat.rpartition(")")[2].split()[place : place + 2]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _family(root: int, file: str) -> Iterator[str]:
    """What that file of /proc says of a process and of each of its descendants."""
    pids = [root]
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            yield Path(f"/proc/{pid}/{file}").read_text()


def machine() -> str:
    """One line on the machine, to stand beside figures."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"fdatasync {fdatasync_micros():.0f} µs, load {load:.1f}"
    )
