"""`oxl sandbox`: a tenant is marked, its clock moved, things fail on purpose, and a reset is asked for."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.commands import Cli


def test_a_sandbox_on_the_command_line(folder: Path) -> None:
    cli = Cli(folder / "data")
    assert "is a sandbox" in cli.run("sandbox", "mark")
    assert "the sandbox's now is" in cli.run("sandbox", "clock")
    assert "done" in cli.run("sandbox", "faults", "--errors", "0.2", "--duplicates", "0.5")
    shown = cli.run("sandbox", "show")
    assert "marked as a sandbox" in shown
    assert "errorShare 0.2" in shown
    assert "a worker does it now" in cli.run("sandbox", "reset", "--yes", "--subscribers", "10", "--records", "0")
    refused = cli.start("sandbox", "clock", "--until", "2001-01-01T00:00:00Z")
    told, _ = refused.communicate()
    assert refused.returncode == 1
    assert "its clock only goes on" in " ".join(told.split())
