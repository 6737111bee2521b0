"""Are the locked dependencies free of known holes? Asked by `make check`, of pip-audit, where its data can be reached.

Where it cannot, that is said, and nothing is claimed: one package is asked for first, so that a machine without a way
out waits for seconds and not for every package. What is excepted is in EXCEPTED, with its reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

LOCK = Path(__file__).parents[2] / "requirements-dev.lock"
EXCEPTED: dict[str, str] = {}  # id of a known hole: why it does not concern us
_PROBE_SECONDS, _SECONDS = 20, 180


class Verdict(NamedTuple):
    """What an audit came to. holes: package, version and id of each; unknown: packages that were not found."""

    asked: int
    unknown: int
    holes: tuple[str, ...]


def verdict(told: dict[str, Any]) -> Verdict:
    """What pip-audit's JSON says."""
    packages = told["dependencies"]
    holes = [
        f"{each['name']} {each['version']}: {hole['id']}"
        for each in packages
        for hole in each.get("vulns", ())
        if not {hole["id"], *hole.get("aliases", ())} & set(EXCEPTED)
    ]
    return Verdict(len(packages), sum("skip_reason" in each for each in packages), tuple(holes))


def audit(requirements: str, seconds: float) -> Verdict | None:
    """What pip-audit says of requirements; None where it could not."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        words = [sys.executable, "-m", "pip_audit", "-r", file.name, "--disable-pip", "--require-hashes"]
        words += ["--timeout", "5", "--progress-spinner", "off", "-f", "json"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
            return verdict(json.loads(done.stdout))
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            return None


def told(found: Verdict | None) -> tuple[str, int]:
    """The line to print, and the exit code."""
    if found is None or found.unknown == found.asked:
        return "dependencies: NOT audited, pip-audit cannot reach its data from here", 0
    left = f", {found.unknown} are not known there" if found.unknown else ""
    if found.holes:
        return f"dependencies: {len(found.holes)} known holes{left}\n" + "\n".join(found.holes), 1
    return f"dependencies: {found.asked} audited, no known hole{left}", 0


def main() -> int:
    """Ask for one, then for all."""
    lock = LOCK.read_text("utf-8")
    first = re.split(r"(?<!\\)\n", lock)[0]
    found = audit(first, _PROBE_SECONDS)
    if found is not None and found.unknown < found.asked:
        found = audit(lock, _SECONDS)
    line, code = told(found)
    sys.stdout.write(f"{line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
