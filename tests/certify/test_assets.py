"""The asset set of each API: whole, true to the contract, and its client code runs."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from double import Double
from double import served as serving

from oxl.apis import APIS
from oxl.certify.documents import read
from oxl.certify.papers.assets import NAMES, Served, assets, folder, overview, profile
from oxl.certify.standard import PLACES, Place, Standard, standard_of
from oxl.contract.openapi import contract

every = pytest.mark.parametrize("place", PLACES, ids=[place.key for place in PLACES])


def of(place: Place) -> Served:
    """An API as OXL serves it."""
    api = next(api for api in APIS if api.base == place.base)
    return Served(Standard(place), contract(api, ""), "1.0")


@every
def test_the_set_is_whole_and_its_page_links_all_of_it(place: Place) -> None:
    made = assets(of(place))
    assert set(made) == {*NAMES, "index.html"}
    assert set(re.findall(r'href="([^"]+)"', made["index.html"])) == set(NAMES)
    for use in place.uses:
        assert use.component in made["index.html"]
    assert read(json.loads(made["openapi.json"])).operations


@every
def test_every_operation_is_in_the_guide_the_profile_and_the_collection(place: Place) -> None:
    served = of(place)
    made = assets(served)
    collection = json.loads(made["postman-collection.json"])
    asked = {
        (each["request"]["method"], each["request"]["url"]["raw"].removeprefix("{{base}}").partition("?")[0])
        for folder_ in collection["item"]
        for each in folder_["item"]
    }
    for method, path, _ in served.operations():
        resource = path.split("/")[1]
        assert (method, f"{place.base}{path}".replace("{id}", f"{{{{{resource}Id}}}}")) in asked
        assert f"`{method} {path}`" in made["conformance-profile.md"]
        assert resource == "hub" or f"`{method} {path}`" in made["user-guide.md"]
    assert collection["info"]["schema"].endswith("v2.1.0/collection.json")


@every
def test_the_profile_tells_what_is_not_served(place: Place) -> None:
    served = of(place)
    official = {key for key in served.standard.contract.operations if not key[1].startswith("/listener/")}
    mine = {(method, path) for method, path, _ in served.operations()}
    for method, path in official:
        row = re.search(rf"^\| `{method} {re.escape(path)}` \|.*$", profile(served), re.MULTILINE)
        assert row is not None
        assert row[0].endswith("| yes |" if (method, path) in mine else "| no |")
    for kind in served.standard.kinds:
        for name in served.standard.flat(kind.schema).attributes:
            assert f"| `{name}` |" in profile(served)


@every
def test_examples_of_bodies_are_json_and_fit_what_the_document_requires(place: Place) -> None:
    served = of(place)
    text = assets(served)["user-guide.md"]
    posted = {kind.name for kind in served.standard.kinds if kind.form}
    told = dict(re.findall(rf"curl -X POST \$BASE{place.base}/(\w+) .* -d '(.+)'$", text, re.MULTILINE))
    served_posts = {path.strip("/") for method, path, _ in served.operations() if method == "POST"}
    assert set(told) == posted & served_posts
    for kind in served.standard.kinds:
        if kind.name in told:
            assert served.standard.flat(kind.form).required <= set(json.loads(told[kind.name]))


@every
async def test_the_sample_client_runs(place: Place, tmp_path: Path) -> None:
    code = assets(of(place))["client.py"]
    ast.parse(code)
    (tmp_path / "client.py").write_text(code, "utf-8")
    double = Double(standard_of(place.key))
    async with serving(double) as url:
        ran = await _run(tmp_path / "client.py", url)
    assert {line.split()[0] for line in ran.splitlines()} == {kind.name for kind in standard_of(place.key).kinds}


async def _run(file: Path, url: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(file), url, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


def test_the_overview_links_the_pages() -> None:
    page = overview({folder(place): place for place in PLACES})
    assert set(re.findall(r'href="([^"]+)"', page)) == {f"{folder(place)}/index.html" for place in PLACES}
