"""The one place in Python that makes SQL text: reads of a declared view. Every value is a bound parameter.

A list behind a condition on the document goes through the fence: a materialized set of the ids that match, so that the
planner cannot walk the whole table in order hoping to meet them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from oxl.kernel.condition import Condition
from oxl.kernel.declare import Resource
from oxl.kernel.problem import Problem
from oxl.kernel.request import Query

_TYPES = {"text": "text[]", "number": "numeric[]", "boolean": "bool[]"}
_ORDER = ("gt", "gte", "lt", "lte")
_SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "regex": "~"}
# A text as an instant, if it is a date or date-time: first held against everything that PostgreSQL could fail to read.
_DATE = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "[Tt ]([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]+)?([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
_INSTANT = (
    f"case when shown ~ '^{_DATE}({_TIME})?$' then "
    "case when extract(day from (left(shown, 8) || '01')::date + substr(shown, 9, 2)::int - 1) = substr(shown, 9, 2)::int "
    "then (shown || case when length(shown) = 10 then 'T00:00:00Z' else '' end)::timestamptz end end"
)
TIME_LIMIT = 5  # seconds that one statement of a list may take


@asynccontextmanager
async def bounded(conn: Any) -> AsyncIterator[None]:
    """Statements that are given up after TIME_LIMIT, by Problem 503: no filter holds a connection for longer."""
    await conn.execute(f"set statement_timeout = {round(TIME_LIMIT * 1000)}")
    try:
        yield
    except asyncpg.QueryCanceledError:
        message = f"filter: no answer within {TIME_LIMIT} s; ask for less, or by an attribute that has an index"
        raise Problem(503, "queryTooSlow", message) from None
    finally:
        if not conn.is_closed():
            await conn.execute("reset statement_timeout")


class Page(NamedTuple):
    """The documents of one page, as (id, JSON text), and how many match in all."""

    docs: list[tuple[str, str]]
    total: int


async def by_ids(conn: Any, resource: Resource, now: datetime, ids: Sequence[str]) -> dict[str, str]:
    """The documents of the ids that exist, as JSON text by id."""
    source = f"{resource.one}($1, $2)" if resource.one else f"{resource.view}($1) where id = any ($2)"
    rows = await conn.fetch(f"select id, doc from {source}", now, list(ids))
    return {row["id"]: row["doc"] for row in rows}


async def page(conn: Any, resource: Resource, now: datetime, conditions: Sequence[Condition], query: Query) -> Page:
    """One page of the resources that meet all conditions, newest id last, with the exact total."""
    values: list[Any] = [now]
    where = " and ".join(_where(condition, values) for condition in conditions) or "true"
    matching = f"select id from {resource.view}($1) where {where}"
    window = f"order by id offset ${len(values) + 1} limit ${len(values) + 2}"
    if any(_reads_document(condition) for condition in conditions):
        sql = (
            f"with matching as materialized ({matching}), page as (select id from matching {window}) "
            f"select id, doc from {resource.view}($1) where id = any (array(select id from page)) order by id"
        )
    else:
        sql = f"select id, doc from {resource.view}($1) where {where} {window}"
    rows = await conn.fetch(sql, *values, query.offset, query.limit)
    docs = [(row["id"], row["doc"]) for row in rows]
    if query.offset == 0 and len(docs) < query.limit:
        return Page(docs, len(docs))
    return Page(docs, await conn.fetchval(f"select count(*) from ({matching}) as m", *values))


def _reads_document(condition: Condition) -> bool:
    return bool(condition.path) or any(map(_reads_document, condition.parts))


def _where(condition: Condition, values: list[Any]) -> str:
    """The condition as SQL, its values added to those to be bound."""

    def bound(value: Any, kind: str) -> str:
        values.append(value)
        return f"${len(values)}::{kind}"

    match condition.kind:
        case "never":
            return "false"
        case "all" | "any":
            parts = [_where(part, values) for part in condition.parts]
            return f"({(' and ' if condition.kind == 'all' else ' or ').join(parts)})" if parts else "true"
        case "not":
            return f"({_where(condition.parts[0], values)}) is not true"
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


async def keep_events(
    conn: Any, resource: Resource, now: datetime, api: str, events: Sequence[tuple[str, str, str]]
) -> None:
    """Write (event id, event type, resource id) to the outbox, each with the resource as it now looks from outside."""
    source = f"{resource.one}($1, $6)" if resource.one else f"{resource.view}($1)"
    await conn.execute(
        f"insert into outbox (id, api, event_type, resource, resource_id, at, doc) "
        f"select e.id, $2, e.event_type, $3, e.resource_id, $1, v.doc "
        f"from unnest($4::text[], $5::text[], $6::text[]) as e (id, event_type, resource_id) "
        f"join {source} v on v.id = e.resource_id",
        now,
        api,
        resource.name,
        *[list(column) for column in zip(*events, strict=True)],
    )
