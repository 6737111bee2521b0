"""`oxl` commands as a person runs them: real processes on a data folder of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE


class Running(subprocess.Popen[str]):
    """A command at work. What it says goes to a file, so that it never waits for somebody to read it."""

    def __init__(self, command: list[str], **more: Any) -> None:
        self._said, path = tempfile.mkstemp(prefix="oxl-said-")  # a number: a test that failed leaves it open silently
        os.unlink(path)
        self._told: str | None = None
        super().__init__(command, stdout=self._said, stderr=subprocess.STDOUT, text=True, **more)

    def communicate(self, input: Any = None, timeout: float | None = 2 * PATIENCE) -> tuple[str, str]:  # noqa: A002
        """Wait for its end; all that it said, and nothing."""
        assert input is None
        self.wait(timeout)
        if self._told is None:
            self._told = self.told()
            os.close(self._said)
        return self._told, ""

    def told(self) -> str:
        """What it has said so far."""
        return os.pread(self._said, 1 << 24, 0).decode("utf-8", "replace") if self._told is None else self._told

    def end(self, number: int = signal.SIGTERM) -> str:
        """Send a signal and wait for its end; what it said."""
        self.send_signal(number)
        return self.communicate()[0]


class Cli:
    """`oxl` commands on a data folder of their own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}  # readline may have set it
        self.environment = kept | {"OXL_LINGER": "0.5", "OXL_DATA": str(data)}

    def start(self, *words: str) -> Running:
        return Running([sys.executable, "-m", "oxl.cli", *words], env=self.environment)

    def run(self, *words: str) -> str:
        process = self.start(*words)
        told, _ = process.communicate()
        assert process.returncode == 0, told
        return told

    def kill_server(self) -> None:
        """kill -9 of the supervisor and of every process of PostgreSQL."""
        for pid in found("-f", str(self.data)):
            command = words_of(pid)
            if b"supervisor" in command or b"/postgres" in command:
                for child in found("-P", str(pid)):
                    kill(child)
                kill(pid)


def found(*options: str) -> list[int]:
    """The processes that `pgrep` finds."""
    told = subprocess.run(["pgrep", *options], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in told.split()]


def words_of(pid: int) -> bytes:
    """The command line of a process; nothing when it has gone, at whichever moment."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill(pid: int) -> None:
    """kill -9, of one that may have gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
