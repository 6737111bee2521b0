"""Checks files as if they were published beside those that are, and keeps what was wrong; publishes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.catalog import load_texts
from oxl.engines.catalog.document import CatalogError
from oxl.engines.catalog.registry import texts_of
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.catalog", "checks.sql")
_JSON = msgspec.json.Encoder()


async def check(work: Work, items: Sequence[dict[str, str]]) -> list[Done | Refused]:
    """Check sets of files, text by path; every problem is told with file, line and field."""
    published = await texts_of(work)
    results: list[Done | Refused] = []
    for texts in items:
        problems = []
        try:
            load_texts(published | texts)
        except CatalogError as error:
            problems = [each._asdict() for each in error.problems]
        made = new_id(work.now)
        await work.conn.execute(q.keep, made, work.now, list(texts), _JSON.encode(problems).decode())
        results.append(Done(made, ("create",)))
    return results
