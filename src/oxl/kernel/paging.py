"""Where a page begins and how its neighbours are reached: sort keys, cursors, Link headers. Pure; select makes the SQL.

A cursor is the place of a row: its sort values and its id, signed together with what makes the list (resource, sort and
filters), so that it opens no other list. An estimated total travels in it, so that deep pages need not count again.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote_plus

import msgspec
from msgspec import inspect

from oxl.kernel.declare import Kind, Resource
from oxl.kernel.problem import Problem
from oxl.kernel.request import Query

MAX_KEYS = 5
MAX_LINK = 2048  # characters of a Link header: what proxies still let through beside other headers
_OWN = ("fields", "sort", "offset", "limit", "before", "after")  # parameters that do not decide what is in the list
_SIGNATURE = 16
_SAFE = "%!$&'()*+,;=:@/?-._~"  # what may stand in a query as it is (RFC 3986)
_PLACE = msgspec.json.Decoder(tuple[list[str | None], int | None])
_KINDS: dict[type, Kind] = {
    inspect.StrType: "text", inspect.LiteralType: "text", inspect.IntType: "number", inspect.FloatType: "number",
    inspect.DecimalType: "number", inspect.BoolType: "boolean", inspect.DateTimeType: "instant",
}  # fmt: skip
# Of instants what PostgreSQL can read for certain; offsets beyond 15 hours are none to it.
_INSTANT = (
    "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?"
    "([Zz]|[+-](0[0-9]|1[0-5]):?[0-5][0-9])$"
)
_ONLY = {
    "text": '@.type() == "string"', "number": '@.type() == "number"', "boolean": '@.type() == "boolean"',
    "instant": f'@ like_regex "{_INSTANT}"',
}  # fmt: skip

Place = Sequence[str | None]  # the sort values of a row as PostgreSQL's text, its id last


class Key(NamedTuple):
    """One sort key: a column of the view, or with a path the smallest of the values there."""

    kind: Kind
    descending: bool
    column: str
    path: str = ""


class Window(NamedTuple):
    """Which part of a list is wanted: after `at`, or before it (backwards), or from an offset on."""

    keys: tuple[Key, ...]  # the last is always the id
    at: Place | None
    backwards: bool
    offset: int
    limit: int
    known: int | None = None  # the total, when an earlier page had to estimate it
    exact: bool = False


class Bound(NamedTuple):
    """What a slice asks of one key: to be equal to, less or greater than a value, null, or any value."""

    key: int
    test: Literal["=", "<", ">", "null", "value"]
    text: str | None = None


def order_of(resource: Resource, sort: Sequence[str]) -> tuple[Key, ...]:
    """The keys of a sort, the id added as tie-break in the first one's direction; Problem 400 for what has no order."""
    keys: dict[str, Key] = {}
    for text in sort:
        descending, name = text.startswith("-"), text.lstrip("+-").strip()
        name = "id" if name == "href" else name
        keys.setdefault(name, _key(resource, name, descending))
        if name == "id":
            break
    if len(keys) > MAX_KEYS:
        raise Problem(400, "invalidQuery", f"sort: at most {MAX_KEYS} attributes")
    if "id" not in keys:
        keys["id"] = Key("text", next(iter(keys.values())).descending if keys else False, "id")
    return tuple(keys.values())


def _key(resource: Resource, name: str, descending: bool) -> Key:
    field = resource.askable.get(name)
    if name == "id" or field is not None:
        return Key(field.kind if field else "text", descending, field.column if field else "id")
    kind = kind_of(resource.shape, name)
    if kind is None:
        raise Problem(400, "invalidQuery", f"sort: {resource.name} cannot be sorted by {name[:60]!r}")
    names = name.split(".")
    computed = {attribute.split(".")[0] for attribute in resource.askable} | {"@type", *resource.computed}
    column = "body" if resource.has_body and names[0] not in computed else "doc"
    steps = "".join(f".{msgspec.json.encode(step).decode()}" for step in names)
    return Key(kind, descending, column, f"${steps}[*] ? ({_ONLY[kind]})")


@cache
def kind_of(shape: type[msgspec.Struct], name: str) -> Kind | None:
    """What the attribute at a dotted name holds by the shape, through lists; None when unknown or no single value."""
    found = [inspect.type_info(shape)]
    for step in name.split("."):
        found = [
            field.type
            for each in found
            for part in _parts(each)
            if isinstance(part, inspect.StructType)
            for field in part.fields
            if field.encode_name == step
        ]
    kinds: list[Kind | None] = [_KINDS.get(type(part)) for each in found for part in _parts(each)]
    return kinds[0] if len(set(kinds)) == 1 else None


