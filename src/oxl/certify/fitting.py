"""Whether a document fits a schema of the facts, in the sense of the standard rather than of JSON Schema alone.

An object is judged by the class that its @type names; alternatives are told apart by it and not by counting which of
them match; nothing is null; a moment has a time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from oxl.certify.documents import Json, name_of
from oxl.certify.standard import Standard

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, Decimal), "boolean": (bool,), "object": (dict,),
    "array": (list,),
}  # fmt: skip
_VALUES: dict[str, Any] = {  # class of characteristic → what its value is; the facts have the same, by inheritance
    "StringCharacteristic": str, "BooleanCharacteristic": bool, "IntegerCharacteristic": int,
    "NumberCharacteristic": (int, Decimal), "FloatCharacteristic": (int, Decimal), "ObjectCharacteristic": dict,
}  # fmt: skip
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def faults(standard: Standard, schema: Json, value: Any, at: str = "$", partial: bool = False) -> Iterator[str]:
    """What is wrong with a value, each fault with its place; partial: attributes were selected."""
    if "$ref" in schema:
        yield from _named(standard, name_of(schema), value, at, partial)
        return
    if "allOf" in schema and len(schema["allOf"]) == 1 and "properties" not in schema:
        yield from faults(standard, schema["allOf"][0], value, at, partial)
        return
    yield from _plain(standard, schema, value, at, partial)


def _named(standard: Standard, name: str, value: Any, at: str, partial: bool) -> Iterator[str]:
    found = standard.flat(name)
    if found.itself is not None and not found.one_of:
        yield from _plain(standard, standard.contract.schemas[name], value, at, partial)
        return
    if not isinstance(value, dict):
        yield f"{at}: {_shown(value)} where an object {name} belongs"
        return
    kind = value.get("@type")
    if found.one_of and not found.attributes and kind not in found.classes:
        if "@type" in value:
            yield f"{at}: @type {_shown(kind)} is none of {', '.join(sorted(found.classes or found.one_of))}"
        return
    if kind in found.classes and found.classes[kind] != name:
        found = _merged(standard, name, found.classes[kind])
    yield from _members(standard, found.attributes, found.required, value, at, partial)


def _merged(standard: Standard, name: str, chosen: str) -> Any:
    base, own = standard.flat(name), standard.flat(chosen)
    suffix = "_RES" if name.endswith("_RES") else ""
    required = base.required if suffix else own.required
    return own._replace(attributes=base.attributes | own.attributes, required=required)


def _members(
    standard: Standard, attributes: dict[str, Json], required: frozenset[str], value: Json, at: str, partial: bool
) -> Iterator[str]:
    for name in sorted(required):
        if name not in value and not (partial and name not in ("id", "href", "@type")):
            yield f"{at}: {name} is missing"
    for name, member in value.items():
        if member is None:
            yield f"{at}.{name}: is null"
        elif name in attributes:
            yield from faults(standard, attributes[name], member, f"{at}.{name}")
    meant = _VALUES.get(value.get("@type", "")) if "value" in value else None
    given = value.get("value")
    if meant and (not isinstance(given, meant) or (isinstance(given, bool) and meant is not bool)):
        yield f"{at}.value: {_shown(given)} is no value of a {value['@type']}"


def _plain(standard: Standard, schema: Json, value: Any, at: str, partial: bool) -> Iterator[str]:
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{at}: {_shown(value)} where a {kind} belongs"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {_shown(value)} is none of {', '.join(map(str, schema['enum']))}"
    elif schema.get("format") == "date-time" and not is_moment(value):
        yield f"{at}: {_shown(value)} is no date-time with a time zone"
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: {len(value)} entries, fewer than {schema['minItems']}"
        for n, item in enumerate(value):
            yield from faults(standard, schema.get("items", {}), item, f"{at}[{n}]", partial)
    elif isinstance(value, dict) and "properties" in schema:
        required = frozenset(schema.get("required", ()))
        yield from _members(standard, schema["properties"], required, value, at, partial)


def is_moment(text: object) -> bool:
    """Whether a text is a moment as RFC 3339 writes it."""
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
