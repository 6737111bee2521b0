"""`oxl` commands as a person runs them: real processes on a data folder of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path


class Cli:
    """`oxl` commands on a data folder of their own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.environment = os.environ | {"OXL_LINGER": "0.5", "OXL_DATA": str(data)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "oxl.cli", *words],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        process = self.start(*words)
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
        return told

    def kill_server(self) -> None:
        """kill -9 of the supervisor and of every process of PostgreSQL."""
        found = subprocess.run(["pgrep", "-f", str(self.data)], capture_output=True, text=True, check=False).stdout
        for pid in map(int, found.split()):
            command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path(f"/proc/{pid}").exists() else b""
            if b"supervisor" in command or b"/postgres" in command:
                for child in subprocess.run(
                    ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
                ).stdout.split():
                    _kill(int(child))
                _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
