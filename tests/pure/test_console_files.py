"""The console's files: small, without markup made of text or styles that the policy refuses; and how they are sent."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from oxl.console.serving import Console

ROOT = Path(__file__).parents[2]
FOLDER = Path(str(files("oxl.console").joinpath("static")))
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_read_whole_and_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 300
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b|new Function", text)
    assert not re.search(r"\bon\w+=\"|<[^>]+ style=\"|style:\s*[\"'`][^\"'`]*:", text), "refused by the policy"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_what_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    for names, target in re.findall(r"^import \{([^}]*)\} from \"([^\"]+)\"", text, re.MULTILINE):
        theirs = (path.parent / target).read_text("utf-8")
        for name in filter(None, (each.strip() for each in names.split(","))):
            assert re.search(rf"^export (async )?(function|const|class) {name}\b", theirs, re.MULTILINE), (target, name)
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is not used"


@pytest.mark.parametrize("page", ["README.md", "docs/pictures/README.md"])
def test_pictures_are_there_and_small(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    pictures = re.findall(r"<img src=\"([^\"]+)\" alt=\"[^\"]+\"", text)
    assert pictures
    for each in pictures:
        assert 0 < ((ROOT / page).parent / each).stat().st_size < 200_000


async def _else(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"else"})


def client(prefix: str = "") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Console(_else, prefix)), base_url="http://oxl.example")


@pytest.mark.parametrize("prefix", ["", "/edge"])
async def test_the_page_and_what_it_is_made_of(prefix: str) -> None:
    async with client(prefix) as http:
        page = await http.get("/", headers={"accept": "text/html,*/*", "accept-encoding": "gzip"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html;charset=utf-8")
        assert page.headers["cache-control"] == "no-cache"
        policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
        assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
        assert f'<base href="{prefix}/">' in page.text
        assets = re.findall(r"(?:src|href)=\"([^\"#]+/console/[^\"]+|/console/[^\"]+)\"", page.text)
        assert len(assets) == 5
        for asset in assets:
            assert asset.startswith(f"{prefix}/console/")
            plain = await http.get(asset.removeprefix(prefix), headers={"accept-encoding": "identity"})
            packed = await http.get(asset.removeprefix(prefix), headers={"accept-encoding": "gzip"})
            assert plain.content == packed.content
            assert "content-encoding" not in plain.headers
            assert packed.headers["content-encoding"] == "gzip"
            assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, mtime=0))
            assert "immutable" in plain.headers["cache-control"]
            same = await http.get(asset.removeprefix(prefix), headers={"if-none-match": plain.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")


async def test_another_version_is_asked_for_again_and_everything_else_is_handed_on() -> None:
    async with client() as http:
        older = await http.get("/console/0123456789abcdef/main.js")
        assert (older.status_code, older.headers["cache-control"]) == (200, "no-cache")
        head = await http.head("/console/0123456789abcdef/main.js")
        assert (head.content, head.headers["etag"]) == (b"", older.headers["etag"])
        for path in ("/console/", "/console/x/none.js", "/console/x/../../serving.py", "/console", "/oxl/v1"):
            assert (await http.get(path)).status_code == 418
        assert (await http.get("/", headers={"accept": "application/json"})).status_code == 418
        assert (await http.post("/", headers={"accept": "text/html"})).status_code == 418
