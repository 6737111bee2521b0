"""The one place in Python that makes SQL text: reads of a declared view. Every value is a bound parameter.

A list behind a condition on the document goes through the fence: a materialized set of the ids that match, so that the
planner cannot walk the whole table in order hoping to meet them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from oxl.kernel.declare import Resource
from oxl.kernel.filter import Condition
from oxl.kernel.request import Query


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
    if any(condition.kind == "path" for condition in conditions):
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


def _where(condition: Condition, values: list[Any]) -> str:
    slot = len(values) + 1
    match condition.kind:
        case "never":
            return "false"
        case "path":
            values.append(condition.values[0])
            return f"{condition.column} @? ${slot}::text::jsonpath"
        case "instant":
            values += [[low for low, _ in condition.values], [high for _, high in condition.values]]
            return (
                f"exists (select from unnest(${slot}::timestamptz[], ${slot + 1}::timestamptz[]) as span (low, high) "
                f"where {condition.column} >= low and {condition.column} < high)"
            )
    values.append(list(condition.values))
    types = {"text": "text", "number": "numeric", "boolean": "bool"}
    return f"{condition.column} = any (${slot}::{types[condition.kind]}[])"


async def keep_events(
    conn: Any, resource: Resource, now: datetime, api: str, events: Sequence[tuple[str, str, str, str | None]]
) -> None:
    """Write (event id, event type, resource id, names of what changed) to the outbox, each with the resource as it now
    looks from outside."""
    source = f"{resource.one}($1, $6)" if resource.one else f"{resource.view}($1)"
    await conn.execute(
        f"insert into outbox (id, api, event_type, resource, resource_id, at, doc, changed) "
        f"select e.id, $2, e.event_type, $3, e.resource_id, $1, v.doc, e.changed::jsonb "
        f"from unnest($4::text[], $5::text[], $6::text[], $7::text[]) as e (id, event_type, resource_id, changed) "
        f"join {source} v on v.id = e.resource_id",
        now,
        api,
        resource.name,
        *[list(column) for column in zip(*events, strict=True)],
    )
