"""Serves the console: one page at the root for browsers, and below /console/ what it is made of. ASGI.

Everything comes from here and the browser is told so. Files are packed once, when a process starts; their addresses
carry a digest of all of them, so that a browser keeps them for as long as it likes and never mixes two versions.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self' blob:; object-src 'self' blob:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_BASE = "/console/"
_FOR_EVER, _ASK_AGAIN = b"public, max-age=31536000, immutable", b"no-cache"
Send = Callable[[Any], Awaitable[None]]


class File(NamedTuple):
    """A file as it is sent: plain, packed, with its media type and entity tag."""

    plain: bytes
    packed: bytes
    kind: str
    tag: str


def _file(content: bytes, kind: str) -> File:
    tag = hashlib.sha256(content).hexdigest()[:32]
    return File(content, gzip.compress(content, mtime=0), f"{kind};charset=utf-8", f'"{tag}"')


def _read(folder: Any, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in folder.iterdir():
        if each.is_dir():
            found |= _read(each, f"{prefix}{each.name}/")
        else:
            found[prefix + each.name] = each.read_bytes()
    return found


class Console:
    """The console in front of the application that answers everything else. prefix: of all paths, from outside."""

    def __init__(self, app: Any, prefix: str = "") -> None:
        self._app = app
        found = _read(files("oxl.console").joinpath("static"))
        page = found.pop("index.html").decode()
        digest = hashlib.sha256(b"".join(name.encode() + found[name] for name in sorted(found))).hexdigest()[:16]
        self._digest = digest
        self._files = {name: _file(content, _KINDS[name.rpartition(".")[2]]) for name, content in found.items()}
        assets = f"{escape(prefix)}{_BASE}{digest}"
        self._page = _file(page.replace("{assets}", assets).replace("{base}", escape(prefix)).encode(), "text/html")

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Send) -> None:
        """One HTTP request (ASGI)."""
        path, headers = scope["path"], dict(scope["headers"])
        if scope["method"] in ("GET", "HEAD"):
            if path in ("", "/") and b"text/html" in headers.get(b"accept", b""):
                return await _send(scope, headers, send, self._page, _ASK_AGAIN)
            digest, _, name = path.removeprefix(_BASE).partition("/")
            if path.startswith(_BASE) and name in self._files:
                known = digest == self._digest
                return await _send(scope, headers, send, self._files[name], _FOR_EVER if known else _ASK_AGAIN)
        await self._app(scope, receive, send)


async def _send(scope: Mapping[str, Any], headers: Mapping[bytes, bytes], send: Send, file: File, cache: bytes) -> None:
    packed = b"gzip" in headers.get(b"accept-encoding", b"")
    tag = file.tag.encode()
    told = [(b"etag", tag), (b"cache-control", cache), (b"vary", b"accept, accept-encoding"), *_SAFE]
    if tag in headers.get(b"if-none-match", b""):
        await send({"type": "http.response.start", "status": 304, "headers": told})
        return await send({"type": "http.response.body", "body": b""})
    body = file.packed if packed else file.plain
    told += [(b"content-type", file.kind.encode()), (b"content-length", str(len(body)).encode())]
    told += [(b"content-encoding", b"gzip")] if packed else []
    await send({"type": "http.response.start", "status": 200, "headers": told})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
