"""The asset set of an API, made from the contract that is served: what a partner is handed besides the address.

A contract, a user guide, a conformance profile, a Postman collection, a client in code, a history of versions, and one
page that links them and names the ODA components that expose or use the API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from oxl.certify import bodies
from oxl.certify.documents import Contract, Json, flat, name_of, plain, read
from oxl.certify.papers.client import client
from oxl.certify.papers.page import page, rows, table
from oxl.certify.standard import PLACES, Kind, Place, Standard

_POSTMAN = "/".join(("https:", "", "schema.getpostman.com", "json", "collection", "v2.1.0", "collection.json"))
_ASKING = """Any attribute filters a list: `?status=active`, `?creationDate.gt=2026-01-01`. `fields`, `offset`,
`limit` and `sort` select, page and order. Errors are documents with `code`, `reason` and `message`."""
NAMES = {  # file → what it is
    "openapi.json": "Contract (OpenAPI)",
    "user-guide.md": "User guide",
    "conformance-profile.md": "Conformance profile",
    "postman-collection.json": "Postman collection",
    "client.py": "Sample client code (Python)",
    "version-history.md": "Version history",
}


class Served(NamedTuple):
    """An API as it is served: its place in the standard, and the contract that is published of it."""

    standard: Standard
    document: Json
    release: str

    @property
    def contract(self) -> Contract:
        """The published contract."""
        return read(self.document)

    def operations(self) -> Iterator[tuple[str, str, Any]]:
        """(method, path, operation) of all that clients ask."""
        for (method, path), operation in self.contract.operations.items():
            if not path.startswith("/listener/"):
                yield method, path, operation

    def example(self, kind: Kind) -> Json:
        """The least body that creates one."""
        return bodies.least(self.standard, kind) if kind.form else {}


def folder(place: Place) -> str:
    """What the folder of an API's assets is called."""
    return f"{place.number}-v{place.version}"


def assets(served: Served) -> dict[str, str]:
    """The files of an API's set by name, `index.html` among them."""
    return {
        "openapi.json": json.dumps(served.document, indent=1, ensure_ascii=False) + "\n",
        "user-guide.md": guide(served),
        "conformance-profile.md": profile(served),
        "postman-collection.json": json.dumps(postman(served), indent=1, ensure_ascii=False) + "\n",
        "client.py": client(
            served.standard.place,
            [each[:2] for each in served.operations()],
            [kind.name for kind in served.standard.kinds],
        ),
        "version-history.md": history(served),
        "index.html": index(served),
    }


def _title(place: Place) -> str:
    return f"{place.number} {place.title} v{place.version}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)]


def _kind_of(contract: Contract, schema: Json) -> str:
    """What an attribute is, as a reader would say it."""
    meant = plain(schema)
    if isinstance(meant, str):
        inner = contract.schemas[meant.removeprefix("→ ")]
        return " \\| ".join(inner["enum"]) if "enum" in inner else meant.removeprefix("→ ")
    if isinstance(meant, list):
        return f"list of {_kind_of(contract, schema['items'])}"
    return " \\| ".join(meant["enum"]) if "enum" in meant else meant.get("format") or meant.get("type", "any")


def guide(served: Served) -> str:
    """The user guide: where the API is, and of each resource what may be asked and what it holds."""
    place, contract = served.standard.place, served.contract
    found = [f"# {_title(place)}: user guide", "", place.about, "", f"Base path: `{place.base}`", ""]
    found += [_ASKING, ""]
    for kind in served.standard.kinds:
        found += [f"## {kind.name}", ""]
        asked = [(m, p, o) for m, p, o in served.operations() if p.split("/")[1] == kind.name]
        found += _table(("Operation", "What it does"), [[f"`{m} {p}`", o.summary or o.id] for m, p, o in asked])
        found += ["", "An example:", "", "```"]
        if kind.form and ("POST", f"/{kind.name}") in contract.operations:
            body = json.dumps(served.example(kind), ensure_ascii=False)
            found.append(f"curl -X POST $BASE{place.base}/{kind.name} -H 'Content-Type: application/json' -d '{body}'")
        found += [f"curl '$BASE{place.base}/{kind.name}?limit=10'", "```", ""]
        known = served.standard.flat(kind.schema).attributes
        found += _table(
            ("Attribute", "Kind", ""),
            [
                [f"`{name}`", _kind_of(served.standard.contract, schema), "mandatory" if name in kind.mandatory else ""]
                for name, schema in known.items()
            ],
        )
        own = [name for name in _attributes(contract, kind) if name not in known]
        found += ["", f"Besides, this product tells: {', '.join(f'`{name}`' for name in own)}.", ""] if own else [""]
        if kind.events:
            found += [f"Events: {', '.join(f'`{event}`' for event in kind.events)}. Subscribe with `POST /hub`.", ""]
    known_resources = {kind.name for kind in served.standard.kinds} | {"hub"}
    own = [(m, p, o) for m, p, o in served.operations() if p.split("/")[1] not in known_resources]
    if own:
        found += ["## Besides the standard", ""]
        found += [*_table(("Operation", "What it does"), [[f"`{m} {p}`", o.summary or o.id] for m, p, o in own]), ""]
    return "\n".join(found)


def _attributes(contract: Contract, kind: Kind) -> dict[str, Json]:
    operation = contract.operations["GET", f"/{kind.name}/{{id}}"]
    return flat(contract, name_of(operation.responses["200"]["schema"])).attributes


