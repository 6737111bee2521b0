"""Reads a catalog document: YAML text and its declared fields → plain values, or problems with file, line and field.

The first step of loading a catalog. Scalars are taken as they are written and never pass through a float; what is not
declared is refused. A problem does not stop the reading: all problems of a document are found in one go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml

from oxl.values import MAX_ATOMS, MICROS, BadValue, bounded_decimal, parse_instant, unit_of, usage_type

REQUIRED: Any = object()  # the default of a field that has none
_BROKEN: Any = object()  # stands for a value whose problem is already told
_KINDS = {yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list", yaml.MappingNode: "a mapping"}


class Problem(NamedTuple):
    """One thing wrong in a catalog, and where."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.message}"


class CatalogError(Exception):
    """A catalog cannot be taken; every problem found in it is told at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Page:
    """One file while it is read and checked: the line of every field, and the problems so far."""

    file: str
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, where: str, message: str) -> None:
        """Note a problem at a field; a field that is not written stands on the line of what should hold it."""
        where = where.removeprefix(".")
        written = where
        while written and written not in self.lines:
            written = re.sub(r"(\.|^)[^.\[]*$|\[\d+\]$", "", written)
        self.problems.append(Problem(self.file, self.lines.get(written, 1), where, message))


class Field(NamedTuple):
    """A declared field: its shape, and its value when it is not written."""

    shape: Any  # a Record, a Listing, or a function from the written text to the value
    default: Any = REQUIRED


class Record(NamedTuple):
    """A mapping with declared fields and no others."""

    fields: dict[str, Field]


class Listing(NamedTuple):
    """A list of one shape; `lone` lets a single value stand for a list of one."""

    of: Any
    least: int = 0
    lone: bool = False


def read_document(file: str, text: str, shape: Record) -> tuple[Page, dict[str, Any] | None]:
    """The values of a YAML text by its declared shape; None in their place when the page has problems."""
    page = Page(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)  # the C loader crashes on deep nesting
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        page.lines[""] = mark.line + 1 if mark else 1
        page.wrong("", f"not YAML: {getattr(error, 'problem', None) or error}")
        return page, None
    if node is None:
        page.wrong("", "the document is empty")
        return page, None
    values = _read(page, "", node, shape)
    return page, (None if page.problems else values)


def _read(page: Page, where: str, node: yaml.Node, shape: Any) -> Any:
    page.lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(shape, Record):
        return _read_record(page, where, node, shape)
    if isinstance(shape, Listing):
        return _read_listing(page, where, node, shape)
    if not isinstance(node, yaml.ScalarNode):
        page.wrong(where, f"must be a single value, not {_KINDS[type(node)]}")
        return _BROKEN
    if node.tag == "tag:yaml.org,2002:null":
        page.wrong(where, "has no value")
        return _BROKEN
    try:
        return shape(node.value)
    except BadValue as error:
        page.wrong(where, str(error))
        return _BROKEN


def _read_listing(page: Page, where: str, node: yaml.Node, shape: Listing) -> Any:
    if shape.lone and isinstance(node, yaml.ScalarNode):
        value = _read(page, where, node, shape.of)
        return value if value is _BROKEN else [value]
    if not isinstance(node, yaml.SequenceNode):
        page.wrong(where, f"must be a list, not {_KINDS[type(node)]}")
        return _BROKEN
    if len(node.value) < shape.least:
        page.wrong(where, f"must have at least {shape.least} item{'s' if shape.least > 1 else ''}")
    return [_read(page, f"{where}[{i}]", child, shape.of) for i, child in enumerate(node.value)]


def _read_record(page: Page, where: str, node: yaml.Node, shape: Record) -> Any:
    if not isinstance(node, yaml.MappingNode):
        page.wrong(where, f"must be a mapping, not {_KINDS[type(node)]}")
        return _BROKEN
    values: dict[str, Any] = {}
    for key, child in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        inner = f"{where}.{name}" if where else name
        page.lines.setdefault(inner, key.start_mark.line + 1)
        if name not in shape.fields:
            near = get_close_matches(name, shape.fields, 1)
            page.wrong(inner, f"unknown field{f', did you mean {near[0]}?' if near else ''}")
        elif name in values:
            page.lines[inner] = key.start_mark.line + 1
            page.wrong(inner, "written twice")
        else:
            values[name] = _read(page, inner, child, shape.fields[name].shape)
    for name, declared in shape.fields.items():
        if name not in values:
            values[name] = declared.default
            if declared.default is REQUIRED:
                page.wrong(f"{where}.{name}" if where else name, "is required")
    return values


# ── single values: from the written text, BadValue when it does not say one ──


def words(text: str) -> str:
    """Text for people."""
    if not text.strip() or not text.isprintable():
        raise BadValue("must be a line of text")
    return text.strip()


def identifier(text: str) -> str:
    """A name that other documents refer to."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise BadValue(f"{text[:40]!r} is not a name of letters, digits, '-', '_' and '.'")
    return text


def flag(text: str) -> bool:
    """true or false."""
    if text not in ("true", "false"):
        raise BadValue(f"must be true or false, not {text[:40]!r}")
    return text == "true"


def whole(least: int = 0, most: int = MAX_ATOMS) -> Callable[[str], int]:
    """A reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not least <= int(text) <= most:
            span = f"from {least}" + (f" to {most}" if most < MAX_ATOMS else "")
            raise BadValue(f"must be a whole number {span}, not {text[:40]!r}")
        return int(text)

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of one of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            raise BadValue(f"must be one of {', '.join(choices)}, not {text[:40]!r}")
        return text

    return read


def amount(text: str) -> Decimal:
    """A decimal number that is not negative."""
    try:
        number = bounded_decimal(text)
    except BadValue:
        raise BadValue(f"{text[:40]!r} is not an amount") from None
    if number < 0:
        raise BadValue(f"must not be negative: {text}")
    return number


def micros(text: str) -> int:
    """An amount of money, as whole micros of the currency."""
    scaled = amount(text) * MICROS
    if scaled != scaled.to_integral_value():
        raise BadValue(f"{text} is finer than a millionth of the currency")
    if scaled > MAX_ATOMS:
        raise BadValue(f"{text} is out of range")
    return int(scaled)


def instant(text: str) -> datetime:
    """A date-time with its offset, as UTC."""
    return parse_instant(text)


def unit_code(text: str) -> str:
    """A unit code that the API knows."""
    unit_of(text)
    return text


def currency(text: str) -> str:
    """A currency by its ISO 4217 code."""
    if usage_type(unit_of(text).ledger) != "monetary":
        raise BadValue(f"{text!r} is not a currency")
    return text


def time_zone(text: str) -> ZoneInfo:
    """A time zone by its name in the tz database."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise BadValue(f"no such time zone: {text[:40]!r}") from None


def digits(text: str) -> str:
    """The beginning of a telephone number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadValue(f"must be up to 15 digits, not {text[:40]!r}")
    return text
