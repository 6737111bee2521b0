"""Where the facts of `oxl.certify` come from: the official documents themselves, reduced to names, types and statuses.

The documents are looked for beside the repository, or where OXL_SPECS says; `python -m tests.conformance.documents`
takes the facts from them anew, and where they are, a test holds the facts against them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from oxl.certify import documents
from oxl.certify.documents import (
    Contract,
    Json,
    Operation,
    facts,
    flat,
    follow,
    name_of,
    official,
    plain,
    reachable,
    read,
)
from oxl.kernel.declare import Api

__all__ = ["Contract", "Json", "Operation", "facts", "flat", "name_of", "official", "plain", "reachable", "read"]

SPECS = Path(os.environ.get("OXL_SPECS") or Path(__file__).parents[3] / "shared" / "specs")
FACTS = Path(documents.__file__).parent / "facts"
NUMBERS = ("TMF635", "TMF654", "TMF677", "TMF678", "TMF680")
FORMER = ("TMF635v4", "TMF677v4", "TMF678v4")  # versions that are served beside the newest
LISTS = {  # of what all documents hold, and what is compared of it
    "operations": ("api", "basePath", "method", "path", "operationId"),
    "events": ("api", "eventType", "resourceKeyInPayload"),
}
_KEPT = {  # what of a schema, parameter or answer is a fact
    "$ref", "additionalProperties", "allOf", "discriminator", "enum", "format", "in", "items", "mapping", "minItems",
    "name", "oneOf", "pattern", "propertyName", "required", "schema", "type",
}  # fmt: skip


def key_of(api: Api) -> str:
    """What the facts of a served API are called: its number, and of a former version its major besides."""
    former = f"{api.number}v{api.version.partition('.')[0]}"
    return former if former in FORMER else api.number


def document(number: str) -> Json:
    """The official document of an API, as it stands; of a former version with its v at the end: TMF635v4."""
    number, _, older = number.partition("v")
    (path,) = (SPECS / f"v{older}" if older else SPECS).glob(f"{number}-*")
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)


def reduced(official: Json) -> Json:
    """The facts of a document, in its own form."""
    paths = {
        path: {method: _called(official, operation) for method, operation in methods.items()}
        for path, methods in official["paths"].items()
    }
    info = {"version": official["info"]["version"]}
    if "swagger" in official:
        return {"swagger": "2.0", "info": info, "paths": paths, "definitions": _schemas(official["definitions"])}
    schemas = _schemas(official["components"]["schemas"])
    return {"openapi": "3.0.1", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _called(official: Json, operation: Json) -> Json:
    found = {"operationId": operation["operationId"], "tags": operation["tags"]}
    if "parameters" in operation:
        found["parameters"] = [_bare(follow(official, each)) for each in operation["parameters"]]
    if "requestBody" in operation:
        found["requestBody"] = {"content": _content(follow(official, operation["requestBody"]))}
    found["responses"] = {}
    for status, given in operation["responses"].items():
        response = follow(official, given)
        headers = {name: _bare(follow(official, each)) for name, each in response.get("headers", {}).items()}
        answer = {"content": _content(response)} if "content" in response else _bare(response)
        found["responses"][str(status)] = answer | ({"headers": headers} if headers else {})
    return found


def _content(given: Json) -> Json:
    return {kind: {"schema": _bare(each["schema"])} for kind, each in given["content"].items()}


def _schemas(given: Json) -> Json:
    return {name: _schema(each) for name, each in given.items()}


def _schema(given: Any) -> Any:
    """A schema, whose properties are called what they like."""
    if not isinstance(given, dict):
        return given
    found = {name: _bare(value) for name, value in given.items() if name in _KEPT - {"allOf", "items"}}
    if "allOf" in given:
        found["allOf"] = [_schema(each) for each in given["allOf"]]
    if "items" in given:
        found["items"] = _schema(given["items"])
    if "properties" in given:
        found["properties"] = _schemas(given["properties"])
    return found


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: member if name == "mapping" else _bare(member) for name, member in value.items() if name in _KEPT}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def listed(name: str, attributes: tuple[str, ...]) -> list[Json]:
    """Of a list of what all documents hold, what is compared."""
    return [{each: entry[each] for each in attributes} for entry in json.loads((SPECS / f"{name}.json").read_text())]


def keep(name: str, value: Any) -> None:
    """Write one file of facts."""
    (FACTS / f"{name}.json").write_text(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    FACTS.mkdir(exist_ok=True)
    for number in (*NUMBERS, *FORMER):
        keep(number, reduced(document(number)))
    for name, attributes in LISTS.items():
        keep(name, listed(name, attributes))
