"""The usage engine's verb for records that come back from an export: taken like any other, under their own ids."""

from __future__ import annotations

from collections.abc import Sequence

from oxl.db.queries import load
from oxl.engines.usage.record import Record, record
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.usage", "usage.sql")


async def restore(work: Work, items: Sequence[Record]) -> list[Done | Refused]:
    """Take the records; those with an origin keep its id and times, and are judged as of then.

    They are guided and rated anew, so that with the same catalog and inventory they come to what they came to there.
    Refused besides what `record` refuses: conflict, when the id is here already.
    """
    origins = [item.origin for item in items if item.origin]
    here: set[str] = set()
    if origins:
        await work.conn.execute(q.lock_restore)
        here = {row["id"] for row in await work.conn.fetch(q.ids_in_use, [origin.id for origin in origins])}
    results: list[Done | Refused | None] = [None] * len(items)
    fresh: list[int] = []
    for n, item in enumerate(items):
        if item.origin and item.origin.id in here:
            message = "id: this usage was recorded before"
            results[n] = Refused("conflict", "duplicateUsage", message, "id", item.origin.id)
        else:
            fresh.append(n)
            here |= {item.origin.id} if item.origin else set()
    for n, result in zip(fresh, await record(work, [items[n] for n in fresh]), strict=True):
        results[n] = result
    kept = [origin for n in fresh if isinstance(results[n], Done) and (origin := items[n].origin)]
    if kept:
        times = zip(*[(each.id, each.created_at, each.updated_at) for each in kept], strict=True)
        await work.conn.execute(q.restore_times, *[list(column) for column in times])
    return [result for result in results if result is not None]
