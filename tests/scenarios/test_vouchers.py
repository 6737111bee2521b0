"""`oxl voucher`: codes go to standard output alone, are worth what was said, and can be blocked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.scenarios.commands import Cli


def test_codes_are_printed_once_and_blocked_by_batch(folder: Path) -> None:
    cli = Cli(folder / "data")
    made = subprocess.run(
        [sys.executable, "-m", "oxl.cli", "voucher", "generate", "3", "--amount", "10", "--batch", "june"],
        env=cli.environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    codes = made.stdout.split()
    assert len(set(codes)) == 3
    assert all(re.fullmatch(r"([0-9A-Z]{4}-){4}[0-9A-Z]{4}", code) for code in codes)
    assert "worth 10 EUR" in made.stderr
    assert "3 vouchers of batch june are blocked" in cli.run("voucher", "block", "june")
    assert "0 vouchers" in cli.run("voucher", "block", "june")
    process = cli.start("voucher", "generate", "1", "--amount", "0")
    assert "--amount: must be more than nothing" in process.communicate()[0]
    assert process.returncode == 1
