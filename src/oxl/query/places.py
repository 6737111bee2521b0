"""Where in a document a step of a PATCH applies: by JSON Pointer, by a pointer with a query, or by JSONPath.

A place is a tuple of names and indices from a list that holds the document alone, so that the document itself has a
place too. A pointer with a query, such as `/note/text?author=X`, walks through arrays by itself; its conditions are
asked of the array element that the place lies in (as `author` or `note.author`), else of the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError, JSONPathQuery

from oxl.verbs import invalid

Place = tuple[Any, ...]  # names and indices
MAX_TEXT = 1000  # characters of a path
MAX_PLACES = 10_000
_POINTER = re.compile(r"(/([^~/]|~[01])*)*", re.DOTALL)
_INDEX = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)
_PATHS = JSONPathEnvironment()
for _name in ("match", "search"):  # their regular expressions may take for ever
    del _PATHS.function_extensions[_name]


class Path(NamedTuple):
    """A path that was read. kind: pointer, selector (a pointer with conditions), jsonpath."""

    kind: str
    text: str
    names: tuple[str, ...] = ()
    conditions: tuple[tuple[tuple[str, ...], str], ...] = ()
    query: JSONPathQuery | None = None


def parse_path(at: str, text: Any, selecting: bool) -> Path:
    """A path as its client wrote it; without `selecting` only a JSON Pointer. Refusal (invalid) names `at`."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise invalid(at, f"must be a text of at most {MAX_TEXT} characters", "invalidPatch")
    if selecting and text and not text.startswith("/"):
        return Path("jsonpath", text, query=_compiled(at, text))
    pointer, question, conditions = text.partition("?") if selecting else (text, "", "")
    if not _POINTER.fullmatch(pointer):
        raise invalid(at, f"is no JSON Pointer: {text[:60]!r}", "invalidPatch")
    names = tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:])
    if not question:
        return Path("pointer", text, names)
    return Path("selector", text, names, tuple(_condition(at, part) for part in conditions.split("&")))


def _condition(at: str, text: str) -> tuple[tuple[str, ...], str]:
    name, equals, value = text.partition("=")
    name, value = unquote_plus(name).strip(), unquote_plus(value).strip()
    if not name or not equals:
        raise invalid(at, f"after ? comes attribute=value, not {text[:60]!r}", "invalidPatch")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return tuple(name.split(".")), value


def _compiled(at: str, text: str) -> JSONPathQuery:
    """A JSONPath; its $ may be left out. One `..` is enough: each multiplies what is looked at."""
    if text.count("..") > 1 or text.count("*") > 8:
        raise invalid(at, "selects too widely", "invalidPatch")
    try:
        return _PATHS.compile(text if text[0] == "$" else f"${text}" if text[0] == "[" else f"$.{text}")
    except (JSONPathError, RecursionError, ValueError) as error:
        raise invalid(at, f"is no JSONPath: {str(error).splitlines()[0][:100]}", "invalidPatch") from None


def places(root: Sequence[Any], path: Path, at: str, adding: bool) -> Sequence[Place]:
    """The places of the document in `root` that a path means; when adding, also those that are not there yet."""
    if path.kind == "pointer":
        return _pointed(root, path.names, adding)
    if path.query is not None:
        return _queried(root, path.query, at, adding)
    return [
        place
        for place, names, element in _walked(root[0], (0,), (), ((), root[0]), path.names, adding)
        if all(_holds(element, names, condition, text) for condition, text in path.conditions)
    ]


def _pointed(root: Sequence[Any], names: Sequence[str], adding: bool) -> Sequence[Place]:
    place: list[Any] = [0]
    value = root[0]
    for n, name in enumerate(names, 1):
        step = _step(value, name)
        if step is None:
            return ()
        place.append(step)
        if step not in value if isinstance(value, dict) else step == len(value):
            return [tuple(place)] if adding and n == len(names) else ()
        value = value[step]
    return [tuple(place)]


def _step(value: Any, name: str) -> str | int | None:
    """A pointer's name as a key of an object, or as an index up to the end of an array; None when it cannot be."""
    if isinstance(value, list):
        index = len(value) if name == "-" else int(name) if _INDEX.fullmatch(name) else -1
        return index if 0 <= index <= len(value) else None
    return name if isinstance(value, dict) else None


def _queried(root: Sequence[Any], query: JSONPathQuery, at: str, adding: bool) -> Sequence[Place]:
    leaf = None
    if adding and query.segments and not str(query.segments[-1]).startswith(".."):
        selectors = query.segments[-1].selectors
        leaf = getattr(selectors[0], "name", None) if len(selectors) == 1 else None
    if leaf is not None:  # it may not be there yet: what counts is its parent
        query = JSONPathQuery(env=_PATHS, segments=query.segments[:-1])
    try:
        nodes = list(islice(query.finditer(root[0]), MAX_PLACES + 1))
    except (JSONPathError, RecursionError) as error:
        raise invalid(at, f"cannot be followed: {str(error).splitlines()[0][:100]}", "invalidPatch") from None
    if len(nodes) > MAX_PLACES:
        raise invalid(at, f"selects more than {MAX_PLACES} places", "invalidPatch")
    if leaf is not None:
        return list(dict.fromkeys((0, *node.location, leaf) for node in nodes if isinstance(node.value, dict)))
    return list(dict.fromkeys((0, *node.location) for node in nodes))


_Element = tuple[tuple[str, ...], Any]  # the names that lead to an array element, and the element


def _walked(
    value: Any, place: Place, names: tuple[str, ...], element: _Element, rest: tuple[str, ...], adding: bool
) -> Iterator[tuple[Place, tuple[str, ...], Any]]:
    """Every place that the names lead to through any array, with the element that it lies in."""
    if not rest:
        yield place, *element
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from _walked(each, (*place, n), names, (names, each), rest, adding)
    elif isinstance(value, dict):
        below = (*place, rest[0])
        if rest[0] in value:
            yield from _walked(value[rest[0]], below, (*names, rest[0]), element, rest[1:], adding)
        elif adding and len(rest) == 1:
            yield below, *element


def _holds(element: Any, above: tuple[str, ...], names: tuple[str, ...], text: str) -> bool:
    if above and names[: len(above)] == above:
        names = names[len(above) :]
    return any(_is(value, text) for value in _values(element, names))


def _values(value: Any, names: Sequence[str]) -> Iterator[Any]:
    """The values that names lead to, through any array."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, names)
    elif not names:
        yield value
    elif isinstance(value, dict) and names[0] in value:
        yield from _values(value[names[0]], names[1:])


def _is(value: Any, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value] == text
    try:
        return isinstance(value, (int, float)) and float(text) == value
    except ValueError:
        return False
