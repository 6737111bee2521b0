"""The server's own answers held against its contract, where OXL_VALIDATE_RESPONSES asks for it.

What an object must be is decided by its @type, never by counting which alternatives match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,),
    "array": (list,),
}  # fmt: skip
ALWAYS = ("id", "href", "@type")


class Contract:
    """One published document, ready to hold answers against."""

    def __init__(self, base: str, document: Mapping[str, Any]) -> None:
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._routes = [
            (re.compile(_pattern(base, path), re.DOTALL), methods)
            for path, methods in sorted(document["paths"].items(), key=lambda each: -len(each[0]))
        ]

    def faults(self, method: str, path: str, status: int, body: bytes, partial: bool) -> list[str]:
        """What is wrong with an answer, each fault named by its place; partial: fields were selected."""
        meant = (each for pattern, each in self._routes if pattern.fullmatch(path) and method.lower() in each)
        operations = next(meant, None)
        if operations is None:
            return [] if status in (404, 405) else [f"{status} for an operation that is not published"]
        responses = operations[method.lower()]["responses"]
        if str(status) not in responses and status < 400:
            return [f"{status} is not a published status"]
        response = responses.get(str(status), responses["default"])
        if "content" not in response:
            return ["a body where none is published"] if body else []
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            return [f"no JSON: {error}"]
        found = self._check(response["content"]["application/json"]["schema"], value, "$", partial)
        return list(dict.fromkeys(found))  # what is inherited along two ways is told once

    def _check(self, schema: Any, value: Any, at: str, partial: bool, dispatch: bool = True) -> Iterator[str]:
        """The faults of a value. `dispatch` is off for what a class inherits: its @type has been followed already."""
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if dispatch and isinstance(value, dict) and "discriminator" in schema:
            chosen = schema["discriminator"]["mapping"].get(value.get("@type"))
            if chosen and self._schemas[chosen.rpartition("/")[2]] is not schema:
                yield from self._check({"$ref": chosen}, value, at, partial)
            elif "oneOf" in schema:
                yield f"{at}: @type {value.get('@type')!r} is none of {', '.join(schema['discriminator']['mapping'])}"
        kind = schema.get("type")
        if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
            yield f"{at}: {type(value).__name__}, not {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is none of {schema['enum']}"
        if schema.get("format") == "date-time" and not _instant(str(value)):
            yield f"{at}: {value!r} is no date-time in UTC"
        if isinstance(value, dict):
            yield from self._check_object(schema, value, at, partial)
        elif isinstance(value, list):
            for n, item in enumerate(value):
                yield from self._check(schema.get("items", {}), item, f"{at}[{n}]", partial and at == "$")
        for parent in schema.get("allOf", ()):
            yield from self._check(parent, value, at, partial, dispatch=False)

    def _check_object(self, schema: Any, value: dict[str, Any], at: str, partial: bool) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value and (name in ALWAYS or not partial):
                yield f"{at}.{name}: is missing"
        properties = schema.get("properties", {})
        for name, member in value.items():
            if name not in properties:
                continue  # the client's own, who knows what a null means there
            if member is None:
                yield f"{at}.{name}: is null"
            else:
                yield from self._check(properties[name], member, f"{at}.{name}", False)


def _instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _pattern(base: str, path: str) -> str:
    return re.escape(base) + "".join(".+" if part == "{id}" else re.escape(part) for part in re.split(r"({id})", path))


def contracts(documents: Mapping[str, Any]) -> dict[str, Contract]:
    """What answers are held against, by base path."""
    return {base: Contract(base, each) for base, each in documents.items()}
