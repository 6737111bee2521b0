"""Usage specifications that are only described: told of by a partner or a kit, and read by nobody.

The catalog's own specifications say how a record is read and are published with it (`registry.publish`); these hold
what the standard knows of a specification, and usage that names one waits until the catalog has one of that id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oxl.db.queries import load
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.catalog", "catalog.sql")


class Described(NamedTuple):
    """A specification by its id, and what is said of it: the JSON text of an object."""

    id: str
    body: str


async def describe(work: Work, items: Sequence[Described]) -> list[Done | Refused]:
    """Keep new descriptions; their ids are nobody's yet."""
    if items:
        await work.conn.execute(q.describe, work.now, *[list(column) for column in zip(*items, strict=True)])
    return [Done(item.id, ("create",)) for item in items]


async def describe_anew(work: Work, items: Sequence[Described]) -> list[Done | Refused]:
    """Put other descriptions in the place of those that are kept, each at most once.

    Refused (conflict): what is published with the catalog, which is changed there.
    """
    rows = await work.conn.fetch(q.describe_anew, work.now, *[list(column) for column in zip(*items, strict=True)])
    return _done([item.id for item in items], {row["id"] for row in rows}, ())


async def forget(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Remove descriptions; usage that names one stays as it is. Refused (conflict): as for describe_anew."""
    return _done(ids, {row["id"] for row in await work.conn.fetch(q.forget_described, list(ids))}, ("delete",))


def _done(ids: Sequence[str], found: set[str], changes: tuple[str, ...]) -> list[Done | Refused]:
    return [Done(each, changes) if each in found else _published(each) for each in ids]


def _published(specification_id: str) -> Refused:
    message = f"id: {specification_id} is published with the catalog, and changed there"
    return Refused("conflict", "publishedWithCatalog", message, "id")
