"""The one place in Python that makes SQL text: reads of a declared view. Every value is a bound parameter.

A filtered list goes through the fence first: a materialized set of what matches, up to a cap, so that the planner
cannot walk the whole table in order hoping to meet it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from oxl.callers import Sight
from oxl.kernel.declare import Resource
from oxl.kernel.paging import Bound, Key, Place, Window, slices
from oxl.kernel.problem import Problem
from oxl.query.condition import Condition
from oxl.query.where import where

COUNT_CAP = 10_000  # matches that are counted one by one
_PREFIX = 100  # characters of a text that count for its order, so that a cursor stays short
_CASTS = {"text": "text", "number": "numeric", "boolean": "bool", "instant": "timestamptz"}
_LEAST = {
    "text": f"min(left(v #>> '{{}}', {_PREFIX}))",
    "number": "min((v #>> '{}')::numeric)",
    "boolean": "bool_and((v #>> '{}')::bool)",
    # Days are added to the first of the month: PostgreSQL would not read the 30th of February.
    "instant": "min((left(v #>> '{}', 8) || '01' || substr(v #>> '{}', 11))::timestamptz"
    " + (substr(v #>> '{}', 9, 2)::int - 1) * interval '24 hours')",
}

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
    """The documents of one page, as (id, JSON text), how many match in all, and whether that is an estimate.

    more: whether there are others beyond, in the direction that was walked. ends: the places of its first and last row.
    """

    docs: list[tuple[str, str]]
    total: int
    estimated: bool = False
    more: bool = False
    ends: tuple[Place, Place] | None = None


async def by_ids(
    conn: Any, resource: Resource, now: datetime, ids: Sequence[str], sight: Sight | None = None
) -> dict[str, str]:
    """The documents of the ids that exist and are in sight, as JSON text by id."""
    values: list[Any] = [now, list(ids)]
    source = f"{resource.one}($1, $2) where true" if resource.one else f"{resource.view}($1) where id = any ($2)"
    source += f" and {where(resource.seen_by(sight), values)}" if sight else ""
    rows = await conn.fetch(f"select id, doc from {source}", *values)
    return {row["id"]: row["doc"] for row in rows}


async def seen(
    conn: Any, resource: Resource, now: datetime, asked: Sequence[tuple[str, Sight | None]]
) -> list[str | None]:
    """The document of each id, for who asks for it; None where it is not there, or not to be seen by them."""
    found: dict[tuple[str, Sight | None], str] = {}
    for sight in dict.fromkeys(sight for _, sight in asked):
        ids = list({wanted for wanted, by in asked if by == sight})
        docs = await by_ids(conn, resource, now, ids, sight)
        found |= {(each, sight): doc for each, doc in docs.items()}
    return [found.get(each) for each in asked]


async def page(
    conn: Any, resource: Resource, now: datetime, conditions: Sequence[Condition], part: Window, cap: int = COUNT_CAP
) -> Page:
    """One page of the resources that meet all conditions; the total exact up to `cap`, above it estimated unless cheap.

    What at most `cap` rows meet is found through the fence and sorted; else there are so many that a walk in order soon
    meets enough of them.
    """
    view = _unsorted(resource, now, conditions)._replace(keys=part.keys)
    hits = None
    if conditions and part.known is None:
        rows, hits = await _fenced(conn, view, part, cap)
        if hits <= cap:
            docs = await by_ids(conn, resource, now, [row["id"] for row in rows])
            return _page(rows, docs, part, hits, False)
    rows = await _walked(conn, view, part)
    shown = min(len(rows), part.limit)
    total, estimated = part.offset + shown, False
    if part.at is not None or len(rows) > part.limit or (part.offset and not rows):
        total, estimated = await _total(conn, view, part, cap, hits, len(rows))
    return _page(rows, {row["id"]: row["doc"] for row in rows}, part, total, estimated)


class _View(NamedTuple):
    """A declared view under a filter, with what its SQL needs; `values` are those of the filter."""

    name: str
    where: str
    keys: Sequence[Key]
    values: list[Any]

    def matching(self, values: list[Any], *columns: str) -> str:
        """A select of those columns and of each sort key as k0, k1 …; the paths of keys are added to the values."""
        found = ["id", *columns]
        for n, key in enumerate(self.keys[:-1]):
            expression = f"left({key.column}, {_PREFIX})" if key.kind == "text" else key.column
            if key.path:
                values.append(key.path)
                expression = (
                    f"(select {_LEAST[key.kind]} from jsonb_path_query({key.column}, ${len(values)}::text::jsonpath) v)"
                )
            found.append(f"{expression} as k{n}")
        return f"select {', '.join(found)} from {self.name}($1) where {self.where}"

    def key(self, n: int) -> str:
        return f"k{n}" if n < len(self.keys) - 1 else "id"

    def place(self) -> str:
        return f"array[{', '.join(f'{self.key(n)}::text' for n in range(len(self.keys)))}] as place"

    def order(self, backwards: bool, first: int = 0, plain: bool = False) -> str:
        """From the first key on, nulls last; a plain first key has none, so that an index may be read either way."""
        found = []
        for n, key in enumerate(self.keys[first:], first):
            descending = key.descending != backwards
            nulls = (
                ""
                if n == len(self.keys) - 1 or (plain and n == first)
                else " nulls first"
                if backwards
                else " nulls last"
            )
            found.append(f"{self.key(n)}{' desc' if descending else ''}{nulls}")
        return f"order by {', '.join(found)}"

    def within(self, bounds: Sequence[Bound], values: list[Any]) -> str:
        found = []
        for bound in bounds:
            if bound.test in ("null", "value"):
                found.append(f"{self.key(bound.key)} is {'null' if bound.test == 'null' else 'not null'}")
            else:
                values.append(bound.text)
                cast = f"${len(values)}::text::{_CASTS[self.keys[bound.key].kind]}"
                found.append(f"{self.key(bound.key)} {bound.test} {cast}")
        return " and ".join(found) or "true"


def _slices(part: Window) -> list[list[Bound]]:
    return slices(len(part.keys), [key.descending for key in part.keys], part.at, part.backwards)


async def _fenced(conn: Any, view: _View, part: Window, cap: int) -> tuple[Sequence[Any], int]:
    """The rows of the page and the number of matches, both of no use when that is more than `cap`."""
    values = [*view.values]
    matching = f"{view.matching(values)} limit {cap + 1}"
    beyond = " or ".join(f"({view.within(bounds, values)})" for bounds in _slices(part)) if part.at else "true"
    rows = await conn.fetch(
        f"with matching as materialized ({matching}) "
        f"select id, {view.place()}, (select count(*) from matching) as hits from matching where {beyond} "
        f"{view.order(part.backwards)} offset ${len(values) + 1} limit ${len(values) + 2}",
        *values,
        part.offset,
        part.limit + 1,
    )
    if rows or not (part.offset or part.at):
        return rows, rows[0]["hits"] if rows else 0
    return rows, await _count(conn, view, f" limit {cap + 1}")


async def _walked(conn: Any, view: _View, part: Window) -> list[Any]:
    """The rows of the page and one more, read in order, slice by slice until there are enough."""
    rows: list[Any] = []
    for bounds in [[]] if part.offset else _slices(part):
        values = [*view.values]
        matching = view.matching(values, "doc")
        within = view.within(bounds, values)
        plain = bool(bounds) and bounds[-1].test != "null"
        first = bounds[-1].key + (not plain) if bounds else 0
        rows += await conn.fetch(
            f"select id, doc, {view.place()} from ({matching}) as m where {within} "
            f"{view.order(part.backwards, first, plain)} offset ${len(values) + 1} limit ${len(values) + 2}",
            *values,
            part.offset,
            part.limit + 1 - len(rows),
        )
        if len(rows) > part.limit:
            break
    return rows


async def _count(conn: Any, view: _View, limit: str = "") -> int:
    counted = f"select from {view.name}($1) where {view.where}{limit}"
    return await conn.fetchval(f"select count(*) from ({counted}) as m", *view.values)


async def _total(conn: Any, view: _View, part: Window, cap: int, hits: int | None, seen: int) -> tuple[int, bool]:
    """The total, and whether it is an estimate: not where a count costs no more than the page did."""
    if part.exact or (part.offset and not seen):
        return await _count(conn, view), False
    if part.known is not None:
        return part.known, True
    hits = await _count(conn, view, f" limit {cap + 1}") if hits is None else hits
    if hits <= cap:
        return hits, False
    sql = f"explain (format json) select id from {view.name}($1) where {view.where}"
    plan = json.loads(await conn.fetchval(sql, *view.values))
    return max(int(plan[0]["Plan"]["Plan Rows"]), hits, part.offset + seen), True


def _page(rows: Sequence[Any], docs: dict[str, str], part: Window, total: int, estimated: bool) -> Page:
    """The rows in the list's order, without the one too many; one that went away since it was found is passed over."""
    more, shown = len(rows) > part.limit, [row for row in rows[: part.limit] if row["id"] in docs]
    if part.backwards:
        shown.reverse()
    ends = (shown[0]["place"], shown[-1]["place"]) if shown else None
    return Page([(row["id"], docs[row["id"]]) for row in shown], total, estimated, more, ends)


