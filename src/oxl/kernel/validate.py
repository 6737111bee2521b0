"""The door for bodies: JSON made canonical once, then held against the resource's shape; a fault names its field.

Refused here: what JSON readers disagree on (duplicate keys, NaN), what PostgreSQL cannot hold (NUL, lone surrogates),
and what costs more than it is worth (depth, huge numbers).
"""

from __future__ import annotations

import json
import re
import types
import typing
from decimal import Decimal
from typing import Any

import msgspec

from oxl.kernel.declare import Resource
from oxl.kernel.problem import Problem
from oxl.kernel.shapes import complete
from oxl.values import MAX_ATOMS, BadValue, bounded_decimal

MAX_DEPTH = 64
_SERVER_SET = ("href",)  # never taken from a client: where a resource lives is computed on the way out
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


def _bad(message: str, code: str = "invalidBody") -> Problem:
    return Problem(400, code, message)


class _OutOfRange:
    """Stands for a number that cannot be taken, until the field it stands in is known."""

    def __init__(self, text: str) -> None:
        self.text = text[:40]


def _decimal(text: str) -> Decimal | _OutOfRange:
    try:
        return bounded_decimal(text)
    except BadValue:
        return _OutOfRange(text)


def _integer(text: str) -> int | _OutOfRange:
    if len(text) <= 20 and abs(number := int(text)) <= MAX_ATOMS:
        return number
    return _OutOfRange(text)


def _constant(text: str) -> _OutOfRange:
    return _OutOfRange(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _bad(f"{twice}: given twice in one object")
    return found


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)


def parse(raw: bytes) -> dict[str, Any]:
    """One JSON object from a request body, numbers as int or Decimal; Problem 400 for anything else."""
    try:
        body = _READER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise _bad("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _bad(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise _bad("the body is nested too deeply") from None
    if not isinstance(body, dict):
        raise _bad("the body must be one JSON object")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH or _suspicious(raw):
        _walk(body, "", 1)
    return body


def _suspicious(raw: bytes) -> bool:
    """Whether the text can hold a number out of range or a character that PostgreSQL refuses: then it is walked."""
    return _SUSPECT.search(raw) is not None


_SUSPECT = re.compile(rb"\\u(0000|[dD][89a-fA-F])|[0-9][eE]|[0-9]{17}|NaN|Infinity")


def _walk(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _bad("the body is nested too deeply")
    if isinstance(value, dict):
        for name, member in value.items():
            if _UNFIT.search(name):
                raise _bad(f"{path}: a name holds a character that cannot be stored")
            _walk(member, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _walk(member, f"{path}[{index}]", depth + 1)
    elif isinstance(value, _OutOfRange):
        raise _bad(f"{path}: number out of range: {value.text}", "invalidValue")
    elif isinstance(value, str) and _UNFIT.search(value):
        raise _bad(f"{path}: holds a character that cannot be stored", "invalidValue")


def check(resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """The body in canonical form: no nulls, no href, single objects in lists, @type filled in; Problem 400 otherwise.

    Attributes that the shape does not know are kept: they are the client's own extensions.
    """
    body = {name: value for name, value in _without_nulls(body).items() if name not in _SERVER_SET}
    for name in _list_attributes(resource.shape):
        if isinstance(body.get(name), dict):
            body[name] = [body[name]]
    for name in resource.required:
        if name not in body:
            raise Problem(400, "missingAttribute", f"{name}: is required")
    try:
        msgspec.convert(body, resource.shape)
    except msgspec.ValidationError as error:
        raise _named(error) from None
    body.setdefault("@type", resource.type)
    complete(resource.shape, body)
    return body


def _without_nulls(value: Any) -> Any:
    """The value without nulls at any depth: there is no difference between them and what is not there."""
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(member) for member in value if member is not None]
    return value


_MISSING = re.compile(r"^Object missing required field `(.*)`$")
_AT = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)


def _named(error: msgspec.ValidationError) -> Problem:
    match = _AT.match(str(error))
    message, path = match.groups() if match else (str(error), "")
    if missing := _MISSING.match(message):
        return Problem(400, "missingAttribute", f"{f'{path}.' if path else ''}{missing[1]}: is required")
    return Problem(400, "invalidValue", f"{path or 'body'}: {message}")


_LISTS: dict[type, tuple[str, ...]] = {}


def _list_attributes(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    """The attributes of a shape that are lists: there an object on its own is taken as a list of one."""
    if shape not in _LISTS:
        hints = typing.get_type_hints(shape)
        _LISTS[shape] = tuple(
            field.encode_name for field in msgspec.structs.fields(shape) if _is_list(hints[field.name])
        )
    return _LISTS[shape]


def _is_list(hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_is_list(part) for part in typing.get_args(hint))
    return typing.get_origin(hint) is list
