"""`oxl serve` for scenarios: a port that nobody else takes, waiting for it and for its end, and kills on its way."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from tests.conftest import OPERATOR
from tests.scenarios.commands import Cli, Running, found, kill, words_of
from tests.waiting import PATIENCE, until, until_now

# Below those that the kernel gives to whoever asks for any, such as every client for its own end.
_PORTS = range(10_000, 30_000)
_places = itertools.count(os.getpid() * 61)
_held: list[int] = []


def free_port() -> int:
    """A port that is free, and that no other test process is given while this one lives."""
    for place in itertools.islice(_places, len(_PORTS)):
        port = _PORTS[place % len(_PORTS)]
        lock = os.open(Path(tempfile.gettempdir(), f"oxl-test-port-{port}.lock"), os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _held.append(lock)
        return port
    raise AssertionError("no port is free")


def until_serving(url: str, process: Running, path: str = f"{OPERATOR}/product?limit=1") -> None:
    """Wait until a server answers."""

    with httpx.Client(timeout=PATIENCE) as http:

        def answers() -> bool:
            assert process.poll() is None, process.told()
            try:
                return http.get(f"{url}{path}").status_code < 300
            except httpx.TransportError:
                return False

        until_now(answers, 2 * PATIENCE)


def running(data: Path) -> list[str]:
    """The processes that name the data folder in their command line."""
    told = subprocess.run(["pgrep", "-af", str(data)], capture_output=True, text=True, check=False).stdout
    return told.splitlines()


def until_gone(data: Path) -> None:
    """Wait until nothing runs on a data folder any more."""
    until_now(lambda: not running(data), 2 * PATIENCE)


async def until_answered(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], key: str | None = None
) -> httpx.Response:
    """The answer of the server, however often it has to be asked; 503 and a lost connection say nothing."""

    async def answer() -> httpx.Response | None:
        try:
            told = await client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})
        except httpx.TransportError:
            return None
        return None if told.status_code == 503 else told

    found = await until(answer, 3 * PATIENCE)
    assert found is not None
    return found


class Served:
    """`oxl serve` with two workers on a data folder of its own, to be killed and started again."""

    def __init__(self, data: Path) -> None:
        self.cli = Cli(data)
        self.cli.run("seed", "conformance")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Serve, and wait until it does."""
        self.process = self.cli.start("serve", "--port", str(self.port), "--workers", "2", "--no-background")
        until_serving(self.url, self.process)

    def kill(self) -> None:
        """kill -9 of the server and of its workers; the database stays."""
        for pid in [self.process.pid, *below(self.process.pid)]:
            words = words_of(pid)
            if words and b"supervisor" not in words and b"/postgres" not in words:
                kill(pid)
        self.process.communicate()

    def stop(self) -> None:
        """Stop it as an operator does, and wait until nothing of it is left."""
        self.process.end()
        until_gone(self.cli.data)


def below(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    return [each for child in found("-P", str(pid)) for each in (child, *below(child))]


@contextmanager
def serving() -> Iterator[Served]:
    """A server on a folder of its own, which goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    folder.chmod(0o711)  # the database runs as another user when we are root
    try:
        server = Served(folder / "data")
        try:
            yield server
        finally:
            with suppress(subprocess.TimeoutExpired):
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