async def copy(
    conn: Any, resource: Resource, now: datetime, conditions: Sequence[Condition], collection: str, take: Any
) -> None:
    """Every document that meets the conditions, with its href, in order of id: lines of JSON, to `take` in parts."""
    # Nothing is quoted: JSON text holds neither line ends nor these control characters.
    view, start = _unsorted(resource, now, conditions), f'{{"href": "{collection}/'
    line = f"${len(view.values) + 1}::text || id || '\", ' || substr(doc::text, 2)"
    sql = f"select {line} from {view.name}($1) where {view.where} order by id"
    form = {"format": "csv", "delimiter": "\x01", "quote": "\x02", "escape": "\x02", "encoding": "utf8"}
    await conn.copy_from_query(sql, *view.values, start, output=take, **form)


async def count(conn: Any, resource: Resource, now: datetime, conditions: Sequence[Condition]) -> int:
    """How many meet the conditions, every one counted."""
    return await _count(conn, _unsorted(resource, now, conditions))


def _unsorted(resource: Resource, now: datetime, conditions: Sequence[Condition]) -> _View:
    values: list[Any] = [now]
    return _View(resource.view, " and ".join(where(each, values) for each in conditions) or "true", (), values)


class Event(NamedTuple):
    """One event for the outbox. changed: a JSON array of attributes, or None; doc: given when it is no longer there."""

    id: str
    type: str
    resource_id: str
    changed: str | None = None
    doc: str | None = None
    trace: str = ""


