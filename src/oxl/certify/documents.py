"""A published contract, official or a server's own, in one form: Swagger 2.0 and OpenAPI 3.0 read alike.

Of the official documents the package holds the facts alone, in `facts/`: names, types, enums, what is required, what
may be answered. They are what a server is judged by.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

Json = dict[str, Any]


class Operation(NamedTuple):
    """One operation: what goes in and what comes out, schemas as they stand in the document."""

    id: str
    tags: list[str]
    parameters: dict[tuple[str, str], Json]
    bodies: dict[str, Json]  # by media type
    responses: dict[str, Json]
    extension: bool
    summary: str = ""


class Contract(NamedTuple):
    """A document: its operations by (METHOD, path), its schemas by name."""

    info: Json
    operations: dict[tuple[str, str], Operation]
    schemas: dict[str, Json]


def read(document: Mapping[str, Any]) -> Contract:
    """A document in the comparable form."""
    schemas = document["definitions"] if "swagger" in document else document["components"]["schemas"]
    operations = {
        (method.upper(), path): _operation(document, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    return Contract(document["info"], operations, schemas)


def _operation(document: Mapping[str, Any], operation: Json) -> Operation:
    parameters, bodies = {}, {}
    for given in operation.get("parameters", ()):
        parameter = follow(document, given)
        if parameter["in"] == "body":
            bodies["application/json"] = parameter["schema"]
        else:
            parameters[parameter["in"], parameter["name"]] = parameter
    if "requestBody" in operation:
        content = follow(document, operation["requestBody"])["content"]
        bodies = {kind.split(";")[0]: each["schema"] for kind, each in content.items()}
    responses = {}
    for status, given in operation["responses"].items():
        response = follow(document, given)
        content = response.get("content") or ({"": response} if "schema" in response else {})
        schema = next((each["schema"] for each in content.values()), None)
        headers = {name: follow(document, header) for name, header in response.get("headers", {}).items()}
        responses[str(status)] = {"schema": schema, "headers": headers, "extension": "x-extension" in response}
    mark = "x-extension" in operation
    summary = operation.get("summary", "")
    return Operation(operation["operationId"], operation["tags"], parameters, bodies, responses, mark, summary)


def follow(document: Mapping[str, Any], value: Json) -> Json:
    """What a reference within the document means."""
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def name_of(schema: Json) -> str:
    """The name that a reference ends in."""
    return schema["$ref"].rpartition("/")[2]


def plain(schema: Json) -> Any:
    """What an attribute, parameter or item is: comparable, references by name."""
    if "$ref" in schema:
        return f"→ {name_of(schema)}"
    if "allOf" in schema and len(schema["allOf"]) == 1 and "properties" not in schema:
        return plain(schema["allOf"][0])
    if schema.get("type") == "array":
        return [plain(schema.get("items", {})), schema.get("minItems", 0)]
    return {name: schema[name] for name in ("type", "format", "enum", "pattern") if name in schema}


class Flat(NamedTuple):
    """A schema with all that it inherits."""

    attributes: dict[str, Json]
    required: frozenset[str]
    classes: dict[str, str]  # @type → schema
    one_of: frozenset[str]
    itself: Any  # what it is where it has no attributes


def flat(contract: Contract, name: str) -> Flat:
    """The schema of that name with all that it inherits."""
    schema = contract.schemas[name]
    attributes, required = _gather(contract, schema)
    mapping = schema.get("discriminator", {}).get("mapping", {})
    one_of = frozenset(name_of(each) for each in schema.get("oneOf", ()))
    classes = {kind: target.rpartition("/")[2] for kind, target in mapping.items()}
    itself = None if attributes or one_of else plain({**schema, "allOf": []})
    return Flat(attributes, frozenset(required), classes, one_of, itself)


def _gather(contract: Contract, schema: Json) -> tuple[dict[str, Json], set[str]]:
    if "$ref" in schema:
        return _gather(contract, contract.schemas[name_of(schema)])
    attributes: dict[str, Json] = {}
    required: set[str] = set()
    for part in schema.get("allOf", ()):
        inherited, needed = _gather(contract, part)
        attributes |= inherited
        required |= needed
    return attributes | schema.get("properties", {}), required | set(schema.get("required", ()))


def references(schema: Any) -> Iterator[str]:
    """The names of all schemas that a piece of a document refers to, discriminators included."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref":
                yield value.rpartition("/")[2]
            elif name == "mapping":
                yield from (target.rpartition("/")[2] for target in value.values())
            elif name not in ("example", "examples"):
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def reachable(contract: Contract, operations: list[Operation]) -> set[str]:
    """The schemas that some operations need."""
    found: set[str] = set()
    waiting = [name for operation in operations for name in references([operation.bodies, operation.responses])]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(contract.schemas[name])
    return found


@cache
def official(number: str) -> Json:
    """The facts of an API's official document, in the document's own form."""
    return json.loads(files(__package__ or "").joinpath("facts", f"{number}.json").read_text("utf-8"))


@cache
def facts(name: str) -> list[Json]:
    """One of the lists of what all documents hold: operations or events."""
    return json.loads(files(__package__ or "").joinpath("facts", f"{name}.json").read_text("utf-8"))