def _parts(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _parts(each)
    elif isinstance(kind, inspect.ListType):
        yield from _parts(kind.item_type)
    else:
        yield kind


def slices(width: int, descending: Sequence[bool], at: Place | None, backwards: bool) -> list[list[Bound]]:
    """The rows beyond a place as disjoint slices, in the order in which they are walked; nulls stand last.

    Each can be read from an index on the keys, which one condition with `or` could not.
    """
    if at is None:
        ends = [[Bound(0, "value")], [Bound(0, "null")]] if width > 1 else [[]]
        return ends[::-1] if backwards else ends
    found: list[list[Bound]] = []
    same: list[Bound] = []
    for n, text in enumerate(at):
        beyond = []
        if text is not None:
            beyond.append(Bound(n, "<" if descending[n] != backwards else ">", text))
        if (text is None) == backwards and n < width - 1:
            beyond.append(Bound(n, "value" if backwards else "null"))
        found[:0] = [[*same, bound] for bound in beyond]
        same.append(Bound(n, "null") if text is None else Bound(n, "=", text))
    return found


# ── cursors ──


def binding(collection: str, keys: Sequence[Key], raw: str, party: Sequence[str] = "") -> bytes:
    """What makes a list, as a digest: whose it is, its order, and its filters in whatever order and encoding."""
    parts = [part.partition("=") for part in raw.split("&") if part]
    named = sorted([unquote_plus(name), equals, unquote_plus(value)] for name, equals, value in parts)
    filters = [each for each in named if each[0] not in _OWN]
    return sha256(msgspec.json.encode([collection, party, keys, filters])).digest()


def seal(secret: bytes, bound: bytes, place: Place, known: int | None = None) -> str:
    """A cursor at a place of one list; with no place at the end of it."""
    payload = msgspec.json.encode((place, known))
    signed = hmac.digest(secret, bound + payload, "sha256")[:_SIGNATURE] + payload
    return urlsafe_b64encode(signed).decode().rstrip("=")


def unseal(secret: bytes, bound: bytes, name: str, cursor: str) -> tuple[Place, int | None]:
    """The place and total in a cursor; Problem 400 naming its parameter unless it was sealed for this list."""
    if cursor.isascii():
        try:
            signed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            signed = b""
        payload = signed[_SIGNATURE:]
        expected = hmac.digest(secret, bound + payload, "sha256")[:_SIGNATURE]
        canonical = urlsafe_b64encode(signed).decode().rstrip("=") == cursor
        if canonical and hmac.compare_digest(expected, signed[:_SIGNATURE]):
            return _PLACE.decode(payload)
    raise Problem(400, "invalidQuery", f"{name}: is no cursor of this list with this sort and these filters")


def window(keys: tuple[Key, ...], query: Query, secret: bytes, bound: bytes, exact: bool) -> Window:
    """The part of the list that a query asks for; Problem 400 for a cursor that is not of this list."""
    name, cursor = ("before", query.before) if query.after is None else ("after", query.after)
    if cursor is None:
        return Window(keys, None, False, query.offset, query.limit, exact=exact)
    place, known = unseal(secret, bound, name, cursor)
    if not place and name == "after":
        raise Problem(400, "invalidQuery", "after: nothing comes after the end of the list")
    return Window(keys, place or None, name == "before", 0, query.limit, None if exact else known, exact)


# ── links ──


def offset_links(offset: int, limit: int, total: int | None, more: bool) -> dict[str, dict[str, str]]:
    """What the query of each neighbour changes when pages are counted; no total, no last page."""
    found = {"self": {}, "first": {"offset": "0"}}
    reached = offset if total is None else min(offset, total)
    if reached:
        found["prev"] = {"offset": str(max(0, reached - limit))} | ({"limit": str(reached)} if reached < limit else {})
    if more:
        found["next"] = {"offset": str(offset + limit)}
    if total:
        found["last"] = {"offset": str(max(0, total - 1 - (total - 1 - offset) % limit))}
    return found


def cursor_links(part: Window, ends: tuple[str, str] | None, end: str, more: bool) -> dict[str, dict[str, str]]:
    """What the query of each neighbour changes when pages go by cursors: those of the page's ends and the list's."""
    found: dict[str, dict[str, str]] = {"self": {}, "first": {}, "last": {"before": end}}
    before, after = more if part.backwards else part.at is not None, part.at is not None if part.backwards else more
    if before:
        found["prev"] = {"before": ends[0] if ends else end}
    if after:
        found["next"] = {"after": ends[1]} if ends else {}
    return found


def link_header(href: str, raw: str, links: dict[str, dict[str, str]]) -> str:
    """A Link header (RFC 8288), every other parameter kept; links that make it too long are left out, next last."""
    parts = [(unquote_plus(part.partition("=")[0]), part) for part in raw.split("&") if part]
    found: dict[str, str] = {}
    room = MAX_LINK
    for relation in ("next", "prev", "self", "first", "last"):
        if relation in links:
            changes = links[relation]
            drop = () if relation == "self" else ("offset", "before", "after", *changes)
            kept = [part for name, part in parts if name not in drop]
            text = quote(
                "&".join(kept + [f"{name}={value}" for name, value in changes.items()]).encode("latin-1"), _SAFE
            )
            link = f'<{href}{"?" * bool(text)}{text}>; rel="{relation}"'
            room -= len(link) + 2
            if room < 0:
                break
            found[relation] = link
    return ", ".join(found[relation] for relation in ("self", "first", "prev", "next", "last") if relation in found)
