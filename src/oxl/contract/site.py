"""The documentation site at /docs: files that were built into the package (`make docs`), served as they are."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

BUILT = Path(str(files("oxl").joinpath("site")))
_KINDS = {
    ".html": "text/html;charset=utf-8", ".css": "text/css;charset=utf-8", ".js": "text/javascript;charset=utf-8",
    ".json": "application/json;charset=utf-8", ".png": "image/png", ".svg": "image/svg+xml",
}  # fmt: skip
_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>(.*?)</script>", re.DOTALL)
_TO_START = (
    '<!doctype html><meta charset="utf-8"><title>OXL</title><meta http-equiv="refresh" content="0; url={start}">\n'
)
_ABSENT = """<!doctype html><meta charset="utf-8"><title>OXL</title>
<p>The documentation has not been built into this installation. <code>make docs</code> builds it of the pages in
<code>docs/</code>.</p>
"""


class SitePage(NamedTuple):
    """A file of the site, or a text in place of one."""

    path: Path | None
    text: str = ""

    @property
    def kind(self) -> str:
        """Its media type."""
        return _KINDS[self.path.suffix] if self.path else _KINDS[".html"]

    def body(self) -> bytes:
        """Its content."""
        return self.path.read_bytes() if self.path else self.text.encode()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What goes with it: a page may load from here alone, and run the scripts that stand in it and no other."""
        scripts = _scripts(self.path) if self.path and self.path.suffix == ".html" else ""
        policy = (
            f"default-src 'none'; script-src 'self'{scripts}; worker-src 'self'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return (("Content-Type", self.kind), ("Content-Security-Policy", policy),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))  # fmt: skip


@cache
def _scripts(path: Path) -> str:
    """The hashes of a page's own scripts, as a policy names them."""
    found = dict.fromkeys(sha256(script).digest() for script in _SCRIPT.findall(path.read_bytes()))
    return "".join(f" 'sha256-{b64encode(digest).decode()}'" for digest in found)


def site(public: str, built: Path = BUILT) -> dict[str, SitePage]:
    """The pages of the site by path. `public` begins hrefs; where no site was built, a page says so."""
    if not (built / "index.html").exists():
        return {"/docs": SitePage(None, _ABSENT)}
    start = f"{urlsplit(public).path}/docs/index.html"
    return {"/docs": SitePage(None, _TO_START.format(start=start))} | dict(_files(built))


def _files(built: Path) -> Iterator[tuple[str, SitePage]]:
    for path in sorted(built.rglob("*")):
        if path.suffix in _KINDS and path.is_file():
            yield f"/docs/{path.relative_to(built).as_posix()}", SitePage(path)