def profile(served: Served) -> str:
    """The conformance profile: operations and attributes, mandatory by the document or optional."""
    place, official = served.standard.place, served.standard.contract.operations
    served_keys = {(method, path) for method, path, _ in served.operations()}
    found = [f"# {_title(place)}: conformance profile", "", "## Operations", ""]
    lines = [[f"`{m} {p}`", "mandatory", "yes" if (m, p) in served_keys else "no"]
             for m, p in official if not p.startswith("/listener/")]  # fmt: skip
    lines += [[f"`{m} {p}`", "optional (of this product)", "yes"] for m, p in served_keys if (m, p) not in official]
    found += [*_table(("Operation", "By the document", "Served"), lines), ""]
    for kind in served.standard.kinds:
        known = _attributes(served.contract, kind)
        theirs = served.standard.flat(kind.schema).attributes
        found += [f"## Attributes of {kind.name}", ""]
        required = set(served.standard.flat(kind.form).required) if kind.form else set()
        lines = [
            [f"`{name}`", "mandatory" if name in kind.mandatory else "optional",
             "mandatory" if name in required else "" if not kind.form else "optional",
             "yes" if name in known else "no"]
            for name in theirs
        ]  # fmt: skip
        lines += [[f"`{name}`", "optional (of this product)", "", "yes"] for name in known if name not in theirs]
        found += [*_table(("Attribute", "In answers", "In POST", "Served"), lines), ""]
        if kind.events:
            found += [*_table(("Event", ""), [[f"`{event}`", "mandatory"] for event in kind.events]), ""]
    return "\n".join(found)


def postman(served: Served) -> Json:
    """A Postman collection (format 2.1) with a request for every operation, and a test of its status."""
    place = served.standard.place
    kinds = {kind.name: kind for kind in served.standard.kinds}
    folders: dict[str, list[Json]] = {}
    for method, path, operation in served.operations():
        resource = path.split("/")[1]
        address = f"{place.base}{path}".replace("{id}", f"{{{{{resource}Id}}}}")
        url = {
            "raw": f"{{{{base}}}}{address}",
            "host": ["{{base}}"],
            "path": [part for part in address.split("/") if part],
        }
        header = [{"key": "Accept", "value": "application/json"}]
        request: Json = {"method": method, "header": header, "url": url}
        if method in ("POST", "PATCH") and "application/json" in operation.bodies:
            body = served.example(kinds[resource]) if resource in kinds and method == "POST" else {}
            if resource == "hub":
                body = {"@type": "Hub", "callback": "{{callback}}"}
            header.append({"key": "Content-Type", "value": "application/json"})
            request["body"] = {"mode": "raw", "raw": json.dumps(body, indent=1, ensure_ascii=False)}
        expected = sorted(int(status) for status in operation.responses if status.isdigit() and status < "300")
        script = [f"pm.test('{operation.id}', () => pm.expect(pm.response.code).to.be.oneOf({expected}));"]
        if method == "POST" and path == f"/{resource}":
            script.append(f"pm.environment.set('{resource}Id', (pm.response.json() || {{}}).id);")
        event = [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}]
        folders.setdefault(resource, []).append({"name": operation.id, "request": request, "event": event})
    return {
        "info": {
            "name": _title(place),
            "description": place.about,
            "schema": _POSTMAN,
        },
        "item": [{"name": name, "item": requests} for name, requests in folders.items()],
        "variable": [
            {"key": "base", "value": "http://127.0.0.1:8080"},
            {"key": "callback", "value": "http://127.0.0.1:9000/listener"},
        ],
    }


def history(served: Served) -> str:
    """Which versions of the API are served, and since when their papers are of this release."""
    place = served.standard.place
    versions = [each for each in PLACES if each.number == place.number]
    lines = [[f"v{each.version}", f"`{each.base}`", "this one" if each == place else "beside it"] for each in versions]
    found = [f"# {_title(place)}: version history", "", f"Of the product's release {served.release}.", ""]
    return "\n".join([*found, *_table(("Version", "Base path", ""), lines), ""])


def index(served: Served) -> str:
    """The page of an API: what it is, its assets, and the ODA components that have to do with it."""
    place = served.standard.place
    links = [[f'<a href="{name}">{escape(text)}</a>'] for name, text in NAMES.items()]
    uses = [
        [escape(f"{use.component} {use.name}"), escape(use.role), "mandatory" if use.mandatory else "optional"]
        for use in place.uses
    ]
    facts = [("API", f"{place.number} {place.title}"), ("Version", place.version), ("Base path", place.base),
             ("Release", served.release)]  # fmt: skip
    components = table(("Component", "Role", "API is"), uses) if uses else "<p>None has been published with it yet.</p>"
    return page(
        _title(place),
        f"<h1>{escape(_title(place))}</h1><p>{escape(place.about)}</p>",
        rows(facts),
        "<h2>Assets</h2>",
        table(("Asset",), links),
        "<h2>ODA components</h2>",
        components,
    )


def overview(all_of_them: Mapping[str, Place]) -> str:
    """The page that links the pages of all APIs, by their folders."""
    lines = [[f'<a href="{name}/index.html">{escape(_title(place))}</a>', escape(place.about)]
             for name, place in all_of_them.items()]  # fmt: skip
    return page("APIs", "<h1>APIs</h1>", table(("API", ""), lines))
