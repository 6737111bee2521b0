"""`oxl certify` on OXL, as an operator runs it: what is served is conformant, and its papers are written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oxl.certify.standard import PLACES


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of all APIs by their keys, and under "folder" where the papers are."""
    folder = tmp_path_factory.mktemp("papers")
    words = [sys.executable, "-m", "oxl.cli", "certify", "--company", "Example", "--out", str(folder)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=500, env=dict(os.environ))
    found: dict[str, Any] = {"folder": folder, "told": ran.stdout + ran.stderr}
    for place in PLACES:
        file = folder / f"EXAMPLE-{place.number}RW-v{place.version}-Results.json"
        found[place.key] = json.loads(file.read_text("utf-8")) if file.exists() else None
    return found


@pytest.mark.parametrize("place", PLACES, ids=[place.key for place in PLACES])
def test_what_is_served_is_conformant(papers: dict[str, Any], place: Any) -> None:
    results = papers[place.key]
    assert results is not None, papers["told"]
    assert [each for each in results["results"] if each["outcome"] != "passed"] == []
    assert results["passed"]
    assert results["target"].endswith(place.base)


def test_the_papers_are_whole(papers: dict[str, Any]) -> None:
    folder: Path = papers["folder"]
    for place in PLACES:
        for rest in ("HTMLResults.html", "Dossier.html", "Dossier.md", "Dossier.pdf", "Architecture.svg"):
            assert (folder / f"EXAMPLE-{place.number}RW-v{place.version}-{rest}").stat().st_size > 1000
    assert "ledger" in (folder / "EXAMPLE-TMF654RW-v4.0.0-Architecture.svg").read_text("utf-8")
