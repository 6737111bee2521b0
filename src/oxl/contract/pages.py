"""What is published beside the resources: the contract of each API, its home document, its documentation page, and the
list of APIs. Every byte of a page is served from here; the browser is told to load nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from oxl.contract.openapi import contract
from oxl.kernel.declare import Api

_JSON = "application/json;charset=utf-8"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_ASSETS = {
    "swagger-ui.css": "text/css;charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript;charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_START = """window.ui = SwaggerUIBundle({
  url: %s, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, queryConfigEnabled: false,
});
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="{docs}/swagger-ui.css">
<link rel="icon" type="image/png" href="{docs}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{docs}/swagger-ui-bundle.js"></script>
<script src="{docs}/start.js"></script>
</body>
</html>
"""


class Page(NamedTuple):
    """Something that is served as it is; its body is made when it is asked for."""

    kind: str
    make: Callable[[], bytes]

    def body(self) -> bytes:
        """Its content."""
        return self.make()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What goes with it."""
        return (("Content-Type", self.kind), *(() if self.kind == _JSON else _SAFE))


def documents(apis: Sequence[Api], public: str) -> dict[str, dict[str, Any]]:
    """The published documents by base path."""
    return {api.base: contract(api, public) for api in apis}


def pages(apis: Sequence[Api], contracts: Mapping[str, Mapping[str, Any]], public: str) -> dict[str, Page]:
    """The pages by path, without a trailing slash. `contracts` are the published documents by base path."""
    found = {"": _json([_head(api, public) for api in apis])}
    for api in apis:
        local = f"{urlsplit(public).path}{api.base}"  # the page's own host, under whatever name it was asked for
        docs = f"{local}/docs"
        found[api.base] = _json(_head(api, public, contracts[api.base]["paths"]))
        found[f"{api.base}/openapi.json"] = _json(contracts[api.base])
        found[f"{api.base}/docs"] = _text("text/html;charset=utf-8", _PAGE.format(title=escape(api.title), docs=docs))
        start = _START % msgspec.json.encode(f"{local}/openapi.json").decode()
        found[f"{api.base}/docs/start.js"] = _text("text/javascript;charset=utf-8", start)
        for name, kind in _ASSETS.items():
            found[f"{api.base}/docs/{name}"] = Page(kind, lambda name=name: _asset(name))
    return found


def _json(value: Any) -> Page:
    body = msgspec.json.encode(value)
    return Page(_JSON, lambda: body)


def _text(kind: str, text: str) -> Page:
    return Page(kind, text.encode)


@cache
def _asset(name: str) -> bytes:
    vendor = files("swagger_ui_bundle").joinpath("vendor")
    (release,) = (folder for folder in vendor.iterdir() if folder.name.startswith("swagger-ui-"))
    return release.joinpath(name).read_bytes()


def _head(api: Api, public: str, paths: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an API is and where it is; with its paths, also what may be asked of it."""
    base = f"{public}{api.base}"
    links: dict[str, Any] = {
        "self": {"href": base},
        "openapi": {"href": f"{base}/openapi.json", "type": "application/json"},
        "docs": {"href": f"{base}/docs", "type": "text/html"},
    }
    for path, methods in (paths or {}).items():
        if path.startswith("/listener/"):
            continue  # what listeners serve
        for method, operation in methods.items():
            templated = {"templated": True} if "{" in path else {}
            links[operation["operationId"]] = {"href": f"{base}{path}", "method": method.upper()} | templated
    about = {"id": api.number or api.name, "name": api.title, "version": api.version, "description": api.description}
    return about | {"href": base, "_links": links}
