"""The text of a body becomes a document: for the kernel's door, and for lines of files. Pure.

Refused here: what JSON readers disagree on (duplicate keys, NaN), what PostgreSQL cannot hold (NUL, lone surrogates),
and what costs more than it is worth (depth, width, huge numbers).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from oxl.values import MAX_ATOMS, BadValue, bounded_decimal
from oxl.verbs import Refusal, Refused

MAX_DEPTH = 64
MAX_MEMBERS = 10_000  # of one object or array
_PLAIN = (str, int)
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


def _bad(message: str, code: str = "invalidBody") -> Refusal:
    return Refusal(Refused("invalid", code, message))


class _OutOfRange:
    """Stands for a number that cannot be taken, until the field it stands in is known."""

    latest: _OutOfRange | None = None  # that any thread has met: one that reads a text sees whether it met one there

    def __init__(self, text: str) -> None:
        self.text = text[:40]
        _OutOfRange.latest = self


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


def read_object(raw: bytes) -> dict[str, Any]:
    """One JSON object from a request body, numbers as int or Decimal; Refusal of anything else."""
    body = read(raw)
    if not isinstance(body, dict):
        raise _bad("the body must be one JSON object")
    return body


def read(raw: bytes) -> Any:
    """Any JSON value from a request body, within the same bounds."""
    before = _OutOfRange.latest
    try:
        body = _READER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise _bad("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _bad(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise _bad("the body is nested too deeply") from None
    unfit = _OutOfRange.latest is not before or (b"\\u" in raw and _ESCAPED.search(raw))
    if unfit or raw.count(b",") > MAX_MEMBERS or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        hold(body)
    return body


_ESCAPED = re.compile(rb"\\u(0000|[dD][89a-fA-F])")


def hold(value: Any) -> None:
    """Refusal where a document is too deep, too wide, or holds what cannot be stored."""
    _walk(value, "", 1)


def _walk(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _bad("the body is nested too deeply")
    if isinstance(value, (dict, list)) and len(value) > MAX_MEMBERS:
        raise _bad(f"{path or 'the body'}: has more than {MAX_MEMBERS} members")
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


def without_nulls(value: Any) -> Any:
    """The value without nulls at any depth: there is no difference between them and what is not there."""
    if isinstance(value, dict):
        return {n: m if type(m) in _PLAIN else without_nulls(m) for n, m in value.items() if m is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in value if member is not None]
    return value


def values_at(value: Any, steps: Sequence[str]) -> list[Any]:
    """What stands at a path of names, through lists; nothing where there is nothing."""
    if isinstance(value, list):
        return [each for member in value for each in values_at(member, steps)]
    if not steps:
        return [value]
    return values_at(value[steps[0]], steps[1:]) if isinstance(value, dict) and steps[0] in value else []
