"""The parameter `filter`: JSONPath (RFC 9535) as conditions; the words that the standard has besides are put first.

filter → jsonpath → pathtext. A filter on the list of resources, $[?…], becomes conditions each on its own, so that a
column or an index can answer some of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from jsonpath_rfc9535 import filter_expressions as fx
from jsonpath_rfc9535.exceptions import JSONPathError
from jsonpath_rfc9535.query import JSONPathQuery
from jsonpath_rfc9535.segments import JSONPathRecursiveDescentSegment as Descent
from jsonpath_rfc9535.selectors import FilterSelector, NameSelector, WildcardSelector

from oxl.query import condition as tree
from oxl.query.condition import Condition
from oxl.query.grammar import MAX_CLAUSES, MAX_DEPTH, MAX_FILTER
from oxl.query.pathtext import ENV, START, Source, bad, filtered, literal_of, paths_of, predicate, unsupported
from oxl.query.pattern import Dialect, translate

_META = ("type", "baseType", "schemaLocation", "referredType")
_TOKEN = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|=~\s*/(?P<regex>(?:[^/\\]|\\.)*)/(?P<flags>[a-z]*)"""
    r"""|(?P<dots>\.{0,2})@(?P<name>[A-Za-z_]\w*)|(?P<clause>&&|\|\||\?)|(?P<any>.)""",
    re.DOTALL,
)


class Hint(msgspec.Struct, frozen=True):
    """What must be so where a path finds something: an attribute's dotted path leads to this JSON literal.

    lists: how many of its names lead to what must be an array, for the path to lead through its elements.
    """

    names: tuple[str, ...]
    literal: str
    lists: tuple[int, ...] = ()


class Ground(msgspec.Struct, frozen=True):
    """The resource that paths are bound to: by the first names that a path uses (None: all), and by a single name."""

    bind: Callable[[frozenset[str] | None, str, Sequence[Hint]], Condition]
    column: Callable[[Sequence[str], Any], Condition | None]


def conditions(texts: Sequence[str], ground: Ground) -> Condition:
    """Any of the expressions, of several parameters or with commas or semicolons between them."""
    return tree.some([_condition(source, ground) for text in texts for source in _sources(text)])


# ── the words of the standard as those of RFC 9535 ──


def _sources(text: str) -> Iterator[Source]:
    if len(text) > MAX_FILTER:
        raise bad(f"longer than {MAX_FILTER} characters")
    depth = clauses = 0
    found, patterns = "", {}
    for token in _TOKEN.finditer(text):
        clauses += token["clause"] is not None or token["any"] == ","
        match token["any"]:
            case "[" | "(":
                depth += 1
            case "]" | ")":
                depth -= 1
            case "," | ";" if depth == 0:
                yield Source(found, patterns)
                found, patterns = "", {}
                continue
        if depth > MAX_DEPTH or clauses > MAX_CLAUSES:
            raise bad(f"nested deeper than {MAX_DEPTH}, or more than {MAX_CLAUSES} conditions")
        if not found and token[0].isspace():
            continue
        if not found:
            found = _lead(token)
        if token["regex"] is not None:
            found += " == '"
            patterns[len(found)] = _pattern(token["regex"], token["flags"])
            found += "'"
        elif token["name"] is not None:
            found += _meta(token["dots"], token["name"], at_start=depth == 0)
        else:
            found += token[0]
    yield Source(found, patterns)


def _lead(token: re.Match[str]) -> str:
    """The $ that may be left out."""
    if token["any"] == "$":
        return ""
    return "$" if token["any"] == "[" or token["name"] is not None else "$."


def _meta(dots: str, name: str, at_start: bool) -> str:
    """An attribute such as @type, which RFC 9535 has only in quotes; @size is @.size with its dot left out."""
    if dots or at_start:
        return f"{'..' if dots == '..' else ''}['@{name}']"
    return f"@['@{name}']" if name in _META else f"@.{name}"


def _pattern(text: str, flags: str) -> str:
    if set(flags) - {"i"}:
        raise unsupported(f"the flags {flags[:10]} of a regular expression")
    return translate("filter", text.replace(r"\/", "/"), Dialect(fold="i" in flags))


# ── a path bound to a resource ──


