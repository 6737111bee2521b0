"""Attribute filters as conditions: on a plain column where the resource has one, else on the document as JSON path.

Nothing of a request becomes SQL text: a condition names a column that the declaration knows, or carries a JSON path
that is bound as a parameter, its names and values quoted here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from oxl.kernel.declare import Field, Resource
from oxl.values import BadValue, bounded_decimal, parse_instant

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)


class Condition(msgspec.Struct, frozen=True):
    """One condition: any of `values` in a column; or, where column is doc or body, one JSON path that must exist."""

    column: str
    values: tuple[Any, ...]
    kind: str  # text, number, boolean, instant, path; never: nothing can match


def conditions(resource: Resource, filters: Sequence[tuple[str, list[str]]], prefix: str) -> list[Condition]:
    """All of the filters as conditions; a value that cannot be of its attribute's type matches nothing."""
    return [_condition(resource, name, values, prefix) for name, values in filters]


def _condition(resource: Resource, name: str, values: list[str], prefix: str) -> Condition:
    if name == "href":
        return Condition("id", tuple(text.removeprefix(prefix) for text in values if text.startswith(prefix)), "text")
    field = Field("id") if name == "id" else resource.askable.get(name)
    if field is None:
        path = json_path(name.split("."), values)
        rooted = {attribute.split(".")[0] for attribute in resource.askable} | {"id", "@type", *resource.computed}
        column = "body" if resource.has_body and name.split(".")[0] not in rooted else "doc"
        return Condition(column, (path,), "path")
    typed = [value for text in values if (value := _typed(field.kind, text)) is not None]
    return Condition(field.column, tuple(typed), field.kind if typed else "never")


def _typed(kind: str, text: str) -> Any:
    """The text as the column's type, or None when it cannot be; an instant as its half-open interval."""
    try:
        match kind:
            case "text":
                return text
            case "boolean":
                return {"true": True, "false": False}.get(text.lower())
            case "number":
                return bounded_decimal(text)
            case _ if _DAY.fullmatch(text):
                day = parse_instant(f"{text}T00:00:00Z")
                return (day, day + timedelta(days=1))
            case _:
                at: datetime = parse_instant(text.replace(" ", "+"))
                return (at, at + timedelta(milliseconds=1))  # instants are shown to the millisecond
    except BadValue:
        return None


def json_path(names: Sequence[str], values: Sequence[str]) -> str:
    """A lax JSON path that is there when the attribute, through any array, equals one of the values."""
    alternatives = " || ".join(f"@ == {literal}" for text in values for literal in _literals(text))
    return f"$.{'.'.join(_quote(name) for name in names)} ? ({alternatives})"


def _literals(text: str) -> list[str]:
    """The JSON values that a text may stand for: a string always, a number or boolean where it looks like one."""
    found = [_quote(text)]
    if text in ("true", "false") or (_NUMBER.fullmatch(text) and len(text) <= 40):
        found.append(text)
    return found


def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()
