"""Runs the blocks of a page, one after the other: commands in one shell, Python in one namespace."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from tests.docs.blocks import RUN, Block, agrees
from tests.waiting import PATIENCE

HERE = re.compile(r"127\.0\.0\.1:8080")
_END = "\x1e"


class PageError(AssertionError):
    """A block that does not do what its page says."""


class Shell:
    """A shell that stays for all blocks of a page; it ends with the first command that fails."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "-euo", "pipefail"], cwd=folder, env=os.environ | environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, text: str, seconds: float = 3 * PATIENCE) -> tuple[bool, str]:
        """Whether all commands of a block succeeded, and what they told."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{text}\nprintf '{_END}'\n".encode())
        self._bash.stdin.flush()
        told, end = b"", time.monotonic() + seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._bash.stdout, selectors.EVENT_READ)
            while not told.endswith(_END.encode()):
                if not waiting.select(end - time.monotonic()):
                    return False, f"{told.decode()}\n(no end after {seconds} s)"
                part = os.read(self._bash.stdout.fileno(), 65_536)
                if not part:
                    return False, told.decode()
                told += part
        return True, told.decode().removesuffix(_END)

    def close(self) -> None:
        """End it."""
        self._bash.kill()
        self._bash.communicate()


def run_page(found: list[Block], folder: Path, environment: Mapping[str, str], address: str) -> int:
    """Run a page; PageError names the block that fails, or tells something else than is shown. How many were run."""
    shell = Shell(folder, environment)
    names: dict[str, Any] = {"__name__": "page"}
    count = 0
    try:
        for block in found:
            if block.why or block.language not in RUN:
                continue
            text = HERE.sub(address, block.text)
            good, told = shell.run(text) if block.language == "bash" else _python(text, names, folder, block)
            told = told.replace(address, "127.0.0.1:8080")
            if not good:
                raise PageError(f"{block.place} failed:\n{block.text}\ntold:\n{told}")
            if block.shown and (why := agrees(told, block.shown)):
                raise PageError(f"{block.shown.place}: {why}")
            count += 1
    finally:
        shell.close()
    return count


def _python(text: str, names: dict[str, Any], folder: Path, block: Block) -> tuple[bool, str]:
    """The Python of a page, in this process: it has nothing that others could not do with what is installed."""
    told, before = StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with redirect_stdout(told):
            exec(compile(text, block.place, "exec", dont_inherit=True), names)  # noqa: S102 – the pages' own code
    except Exception as error:  # noqa: BLE001 – whatever it is, the page is wrong
        return False, f"{told.getvalue()}\n{type(error).__name__}: {error}"
    finally:
        os.chdir(before)
    return True, told.getvalue()