async def keep_events(
    conn: Any, resource: Resource, now: datetime, api: str, events: Sequence[Event], answer: bool, others: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Write events to the outbox, each with its document, or else with the resource as it now looks from outside; and
    wake those who wait. The documents by id, where an answer is made of them; which of the other APIs are listened to.
    """
    ids = "(select * from {}($1) where id = any ($6))"  # said twice: a join alone may read the whole view
    source = f"{resource.one}($1, $6)" if resource.one else ids.format(resource.view)
    gone = events[0].doc is not None  # of one group all are deletions, or none is
    row = await conn.fetchrow(
        f"with told as (insert into outbox (id, api, event_type, resource, resource_id, at, doc, changed, trace) "
        f"select e.id, $2, e.event_type, $3, e.resource_id, $1, {'e.doc::jsonb' if gone else 'v.doc'}, "
        f"case when e.changed is not null then array(select jsonb_array_elements_text(e.changed::jsonb)) end, "
        f"coalesce(e.trace, '') from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) "
        f"as e (id, event_type, resource_id, changed, doc, trace)"
        f"{'' if gone else f' join {source} v on v.id = e.resource_id'} returning resource_id, doc) "
        f"select outbox_wake($11) as heard, array_agg(resource_id) filter (where $10) as ids, "
        f"array_agg(doc::text) filter (where $10) as docs from told",
        now,
        api,
        resource.name,
        *[list(column) if any(column) else [] for column in zip(*events, strict=True)],  # empty: nothing in any row
        answer,
        others,
    )
    return dict(zip(row["ids"] or (), row["docs"] or (), strict=True)), row["heard"]
