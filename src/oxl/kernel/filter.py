"""Filters bound to a resource: on a plain column where it has one, else on its document as JSON path.

Nothing of a request becomes SQL text: a condition names a column that the declaration knows, or carries a JSON path
that is bound as a parameter, its names and values quoted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from oxl.kernel.declare import Field, Resource
from oxl.kernel.problem import Problem, problems
from oxl.query import condition as tree
from oxl.query import jsonpath
from oxl.query.condition import NEVER, Condition
from oxl.query.grammar import Asked, Term
from oxl.query.pattern import translate
from oxl.values import BadValue, bounded_decimal

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?([Zz]|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_WHOLE_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SIGNS = {"eq": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_KINDS = (
    (inspect.BoolType, "boolean"), (inspect.StrType, "text"), (inspect.LiteralType, "text"), (inspect.EnumType, "text"),
    (inspect.DateTimeType, "instant"), ((inspect.IntType, inspect.FloatType, inspect.DecimalType), "number"),
)  # fmt: skip


class _Bound(NamedTuple):
    """A resource as filters see it. strict: refuse what cannot match."""

    resource: Resource
    href: str
    strict: bool

    def place(self, names: frozenset[str] | None) -> tuple[str, str]:
        """Where attributes are looked for (None: all of them), as column and the href that it has to have."""
        resource = self.resource
        if names is None or "href" in names:
            return "doc", self.href
        rooted = {attribute.split(".")[0] for attribute in resource.askable} | {"id", "@type", *resource.computed}
        return ("body" if resource.has_body and not names & rooted else "doc"), ""

    def field(self, name: str) -> Field | None:
        return Field("id") if name == "id" else self.resource.askable.get(name)


@problems()
def conditions(resource: Resource, terms: Sequence[Term], prefix: str, strict: bool = False) -> list[Condition]:
    """The terms as conditions, all of which must hold. `prefix` is what stands before the id in an href.

    A value that cannot be of its attribute's type matches nothing, as does an attribute that nobody knows; with strict
    they are refused by Problem 400.
    """
    bound = _Bound(resource, prefix, strict)
    return [tree.some([_condition(bound, asked) for asked in term]) for term in terms]


def _condition(bound: _Bound, asked: Asked) -> Condition:
    if asked.op == "jsonpath":
        return jsonpath.conditions(asked.values, jsonpath.Ground(partial(_bind, bound), partial(_column, bound)))
    if asked.op == "ne":
        return tree.negated(_positive(bound, msgspec.structs.replace(asked, op="eq")))
    return _positive(bound, asked)


def _positive(bound: _Bound, asked: Asked) -> Condition:
    name, op = asked.name, asked.op
    if name == "href" and op == "eq":
        ids = tuple(text.removeprefix(bound.href) for text in asked.values if text.startswith(bound.href))
        return Condition("text", "id", values=ids)
    names, field = name.split("."), bound.field(name)
    kind = field.kind if field else kind_of(bound.resource.shape, tuple(names))
    if kind is None and bound.strict:
        raise Problem(400, "invalidQuery", f"{name[:80]}: {bound.resource.name} has no such attribute")
    column, href = bound.place(frozenset(names[:1]))
    if op == "regex":
        patterns = tuple(translate(name[:80], text) for text in asked.values)
        if field and kind == "text":
            return Condition("text", field.column, op, patterns)
        test = " || ".join(f'@ like_regex {_quote(pattern)} flag "s"' for pattern in patterns)
        return Condition("path", column, path=f"{_path(names)} ? ({test})", href=href)
    texts = asked.values + (asked.literals if kind in ("text", "", None) else ())
    typed = tuple(_typed(bound, asked, kind or "text", texts))
    if not typed:
        return NEVER
    if field:
        return Condition(kind or "text", field.column, op, typed)
    if kind == "instant":
        return Condition("instants", column, op, typed, f"{_path(names)}[*][*]", href)
    if op == "eq":
        texts = tuple(text.lower() for text in texts) if kind == "boolean" else texts
        return Condition("path", column, path=json_path(names, texts), href=href)
    return _ordered(names, asked, kind, Condition("path", column, op, href=href))


def _ordered(names: Sequence[str], asked: Asked, kind: str | None, place: Condition) -> Condition:
    """An attribute of the document that is before or after any of the values: numbers as numbers, dates as instants.

    Where the type is not known the value decides what it is compared with.
    """
    tests: list[str] = []
    spans: list[Any] = []
    for text in asked.values:
        if kind != "text" and _NUMBER.fullmatch(text):
            tests.append(f"@ {_SIGNS[asked.op]} {text}")
        elif kind in ("", None) and _WHOLE_DATE.match(text) and (span := span_of(text, whole=False)):
            spans.append(span)
        elif kind != "number":
            tests.append(f"@ {_SIGNS[asked.op]} {_quote(text)}")
    found: list[Condition] = []
    if tests:
        found.append(msgspec.structs.replace(place, path=f"{_path(names)} ? ({' || '.join(tests)})"))
    if spans:
        path = f"{_path(names)}[*][*]"
        found.append(msgspec.structs.replace(place, kind="instants", values=tuple(spans), path=path))
    return tree.some(found) if found else NEVER


def _typed(bound: _Bound, asked: Asked, kind: str, texts: Sequence[str]) -> Iterator[Any]:
    """The texts as values of a kind; those that cannot be are left out, or refused."""
    for text in texts:
        value = _value(kind, text, asked.op)
        if value is not None:
            yield value
        elif bound.strict:
            raise Problem(400, "invalidQuery", f"{asked.name[:80]}: cannot be {text[:40]!r}; it is of type {kind}")


def _value(kind: str, text: str, op: str) -> Any:
    match kind:
        case "boolean":
            return {"true": True, "false": False}.get(text.lower()) if op == "eq" else None
        case "number":
            try:
                return bounded_decimal(text)
            except BadValue:
                return None
        case "instant":
            return span_of(text, whole=op == "eq")
    return text


def span_of(text: str, whole: bool) -> tuple[datetime, datetime] | None:
    """The half-open span of a date or date-time: all of the day, month … that it names, or only its first millisecond.

    Without an offset it is UTC; a space may stand for the + that an address must write as %2B.
    """
    match = _INSTANT.fullmatch(text) or _INSTANT.fullmatch("+".join(text.rsplit(" ", 1)))
    if match is None:
        return None
    *parts, fraction, offset = match.groups()
    numbers = [int(part) for part in parts if part is not None]
    shown = f"{match[1]}-{match[2] or '01'}-{match[3] or '01'}T{match[4] or '00'}:{match[5] or '00'}:{match[6] or '00'}"
    try:
        at = datetime.fromisoformat(f"{shown}.{(fraction or '0')[:3]:0<3}{(offset or 'Z').upper()}").astimezone(UTC)
        return at, at + _width(at, len(numbers)) if whole else at + timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def _width(at: datetime, given: int) -> timedelta:
    """How long the time is that a date names by so many of its parts, from years down to seconds."""
    if given == 1:
        return at.replace(year=at.year + 1) - at
    if given == 2:
        return (at + timedelta(days=31)).replace(day=1) - at
    return (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(milliseconds=1))[given - 3]


# ── JSON paths ──


def _bind(bound: _Bound, names: frozenset[str] | None, path: str, hints: Sequence[jsonpath.Hint]) -> Condition:
    """A strict path on the resource, after what an index can say of it."""
    column, href = bound.place(names)
    probes = [
        Condition("path", "body", path=f"{_path(hint.names)} ? (@ == {hint.literal})")
        for hint in hints
        if bound.place(frozenset(hint.names[:1]))[0] == "body"
        and all(_is_list(bound.resource.shape, hint.names[:length]) for length in hint.lists)
    ]
    return tree.every([*probes, Condition("exact", column, path=path, href=href)])


def _column(bound: _Bound, names: Sequence[str], value: Any) -> Condition | None:
    """The column that has an attribute, where it can be compared with the value."""
    field = bound.field(".".join(names))
    kinds = {str: "text", bool: "boolean", int: "number", float: "number"}
    if field is None or field.kind != kinds.get(type(value)):
        return None
    return Condition(field.kind, field.column, values=(value,))


def json_path(names: Sequence[str], values: Sequence[str]) -> str:
    """A lax JSON path that is there when the attribute, through any array, equals one of the values."""
    alternatives = " || ".join(f"@ == {literal}" for text in values for literal in _literals(text))
    return f"{_path(names)} ? ({alternatives})"


def _path(names: Sequence[str]) -> str:
    return f"$.{'.'.join(_quote(name) for name in names)}"


def _literals(text: str) -> list[str]:
    """The JSON values that a text may stand for: a string always, a number or boolean where it looks like one."""
    found = [_quote(text)]
    if text in ("true", "false") or (_NUMBER.fullmatch(text) and len(text) <= 40):
        found.append(text)
    return found


def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()


# ── what a shape says of its attributes ──


def kind_of(shape: type, names: tuple[str, ...]) -> str | None:
    """What an attribute is by its shape: text, number, boolean, instant, empty for anything else; None if unknown."""
    found = {next((kind for known, kind in _KINDS if isinstance(type_, known)), "") for type_ in _types(shape, names)}
    return None if not found else found.pop() if len(found) == 1 else ""


def _is_list(shape: type, names: tuple[str, ...]) -> bool:
    *outer, last = names
    owners = [type_ for type_ in _types(shape, tuple(outer)) if isinstance(type_, inspect.StructType)]
    found = [type_ for owner in owners for type_ in _attributes(owner.cls).get(last, ())]
    return bool(found) and all(isinstance(type_, inspect.ListType) for type_ in found)


@cache
def _types(shape: type, names: tuple[str, ...]) -> tuple[inspect.Type, ...]:
    """The types that an attribute may have, of elements where it is an array."""
    if not names:
        return (inspect.type_info(shape),)
    found: list[inspect.Type] = []
    for owner in _types(shape, names[:-1]):
        if isinstance(owner, (inspect.AnyType, inspect.DictType)):
            found.append(inspect.AnyType())
        elif isinstance(owner, inspect.StructType):
            inner = _attributes(owner.cls).get(names[-1], ())
            found += [each.item_type if isinstance(each, inspect.ListType) else each for each in inner]
    return tuple(found)


@cache
def _attributes(shape: type) -> dict[str, tuple[inspect.Type, ...]]:
    """The attributes of a shape and of those that extend it, with the types that each may have."""
    found: dict[str, tuple[inspect.Type, ...]] = {}
    for kind in (shape, *_heirs(shape)):
        for field in inspect.type_info(kind).fields:  # pyright: ignore[reportAttributeAccessIssue]
            given = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
            types = given.types if isinstance(given, inspect.UnionType) else (given,)
            found[field.encode_name] = found.get(field.encode_name, ()) + tuple(types)
    return found


def _heirs(shape: type) -> Iterator[type]:
    for child in shape.__subclasses__():
        yield child
        yield from _heirs(child)
