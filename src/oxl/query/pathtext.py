"""JSONPath expressions in PostgreSQL's own path language, made to mean the same; what it cannot say is answered 501.

`$.**{0}` in front of a strict path is what makes it so: PostgreSQL then passes over what is not there instead of
failing, and yet does not unwrap arrays as a lax path would. Tests hold it against the library's own evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import msgspec
from iregexp_check import check as is_interoperable
from jsonpath_rfc9535 import JSONPathEnvironment
from jsonpath_rfc9535 import filter_expressions as fx
from jsonpath_rfc9535.segments import JSONPathRecursiveDescentSegment as Descent
from jsonpath_rfc9535.selectors import IndexSelector, NameSelector, SliceSelector, WildcardSelector

from oxl.query.grammar import MAX_CLAUSES
from oxl.query.pattern import Dialect, translate
from oxl.values import BadValue, bounded_decimal
from oxl.verbs import Refusal, invalid
from oxl.verbs import unsupported as unsupported_by

ENV = JSONPathEnvironment()
START = "strict $.**{0}"
_LAST = 2**31 - 1  # PostgreSQL's greatest index
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


class Source(msgspec.Struct):
    """An expression in RFC 9535's own words; the regular expressions stand in it as empty texts, by their place."""

    text: str
    patterns: dict[int, str]
    whole_list: bool = False  # whether $ is the list of all resources


def bad(message: str) -> Refusal:
    """The answer to a filter that cannot be read."""
    return invalid("filter", message, "invalidQuery")


def unsupported(what: str) -> Refusal:
    """The answer to a filter that says what PostgreSQL cannot be asked."""
    return unsupported_by("filter", what)


def paths_of(source: Source, segments: Sequence[Any], start: str) -> list[str]:
    """The paths that find, together, what the segments select: one for each choice of selectors."""
    steps = [[_step(source, segment, selector) for selector in segment.selectors] for segment in segments]
    if sum(isinstance(segment, Descent) for segment in segments) > 1:
        raise unsupported("more than one .. in a path")
    if prod(map(len, steps)) > MAX_CLAUSES:
        raise bad(f"more than {MAX_CLAUSES} ways through its selectors")
    return [start + "".join(each) for each in product(*steps)]


def _step(source: Source, segment: Any, selector: Any) -> str:
    below = ".**" if isinstance(segment, Descent) else ""
    match selector:
        case NameSelector():
            return f"{below}.{_text(selector.name)}"
        case IndexSelector():
            return f"{below}[{_index(selector.index)}]"
        case SliceSelector():
            return f"{below}[{_slice(selector.slice)}]"
        case WildcardSelector():
            return ".**{1 to last}" if below else ".**{1}"
        case _:
            return f"{'.**{1 to last}' if below else '.**{1}'}{filtered(source, selector)}"


def filtered(source: Source, selector: Any) -> str:
    """What follows the elements that a selector passes over, where it is a filter."""
    if isinstance(selector, WildcardSelector):
        return ""
    return f" ? ({predicate(source, selector.expression.expression, True)})"


def _index(index: int) -> str:
    return str(min(index, _LAST)) if index >= 0 else f"last - {min(-index - 1, _LAST)}"


def _slice(part: slice) -> str:
    if part.step == 0:
        return f"{_LAST}"
    if part.step not in (None, 1):
        raise unsupported("a slice with a step")
    start, stop = part.start or 0, part.stop
    end = "last" if stop is None else f"{min(stop, _LAST) - 1}" if stop >= 0 else f"last - {min(-stop, _LAST)}"
    return f"{_index(start)} to {end}"


def predicate(source: Source, expression: Any, positive: bool) -> str:
    """The expression, or its negation, as a predicate that holds exactly where RFC 9535 says that it is true."""
    match expression:
        case fx.LogicalExpression():
            both = [predicate(source, part, positive) for part in (expression.left, expression.right)]
            return f"({(' && ' if (expression.operator == '&&') == positive else ' || ').join(both)})"
        case fx.PrefixExpression():
            return predicate(source, expression.right, not positive)
        case fx.FilterQuery():
            paths = [f"exists ({path})" for path in _query(source, expression)]
            return f"({' || '.join(paths)})" if positive else f"(!({' || '.join(paths)}))"
        case fx.ComparisonExpression():
            return _comparison(source, expression, positive)
    return _decided(_function(source, expression), positive)


def _decided(predicate: str, positive: bool) -> str:
    """Where PostgreSQL does not know, as with values of two types, RFC 9535 says no."""
    return f"({predicate})" if positive else f"(!({predicate}) || ({predicate}) is unknown)"


def _query(source: Source, expression: fx.FilterQuery) -> list[str]:
    rooted = isinstance(expression, fx.RootFilterQuery)
    if rooted and source.whole_list:
        raise unsupported("$ inside a filter on the list of resources")
    return paths_of(source, expression.query.segments, "$" if rooted else "@")


def _comparison(source: Source, expression: fx.ComparisonExpression, positive: bool) -> str:
    left, operator, right = expression.left, expression.operator, expression.right
    if isinstance(left, fx.FilterExpressionLiteral):
        if isinstance(right, fx.FilterExpressionLiteral):
            context = fx.FilterContext(env=ENV, current=None, root=None)
            return f"(1 == {1 if expression.evaluate(context) == positive else 0})"
        left, operator, right = right, _FLIPPED[operator], left
    if not isinstance(left, fx.FilterQuery) or not isinstance(right, fx.FilterExpressionLiteral):
        raise unsupported("a comparison of anything but a path with a value")
    if operator == "!=":
        operator, positive = "==", not positive
    [path] = _query(source, left)
    if isinstance(right, fx.StringLiteral) and right.token.index in source.patterns:
        return _decided(_matches(path, source.patterns[right.token.index]), positive)
    if isinstance(right, fx.BooleanLiteral) and operator in ("<", ">"):
        return f"(1 == {0 if positive else 1})"
    if isinstance(right, fx.BooleanLiteral):
        operator = "=="
    return _decided(f"{path} {operator} {literal_of(right)}", positive)


def _function(source: Source, expression: Any) -> str:
    """match and search with a pattern that is given: an expression of RFC 9485, of which RE2 takes all."""
    if not isinstance(expression, fx.FunctionExtension) or expression.name not in ("match", "search"):
        raise unsupported(f"{getattr(expression, 'name', 'this')}()")
    text, pattern = expression.args
    if not isinstance(text, fx.FilterQuery) or not isinstance(pattern, fx.StringLiteral):
        raise unsupported(f"{expression.name}() of anything but a path and a pattern")
    if not is_interoperable(pattern.value):
        raise bad(f"{expression.name}() takes a regular expression of RFC 9485")
    dialect = Dialect(dot=r"[^\n\r]", whole=expression.name == "match")
    [path] = _query(source, text)
    return _matches(path, translate("filter", pattern.value, dialect))


def _matches(path: str, pattern: str) -> str:
    return f'{path} like_regex {_text(pattern)} flag "s"'


def literal_of(literal: Any) -> str:
    """A literal in PostgreSQL's words, which are JSON's; a number with all of the digits that were sent."""
    if isinstance(literal, fx.StringLiteral):
        return _text(literal.value)
    if isinstance(literal, (fx.IntegerLiteral, fx.FloatLiteral)):
        try:
            return f"{bounded_decimal(literal.token.value):f}"
        except BadValue as error:
            raise bad(str(error)) from None
    return msgspec.json.encode(literal.value).decode()


def _text(text: str) -> str:
    if _UNFIT.search(text):
        raise bad("holds a character that cannot be asked for")
    return msgspec.json.encode(text).decode()
