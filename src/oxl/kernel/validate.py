"""The door for bodies: JSON made canonical once, then held against the resource's shape; a fault names its field.

An API is lenient or strict. Lenient fills in what can be inferred, leaves out what only the server sets, and keeps what
the shape does not know; strict refuses all of these.
"""

from __future__ import annotations

import re
import types
import typing
from functools import cache
from typing import Any

import msgspec

from oxl.kernel.declare import Api, Resource
from oxl.kernel.problem import Problem, problems
from oxl.kernel.shapes import complete, facts_of
from oxl.query import body as bodies
from oxl.query.patch import same

_IDENTITY = ("id", "href")  # never taken from a client
_CLASS = ("@type", "@baseType")


@problems()
def parse(raw: bytes) -> dict[str, Any]:
    """One JSON object from a request body, numbers as int or Decimal; Problem 400 for anything else."""
    return bodies.read_object(raw)


@problems()
def parse_any(raw: bytes) -> Any:
    """Any JSON value from a request body, within the same bounds."""
    return bodies.read(raw)


def check(resource: Resource, body: dict[str, Any], api: Api | None = None) -> dict[str, Any]:
    """A create body in canonical form; Problem 400 otherwise.

    Attributes that the shape does not know are kept: they are the client's own extensions.
    """
    strict = api is not None and api.strict
    ours = (*_IDENTITY, *resource.server_set)
    if strict:
        for name in (name for name in ours if name in body):
            raise Problem(400, "serverSet", f"{name}: is set by the server")
        if api and api.generation == 5 and "@type" not in body:
            raise Problem(400, "missingAttribute", "@type: is required")
    else:
        body = {name: value for name, value in body.items() if name not in ours}
    body = _canonical(resource, body, strict)
    stated = facts_of(resource.shape).create
    for name in (*resource.required, *(stated.required if strict and stated else ())):
        if name not in body:
            raise Problem(400, "missingAttribute", f"{name}: is required")
    body.setdefault("@type", resource.type)
    _fit(resource, body, body, api)
    return body


def check_change(
    resource: Resource, before: dict[str, Any], after: dict[str, Any], api: Api
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a PATCH makes of a document, in canonical form, and the attributes in which it differs; Problem 400 when one
    of them may not change or has a value that it cannot have.
    """
    after = _canonical(resource, after, api.strict)
    names = dict.fromkeys((*before, *after))
    changed = tuple(n for n in names if (n in before) != (n in after) or not same(before.get(n), after.get(n)))
    fixed = {*_IDENTITY, *_CLASS, *resource.computed, *resource.immutable}
    if resource.patchable:
        fixed |= _names(resource.shape) - set(resource.patchable)
    for name in changed:
        if name in fixed:
            raise Problem(400, "immutableAttribute", f"{name}: cannot be changed")
        if name in resource.required and name not in after:
            raise Problem(400, "missingAttribute", f"{name}: is required")
    part = {name: after[name] for name in changed if name in after}
    with problems():
        bodies.hold(part)
    _fit(resource, part, after, api)
    return after, changed


def _canonical(resource: Resource, body: dict[str, Any], strict: bool) -> dict[str, Any]:
    """Lenient: without nulls, single objects in lists where the shape has a list. What is the client's own stays as it
    is, since only they know what a null means there.
    """
    if strict:
        return body
    known = _names(resource.shape)
    body = {n: bodies.without_nulls(value) if n in known else value for n, value in body.items() if value is not None}
    for name in _list_attributes(resource.shape):
        if isinstance(body.get(name), dict):
            body[name] = [body[name]]
    return body


def _fit(resource: Resource, body: dict[str, Any], whole: dict[str, Any], api: Api | None) -> None:
    """Problem 400 unless the attributes are of the shape's types and of classes that may stand where they do."""
    if api and api.strict and "@schemaLocation" not in whole:
        for name in (name for name in body if name not in _names(resource.shape)):
            raise Problem(400, "unknownAttribute", f"{name}: is no attribute of {resource.type}")
    try:
        msgspec.convert(body, resource.shape)
    except msgspec.ValidationError as error:
        raise _named(error) from None
    if body is not whole:
        body = {name: whole[name] for name in _CLASS if name in whole} | body
    complete(resource.shape, body, bool(api and api.strict))


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


@cache
def _names(shape: type[msgspec.Struct]) -> frozenset[str]:
    """The attributes that a shape knows."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(shape))


def _is_list(hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_is_list(part) for part in typing.get_args(hint))
    return typing.get_origin(hint) is list
