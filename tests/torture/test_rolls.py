"""R14, P8: servers that stop while others serve fail no request; what is killed of `oxl serve` is started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.conftest import BALANCE, NOON
from tests.scenarios.commands import Cli, Running, kill, words_of
from tests.scenarios.serving import below, free_port, until_gone, until_serving
from tests.torture.clients import settle_ground
from tests.torture.installation import until_serving as until_ready
from tests.torture.postgres import postgres
from tests.waiting import until_now

from oxl.clock import system_now

_OLD_ENOUGH = 4.0  # seconds after which the end of a process is not that of one which cannot start


def age(pid: int) -> float:
    """Seconds since a process was started."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def child_of(process: Running, module: bytes) -> int:
    """The process below another one that runs a module; 0 when there is none."""
    return next((pid for pid in below(process.pid) if module in words_of(pid)), 0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's own user can pass through."""
    made = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.torture
def test_the_processes_of_serve_that_are_killed_are_started_again(folder: Path) -> None:
    cli, port = Cli(folder / "data"), free_port()
    cli.run("seed", "conformance")
    serving = cli.start("serve", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    until_serving(url, serving)
    before = {module: child_of(serving, module) for module in (b"oxl.cli.server", b"oxl.cli.worker")}
    until_now(lambda: all(age(pid) > _OLD_ENOUGH for pid in before.values()))
    for pid in before.values():
        kill(pid)
    for module, pid in before.items():
        until_now(lambda module=module, pid=pid: child_of(serving, module) not in (0, pid))
    until_serving(url, serving)
    serving.end()
    until_gone(folder)


class Balancer:
    """Clients who ask whichever server says that it is ready, and what went wrong for them."""

    def __init__(self, sessions: dict[int, aiohttp.ClientSession]) -> None:
        self.sessions = sessions
        self.ready: set[int] = set()
        self.asked = 0
        self.failed: list[str] = []

    async def look(self) -> None:
        """See who is ready, as a load balancer does."""
        while True:
            for port, session in self.sessions.items():
                try:
                    async with session.get("/health/ready", headers={"Connection": "close"}) as answer:
                        is_ready = answer.status == 200
                except (aiohttp.ClientError, OSError):
                    is_ready = False
                (self.ready.add if is_ready else self.ready.discard)(port)
            await asyncio.sleep(0.05)

    async def ask(self, bucket: str) -> None:
        """Top up for ever."""
        while True:
            if not self.ready:
                await asyncio.sleep(0.01)
                continue
            session = self.sessions[sorted(self.ready)[self.asked % len(self.ready)]]
            self.asked += 1
            body = {"amount": {"amount": 0.01, "units": "EUR"}, "bucket": {"id": bucket}}
            try:
                async with session.post(f"{BALANCE}/topupBalance", json=body) as answer:
                    if answer.status != 201:
                        self.failed.append(f"{answer.status} {await answer.text()}")
            except (aiohttp.ClientError, OSError) as error:
                self.failed.append(repr(error))


@pytest.mark.torture
async def test_three_rolls_of_two_servers_fail_no_request(capsys, tmp_path) -> None:
    ports = [free_port(), free_port()]
    async with postgres() as server:
        database = await server.open()
        tenant = await database.tenant("default")
        await tenant.set_clock(NOON - system_now(), None)
        await database.close()
        clis = {port: Cli(tmp_path / str(port)) for port in ports}
        for cli in clis.values():
            cli.environment |= {"OXL_DATABASE_URL": server.url(), "OXL_DRAIN_SECONDS": "1", "OXL_INFLIGHT": "1000"}
        clis[ports[0]].run("seed", "conformance")
        words = {port: ("serve", "--port", str(port), "--no-background") for port in ports}
        serving = {port: clis[port].start(*words[port]) for port in ports}
        sessions = {port: aiohttp.ClientSession(f"http://127.0.0.1:{port}") for port in ports}
        balancer = Balancer(sessions)
        for session in sessions.values():
            await until_ready(session)
        ground = await settle_ground(sessions[ports[0]], 800)
        tasks = [asyncio.create_task(each) for each in (balancer.look(), *map(balancer.ask, ground.mains))]
        took = []
        try:
            for port in ports * 3:
                began, asked = time.monotonic(), balancer.asked
                serving[port].send_signal(signal.SIGTERM)
                told, _ = await asyncio.to_thread(serving[port].communicate)
                assert serving[port].returncode == 0, told
                took.append(time.monotonic() - began)
                assert balancer.asked > asked
                serving[port] = clis[port].start(*words[port])
                await until_ready(sessions[port])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for port in ports:
                serving[port].end()
                await sessions[port].close()
        with capsys.disabled():
            print(f"\n6 stops, {balancer.asked} requests, {len(balancer.failed)} failed; a stop took {max(took):.1f} s")
        assert not balancer.failed, balancer.failed[:5]
