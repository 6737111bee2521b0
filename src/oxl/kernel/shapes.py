"""What a shape says beyond its attributes, and what follows for bodies: nested objects checked by their own class.

A shape is a struct of an API's model.py. Its `facts` are the document's: what is required where, which attributes a
create or patch form leaves out, which classes an object may be. `schemas` publishes them; `complete` keeps bodies to
them, so that what is stored can be answered within the contract.
"""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any

import msgspec

from oxl.kernel.problem import Problem
from oxl.values import is_uri

EXTENSION = msgspec.Meta(extra={"extension": True})  # marks an attribute that the official document does not have


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form of a shape for create or patch bodies: what it requires, and what it leaves out."""

    required: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The document's facts of one shape; what a shape inherits is stated by its parents."""

    required: tuple[str, ...] = ()  # in answers, beside the attributes that the struct itself requires
    optional: tuple[str, ...] = ()  # required by the struct though the document does not
    create: Form | None = None
    update: Form | None = None
    answer: tuple[str, ...] = ()  # required by a form of its own for answers
    abstract: bool = False  # a base that no object is of
    typed: bool = False  # its @type decides, though none of its parents requires one
    one_of: tuple[type, ...] = ()  # the shape stands for any of these; its own fields are for reading bodies
    also: tuple[type, ...] = ()  # further published parents, whose fields the struct repeats
    filled: tuple[tuple[str, str], ...] = ()  # attribute and text, where a nested object leaves it out
    copied: tuple[tuple[str, str], ...] = ()  # attribute, and the one that stands for it where it is left out


_NONE = Facts()


def facts_of(shape: type) -> Facts:
    """What the shape itself states."""
    return shape.__dict__.get("facts", _NONE)


def published(shape: type) -> bool:
    """Whether the class is a schema of its own; the fields of private ones belong to their children."""
    return issubclass(shape, msgspec.Struct) and shape is not msgspec.Struct and not shape.__name__.startswith("_")


def ancestors(shape: type) -> list[type]:
    """The published classes that a shape extends, nearest first."""
    return [base for base in shape.__mro__[1:] if published(base)]


@cache
def kinds(shape: type) -> dict[str, type]:
    """The classes that an object of the shape may be, by the @type that says so; none where @type does not decide."""
    facts = facts_of(shape)
    if facts.one_of:
        return {name: kind for each in facts.one_of for name, kind in kinds(each).items()}
    typed = facts.typed or any(facts_of(base).typed or "@type" in facts_of(base).required for base in ancestors(shape))
    if facts.abstract or not typed or not published(shape):
        return {}
    return {kind.__name__: kind for kind in (shape, *_descendants(shape)) if not facts_of(kind).one_of}


def _descendants(shape: type) -> list[type]:
    return [kind for child in shape.__subclasses__() for kind in (child, *_descendants(child))]


def bare(hint: Any) -> tuple[Any, list[msgspec.Meta]]:
    """A hint without Annotated and UNSET, and the metas that it carried."""
    metas: list[msgspec.Meta] = []
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            metas += [meta for meta in hint.__metadata__ if isinstance(meta, msgspec.Meta)]
            hint = hint.__origin__
        elif typing.get_origin(hint) in (typing.Union, types.UnionType):
            given = [part for part in typing.get_args(hint) if part is not msgspec.UnsetType]
            if len(given) != 1:
                raise TypeError(f"{hint}: a shape's attribute has one type")
            hint = given[0]
        else:
            return hint, metas


class _Plan(typing.NamedTuple):
    """What completing an object of a shape goes by: what it is given where it leaves it out, the attributes that are
    published as addresses, and those that hold objects, alone or in a list, with their shapes.
    """

    known: dict[str, type]
    filled: dict[str, str]
    uris: list[str]
    nested: list[tuple[str, type]]


@cache
def _plan(shape: type) -> _Plan:
    known, uris, nested = kinds(shape), [], []
    filled = {name: text for base in (*reversed(ancestors(shape)), shape) for name, text in facts_of(base).filled}
    for field in msgspec.structs.fields(shape):
        hint, metas = bare(field.type)
        uris += [field.encode_name for meta in metas if (meta.extra_json_schema or {}).get("format") == "uri"]
        hint = bare(typing.get_args(hint)[0])[0] if typing.get_origin(hint) is list else hint
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            nested.append((field.encode_name, hint))
    return _Plan(known, filled | ({"@type": next(iter(known))} if known else {}), uris, nested)


class _Fault(Exception):  # noqa: N818 – carries a path outwards until it is whole
    def __init__(self, path: str, message: str, code: str = "invalidValue") -> None:
        self.path, self.message, self.code = path, message, code


def complete(shape: type, body: dict[str, Any], strict: bool = False) -> None:
    """Fill in what the body's objects leave out of the contract, and check each against the class that it names.

    The body has been read as the shape before. Strict: nothing is filled in. Problem 400 names the attribute at fault.
    """
    try:
        _complete(shape, body, strict, free=not strict)
    except _Fault as fault:
        raise Problem(400, fault.code, f"{fault.path}: {fault.message}") from None


def _complete(shape: type, body: dict[str, Any], strict: bool, free: bool = False) -> None:
    """`free`: the object may be of a class that only the client knows."""
    plan = _plan(shape)
    known, kind = plan.known, plan.known.get(body.get("@type", ""))
    if known and kind is None and "@type" in body and body.get("@baseType") not in known:
        if strict or (len(known) > 1 and not free):
            told = f"{body['@type'][:60]!r} is no {' or '.join(known)}, and no @baseType says that it extends one"
            raise _Fault("@type", told)
    elif known and strict and "@type" not in body:
        raise _Fault("@type", "is required", "missingAttribute")
    for name, text in () if strict else plan.filled.items():
        body.setdefault(name, text)
    if known and kind is None:
        kind = known.get(body.get("@type", ""), known.get(body.get("@baseType", "")))
    if kind is not None and kind is not shape:
        try:
            msgspec.convert(body, kind)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            raise _Fault(path.rstrip("`").lstrip("."), message) from None
        plan = _plan(kind)
    for name in plan.uris if strict else ():
        if not is_uri(body.get(name, "x:")):
            raise _Fault(name, "is no URI (RFC 3986)")
    for name, inner in plan.nested:
        value = body.get(name)
        if value is None:
            continue
        alone = isinstance(value, dict)
        for n, item in enumerate([value] if alone else value):
            try:
                _within(inner, item, strict)
            except _Fault as fault:
                path = ".".join(filter(None, (name if alone else f"{name}[{n}]", fault.path)))
                raise _Fault(path, fault.message, fault.code) from None


def _within(shape: type, body: dict[str, Any], strict: bool) -> None:
    facts = facts_of(shape)
    for name, source in facts.copied:
        if source in body:
            body.setdefault(name, body[source])
    _complete(shape, body, strict)
    for name in facts.required:
        if name not in body:
            raise _Fault(name, "is required", "missingAttribute")