def _condition(source: Source, ground: Ground) -> Condition:
    try:
        query = ENV.compile(source.text)
    except (JSONPathError, RecursionError, ArithmeticError, ValueError) as error:
        raise bad(f"not a JSONPath: {str(error)[:120]}") from None
    segments = query.segments
    if not segments:
        return tree.ALWAYS
    first = {type(selector) for selector in segments[0].selectors}
    if isinstance(segments[0], Descent) or first == {NameSelector}:
        used = [query, *(each.query for each in _inside(segments) if isinstance(each, fx.RootFilterQuery))]
        return _any(paths_of(source, segments, START), _first_names(used), ground, _hints(segments, ()))
    if not first <= {FilterSelector, WildcardSelector}:
        raise unsupported("a place in the list of resources (offset and limit are for that)")
    source.whole_list = True
    if len(segments) == 1:
        return tree.some([_of_resource(source, selector, ground) for selector in segments[0].selectors])
    starts = [START + filtered(source, selector) for selector in segments[0].selectors]
    ends = [path for start in starts for path in paths_of(source, segments[1:], start)]
    return _any(ends, None, ground, ())


def _any(paths: Sequence[str], names: frozenset[str] | None, ground: Ground, hints: Sequence[Hint]) -> Condition:
    return tree.some([ground.bind(names, path, hints if len(paths) == 1 else ()) for path in paths])


def _of_resource(source: Source, selector: Any, ground: Ground) -> Condition:
    """A filter on the list of resources: its conditions, each on its own."""
    if isinstance(selector, WildcardSelector):
        return tree.ALWAYS
    return _tree(source, selector.expression.expression, ground)


def _tree(source: Source, expression: fx.Expression, ground: Ground) -> Condition:
    if isinstance(expression, fx.LogicalExpression):
        both = [_tree(source, expression.left, ground), _tree(source, expression.right, ground)]
        return tree.every(both) if expression.operator == "&&" else tree.some(both)
    if isinstance(expression, fx.PrefixExpression):
        return tree.negated(_tree(source, expression.right, ground))
    hints = _hints_of(expression, ())
    if hints and (found := ground.column(hints[0].names, msgspec.json.decode(hints[0].literal))):
        return found
    names = _first_names([each.query for each in _inner(expression, False) if isinstance(each, fx.RelativeFilterQuery)])
    return ground.bind(names, f"{START} ? ({predicate(source, expression, True)})", hints)


def _first_names(queries: Sequence[JSONPathQuery]) -> frozenset[str] | None:
    """The attributes of the resource that queries begin with; None where it may be any."""
    found: set[str] = set()
    for query in queries:
        if not query.segments or isinstance(query.segments[0], Descent):
            return None
        for selector in query.segments[0].selectors:
            if isinstance(selector, (WildcardSelector, FilterSelector)):
                return None
            if isinstance(selector, NameSelector):
                found.add(selector.name)
    return frozenset(found)


def _inside(segments: Sequence[Any]) -> Iterator[fx.Expression]:
    for segment in segments:
        for selector in segment.selectors:
            if isinstance(selector, FilterSelector):
                yield from _inner(selector.expression.expression, True)


def _inner(expression: Any, nested: bool) -> Iterator[fx.Expression]:
    """An expression and those it is made of; nested: also those within its queries' own filters."""
    yield expression
    for part in ("left", "right"):
        if hasattr(expression, part):
            yield from _inner(getattr(expression, part), nested)
    for argument in getattr(expression, "args", ()):
        yield from _inner(argument, nested)
    if nested and isinstance(expression, fx.FilterQuery):
        yield from _inside(expression.query.segments)


def _hints(segments: Sequence[Any], names: tuple[str, ...]) -> list[Hint]:
    """What an index can be asked first: the equalities without which the path finds nothing."""
    lists: list[int] = []
    found: list[Hint] = []
    for segment in segments:
        if isinstance(segment, Descent) or len(segment.selectors) != 1:
            break
        selector = segment.selectors[0]
        if isinstance(selector, NameSelector):
            names = (*names, selector.name)
        elif isinstance(selector, (WildcardSelector, FilterSelector)):
            lists.append(len(names))
            if isinstance(selector, FilterSelector):
                hints = _hints_of(selector.expression.expression, names)
                found += [Hint(hint.names, hint.literal, tuple(lists)) for hint in hints]
    return found


def _hints_of(expression: Any, names: tuple[str, ...]) -> list[Hint]:
    if isinstance(expression, fx.LogicalExpression) and expression.operator == "&&":
        return _hints_of(expression.left, names) + _hints_of(expression.right, names)
    if isinstance(expression, fx.ComparisonExpression) and expression.operator == "==":
        query, literal = expression.left, expression.right
        if isinstance(query, fx.RelativeFilterQuery) and isinstance(literal, _HINTED) and not _empty(literal):
            selectors = [selector for segment in query.query.segments for selector in segment.selectors]
            found = [selector.name for selector in selectors if isinstance(selector, NameSelector)]
            if found and len(found) == len(selectors):
                return [Hint((*names, *found), literal_of(literal))]
    return []


_HINTED = (fx.StringLiteral, fx.BooleanLiteral, fx.IntegerLiteral, fx.FloatLiteral)


def _empty(literal: Any) -> bool:
    return literal.value == ""  # may stand for a regular expression
