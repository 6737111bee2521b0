"""The filter grammar of a query string, by TMF630 part 1: its text as conditions on attributes, not yet on a resource.

request → grammar → filter. A query is a list of terms, all of which must hold; of the conditions of one term any one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from oxl.verbs import invalid

MAX_CLAUSES = 50  # conditions of one request
MAX_VALUES = 200  # values of one condition
MAX_DEPTH = 32  # names in a dotted path, brackets within each other in a JSONPath
MAX_FILTER = 2048  # characters of one JSONPath
_SYMBOLS = {
    "=": "",
    "==": "eq",
    "!=": "ne",
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "*=": "regex",
    "=~": "regex",
}
_DOTTED = ("eq", "ne", "gt", "gte", "lt", "lte", "regex", "in", "nin")
_SPLIT = re.compile(r"(.*?)(>=|<=|==|!=|\*=|=~|=|>|<)(.*)", re.DOTALL)
_COMPLETE = re.compile(r"[^<>=]+[<>=~].*[^<>=~!*]", re.DOTALL)
_CONDITION = re.compile(r"\s*[\w@][\w@.-]*\s*(>=|<=|==|!=|\*=|=~|=|>|<)")
# A piece begins at the start or behind a separator; one in quotes may hold separators.
_PIECE = re.compile(r"""(?:^|(?<=[,;]))("[^"]*"(?=[,;]|$)|'[^']*'(?=[,;]|$)|[^,;]*)([,;]?)""")
_OPENING = re.compile(r"[\[(]|%5B|%28", re.IGNORECASE)
_CLOSING = re.compile(r"[\])]|%5D|%29", re.IGNORECASE)


class Asked(msgspec.Struct, frozen=True):
    """One condition: an attribute's dotted name, an operator, and values of which any may meet it.

    literals are texts that were taken apart at their commas: an attribute may hold one of them as a whole. The operator
    jsonpath has expressions as its values.
    """

    name: str
    op: str
    values: tuple[str, ...]
    literals: tuple[str, ...] = ()


Term = tuple[Asked, ...]


class Part(NamedTuple):
    """One parameter of a query string, decoded: what stands before its first operator, that, and what stands behind."""

    name: str
    symbol: str
    value: str


def parts(raw: str) -> Iterator[Part]:
    """The parameters of a raw query string: taken apart at & before anything is decoded."""
    for text in _parameters(raw):
        name, equals, value = text.partition("=")
        if not value and ";" not in name and _COMPLETE.fullmatch(unquote_plus(name)):
            text = name  # a client that sends a name without a value as name=
        part = _part(unquote_plus(text))
        if equals and name.rpartition(".")[2] in _DOTTED:
            part = Part(unquote_plus(name), "=", unquote_plus(value))  # whatever the value begins with
        if part is None:
            raise invalid(unquote_plus(text)[:80], "expected attribute=value", "invalidQuery")
        if "\x00" in part.name + part.value:
            raise invalid(repr(part.name[:40]), "holds a character that cannot be asked for", "invalidQuery")
        yield part


def _parameters(raw: str) -> Iterator[str]:
    """The parameters, not decoded; && inside the brackets of a filter is that filter's own and."""
    pending = ""
    for text in raw.split("&"):
        pending = f"{pending}&{text}" if pending else text
        inside = pending.startswith("filter=") and len(_OPENING.findall(pending)) > len(_CLOSING.findall(pending))
        if not (inside and ("&&" in raw)):
            if pending:
                yield pending
            pending = ""
    if pending:
        yield pending


def _part(text: str) -> Part | None:
    match = _SPLIT.fullmatch(text)
    if match is None:
        return None
    return Part(match[1].strip(), match[2], match[3])


def terms(given: Sequence[Part], paths: Sequence[str]) -> list[Term]:
    """The parameters as terms: conditions with one name and operator are one term, and so are all JSONPaths."""
    found: list[Term] = []
    merged: dict[tuple[str, str], list[Asked]] = {}
    for part in given:
        asked = list(_conditions(part))
        keys = {(each.name, each.op) for each in asked}
        if len(keys) == 1:
            merged.setdefault(keys.pop(), []).extend(asked)
        else:
            found.append(tuple(asked))
    found += [(_joined(same),) for same in merged.values()]
    if paths:
        found.append((Asked("filter", "jsonpath", tuple(paths)),))
    for each in (each for term in found for each in term):
        if len(each.values) > MAX_VALUES:
            raise invalid(each.name[:80], f"more than {MAX_VALUES} values", "invalidQuery")
        if each.name.count(".") >= MAX_DEPTH:
            raise invalid(each.name[:80], f"more than {MAX_DEPTH} names deep", "invalidQuery")
    if sum(map(len, found)) > MAX_CLAUSES:
        raise invalid(found[-1][0].name[:80], f"more than {MAX_CLAUSES} conditions", "invalidQuery")
    return found


def _joined(same: Sequence[Asked]) -> Asked:
    values = dict.fromkeys(value for each in same for value in each.values)
    literals = dict.fromkeys(value for each in same for value in each.literals)
    return Asked(same[0].name, same[0].op, tuple(values), tuple(literals))


def _conditions(part: Part) -> Iterator[Asked]:
    """The conditions of one parameter; behind a semicolon stands another condition, or more of the value."""
    first, *others = _chunks(part.value)
    yield _asked(part.name, part.symbol, first)
    for text in others:
        another = _part(text)
        if another is not None:
            yield _asked(*another)


def _chunks(value: str) -> list[str]:
    found = [""]
    behind = ""
    for match in _PIECE.finditer(value):
        if behind == ";" and _CONDITION.match(match[1]):
            found[-1] = found[-1][:-1]
            found.append("")
        found[-1] += match[0]
        behind = match[2]
    return found


def _asked(name: str, symbol: str, value: str) -> Asked:
    op = _SYMBOLS[symbol]
    base, _, suffix = name.rpartition(".")
    if not op and base and suffix in _DOTTED:
        name, op = base, suffix
    if op == "regex":
        return Asked(name, op, (value,))
    if op not in ("", "in", "nin"):
        return Asked(name, op, (_bare(value),))
    pieces = tuple(_bare(match[1]) for match in _PIECE.finditer(value))
    names = {"": "eq", "in": "eq", "nin": "ne"}
    return Asked(name, names[op], pieces, (_bare(value),) if len(pieces) > 1 and not op else ())


def _bare(text: str) -> str:
    """The text without quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
