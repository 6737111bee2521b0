"""Conditions as SQL text over a view's columns; every value is a bound parameter. Called by `kernel.select` alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oxl.query.condition import Condition

_TYPES = {"text": "text[]", "number": "numeric[]", "boolean": "bool[]"}
_ORDER = ("gt", "gte", "lt", "lte")
_SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "regex": "~"}
# A text as an instant, if it is a date or date-time: first held against everything that PostgreSQL could fail to read.
_DATE = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "[Tt ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
_INSTANT = (
    f"case when shown ~ '^{_DATE}({_TIME})?$' then "
    "case when extract(day from (left(shown, 8) || '01')::date + substr(shown, 9, 2)::int - 1) = "
    "substr(shown, 9, 2)::int "
    "then (shown || case when length(shown) = 10 then 'T00:00:00Z' else '' end)::timestamptz end end"
)


def where(condition: Condition, values: list[Any]) -> str:
    """The condition as SQL, its values added to those to be bound."""

    def bound(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    match condition.kind:
        case "never":
            return "false"
        case "all" | "any":
            parts = [where(part, values) for part in condition.parts]
            return f"({(' and ' if condition.kind == 'all' else ' or ').join(parts)})" if parts else "true"
        case "not":
            return f"({where(condition.parts[0], values)}) is not true"
        case "text" | "number" | "boolean":
            column = f'{condition.column} collate "C"' if condition.op in _ORDER else condition.column
            column = column if condition.kind == "text" else condition.column
            return f"{column} {_SIGNS[condition.op]} any ({bound(list(condition.values), _TYPES[condition.kind])})"
        case "instant":
            return _in_spans(condition, condition.column, bound)
    source = condition.column
    if condition.href:
        source = f"({source} || jsonb_build_object('href', {bound(condition.href, 'text')} || id))"
    path = bound(condition.path, "jsonpath")
    match condition.kind:
        case "path":
            return f"{source} @? {path}"
        case "exact":
            return f"jsonb_path_exists({source}, {path}, '{{}}', true)"
        case _:
            return (
                f"exists (select from jsonb_path_query({source}, {path}, '{{}}', true) as f (value), "
                f"lateral (select {_INSTANT} as at from (select f.value #>> '{{}}') as g (shown)) as i "
                f"where {_in_spans(condition, 'at', bound)})"
            )


def _in_spans(condition: Condition, column: str, bound: Callable[[Any, str], str]) -> str:
    """An instant against half-open spans; what is equal lies within one."""
    lows, highs = ([span[n] for span in condition.values] for n in (0, 1))
    if condition.op == "eq":
        spans = f"{bound(lows, 'timestamptz[]')}, {bound(highs, 'timestamptz[]')}"
        return f"exists (select from unnest({spans}) as s (low, high) where {column} >= low and {column} < high)"
    sign, border = {"gt": (">=", highs), "gte": (">=", lows), "lt": ("<", lows), "lte": ("<", highs)}[condition.op]
    return f"{column} {sign} any ({bound(border, 'timestamptz[]')})"
