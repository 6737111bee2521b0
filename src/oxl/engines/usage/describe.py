"""The usage engine's verb for what only describes a record and enters no sum: parties, service usages, extensions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oxl.db.queries import load
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.usage", "usage.sql")


class Description(msgspec.Struct, frozen=True):
    """What a record's document is to hold anew, and what no longer."""

    id: str
    put: str  # JSON text of an object
    removed: Sequence[str] = ()


async def describe(work: Work, items: Sequence[Description]) -> list[Done | Refused]:
    """Change the documents of records, each at most once."""
    rows = [(item.id, item.put, msgspec.json.encode(item.removed).decode()) for item in items]
    if rows:
        await work.conn.execute(q.describe, work.now, *[list(column) for column in zip(*rows, strict=True)])
    return [Done(item.id) for item in items]
