"""Records that come back from an export: taken under their own ids, and brought through what became of them there.

They are guided and rated anew, in the order in which they were taken, and changed when they were changed: so that with
the same catalog and inventory everything between comes to what it came to. What the export says of a record is a plan
that is kept until its time has come, which is at the latest the end of the import.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.usage import again, revise
from oxl.engines.usage.case import Origin, Record
from oxl.engines.usage.decide import Terms
from oxl.engines.usage.record import record
from oxl.engines.usage.rerate import RATED
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.usage", "restore.sql")
_ACTOR = "import"


class _Later(NamedTuple):
    """What a usage is to become, and when it became so where it comes from."""

    at: datetime
    status: str
    reason: str | None
    plan_version: int | None
    id: str


async def restore(work: Work, items: Sequence[Record]) -> list[Done | Refused]:
    """Take the records; those with an origin keep its id and times, and are judged as of then.

    One that waited in suspense there waits here, for the same reason. Refused besides what `record` refuses: conflict,
    when the id is here already.
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
    others = await _taken(work, items, fresh, results)
    found = [result for result in results if result is not None]
    for n, result in enumerate(found):
        if others and isinstance(result, Done):
            found[n] = msgspec.structs.replace(result, others=(*result.others, *others))
            break
    return found


async def finish(work: Work) -> Sequence[Done]:
    """Bring what was restored to where its export says that it is, whenever that was."""
    await work.conn.execute(q.lock_restore)
    return await _caught_up(work, await _waiting(work))


async def _taken(
    work: Work, items: Sequence[Record], fresh: Sequence[int], results: list[Done | Refused | None]
) -> list[Done]:
    """Take the fresh records in order of time, and between them change what is to be changed then."""
    order = sorted(fresh, key=lambda n: _taken_at(work, items[n]))
    if not order:
        return []
    planned = [later for n in order if (later := _later_of(items[n].origin))]
    waiting = [] if not any(items[n].origin for n in order) else await _waiting(work)
    last, others = _taken_at(work, items[order[-1]]), []
    for at, _ in groupby(sorted(later.at for later in [*waiting, *planned] if later.at <= last)):
        ready = [n for n in order if results[n] is None and _taken_at(work, items[n]) <= at]
        await _take(work, items, ready, results)
        if any(isinstance(result, Done) for result in results):  # else nothing could tell of it: that is left for later
            others += await _caught_up(work, [later for later in await _waiting(work) if later.at <= at])
    await _take(work, items, [n for n in order if results[n] is None], results)
    return others


def _taken_at(work: Work, item: Record) -> datetime:
    return item.origin.created_at if item.origin else work.now


def _later_of(origin: Origin | None) -> _Later | None:
    if origin is None or origin.status not in ("superseded", "corrected"):
        return None
    return _Later(origin.updated_at, origin.status, origin.reason, origin.plan_version, origin.id)


async def _take(
    work: Work, items: Sequence[Record], ready: Sequence[int], results: list[Done | Refused | None]
) -> None:
    if not ready:
        return
    times: list[tuple[str, datetime, datetime]] = []
    later: list[_Later] = []
    for n, result in zip(ready, await record(work, [items[n] for n in ready]), strict=True):
        results[n], origin = result, items[n].origin
        if origin is None or isinstance(result, Refused):
            continue
        planned = _later_of(origin)
        if planned is None and result.status == "failed" and origin.status in RATED:
            planned = _Later(origin.updated_at, origin.status, origin.reason, None, origin.id)
        later += [planned] if planned else []
        times.append((origin.id, origin.created_at, origin.created_at if planned else origin.updated_at))
    if times:
        await work.conn.execute(q.restore_times, *_columns(times))
    if later:
        await work.conn.execute(q.keep_waiting, *_columns(later))


async def _waiting(work: Work) -> list[_Later]:
    return [_Later(*row.values()) for row in await work.conn.fetch(q.waiting)]


async def _caught_up(work: Work, waiting: Sequence[_Later]) -> list[Done]:
    """Change each as it is to be; what has been changed by a later record already only gets its time."""
    done: list[Done | Refused] = []
    for key, group in groupby(waiting, key=lambda later: later[:-1]):
        status, reason, version = key[1:]
        ids = [later.id for later in group]
        found = await revise.stored(work, ids)
        if status == "superseded":
            going = [each.id for each in found if each.status in revise.SUPERSEDABLE]
            done += await revise.supersede(work, going, _ACTOR, reason or "withdrawn")
        elif status == "corrected":
            done += (await again.rerate(work, [each for each in found if each.status in RATED], version, _ACTOR))[0]
        else:
            suspended = [each.id for each in found if each.status == "failed"]
            done += await revise.retry(work, suspended, _ACTOR, None, Terms(late=True))
    if waiting:
        await work.conn.execute(q.catch_up, *_columns([(later.id, later.at) for later in waiting]))
    return [result for result in done if isinstance(result, Done)]


def _columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
