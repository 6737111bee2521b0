"""The documentation site: it builds without a warning, its links lead somewhere, and no page loads from elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.docs.blocks import ROOT
from tests.waiting import PATIENCE

from oxl.contract.site import site

LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class Reader(HTMLParser):
    """What a page loads, where it leads, which places it has, and the scripts that stand in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()
        self.scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places |= {name for name in (given.get("id"), given.get("name")) if name}
        if (
            tag in LOADS
            and (address := given.get(LOADS[tag]))
            and given.get("rel") not in ("canonical", "prev", "next")
        ):
            self.loads.append(address)
        if tag == "a" and (address := given.get("href")):
            self.leads.append(address)
        self._in_script = tag == "script" and "src" not in given and given.get("type") != "application/json"
        if self._in_script:
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built of the pages as they are."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    ran = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=3 * PATIENCE,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder / "src" / "oxl" / "site"


@pytest.fixture(scope="module")
def read(built: Path) -> dict[str, Reader]:
    """The pages of the site by their place in it."""
    found = {}
    for path in built.rglob("*.html"):
        if path.name != "404.html":
            found[path.relative_to(built).as_posix()] = reader = Reader()
            reader.feed(path.read_text("utf-8"))
    return found


def _target(page: str, address: str) -> tuple[str, str]:
    """The file and the place in it that a relative address means."""
    parts = urlsplit(address)
    steps = page.split("/")[:-1]
    for step in filter(None, unquote(parts.path).split("/")):
        steps = steps[:-1] if step == ".." else steps if step == "." else [*steps, step]
    return ("/".join(steps) if parts.path else page), unquote(parts.fragment)


def test_nothing_is_loaded_from_elsewhere(built: Path, read: dict[str, Reader]) -> None:
    assert len(read) > 50
    for page, reader in read.items():
        for address in reader.loads:
            assert not urlsplit(address).netloc, f"{page} loads {address}"
            assert (built / _target(page, address)[0]).is_file(), f"{page} loads {address}, which is not there"


def test_every_link_leads_to_a_page_and_a_place_that_are_there(read: dict[str, Reader]) -> None:
    for page, reader in read.items():
        for address in reader.leads:
            if urlsplit(address).scheme:
                continue
            file, place = _target(page, address)
            file = file if file.endswith(".html") else f"{file}/index.html".lstrip("/")
            assert file in read, f"{page} leads to {address}"
            assert not place or place in read[file].places, f"{page} leads to {address}"


def test_every_page_is_in_the_menu_and_every_entry_is_a_page() -> None:
    def files(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [file for each in (entry.values() if isinstance(entry, dict) else entry) for file in files(each)]

    menu = files(tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"])
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(menu) == sorted(there)


def test_pages_are_served_with_a_policy_that_lets_their_own_scripts_run(built: Path, read: dict[str, Reader]) -> None:
    pages = site("https://api.example/oxl", built)
    assert b"url=/oxl/docs/index.html" in pages["/docs"].body()
    assert {path.removeprefix("/docs/") for path in pages if path.endswith(".html")} == {*read, "404.html"}
    for page, reader in read.items():
        policy = dict(pages[f"/docs/{page}"].headers)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        for script in reader.scripts:
            assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert pages["/docs/search.json"].body()


def test_where_no_site_was_built_a_page_says_so(tmp_path: Path) -> None:
    assert b"make docs" in site("", tmp_path)["/docs"].body()
