"""The verbs of limits: how much a device may spend, or use of what its account shares, before somebody is told.

A limit tells; it bars nothing. Each of its thresholds is told once in each of its periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.values import id_floor, new_id, unit_of
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.consumption", "limits.sql")

THRESHOLDS = (80, 100)  # percent, where a limit says none
_LATELY = timedelta(seconds=30)  # usages that are looked at again, in case they were committed late
_MOST = 500  # limits in a sweep besides those


class NewLimit(msgspec.Struct, frozen=True):
    """A limit to be: `amount` atoms of the ledger unit `unit`, shown in `display_unit`; no `allowance_id`: of money."""

    body: str  # JSON text
    device_id: str | None
    number: str | None
    allowance_id: str
    unit: str
    amount: int
    display_unit: str
    thresholds: tuple[int, ...] = THRESHOLDS


async def set_limits(work: Work, items: Sequence[NewLimit]) -> list[Done | Refused]:
    """Keep the limits. Refused: unknown device or allowance, another unit, a second one of a kind for a device."""
    asked = [[item.device_id for item in items], [item.number for item in items], [item.allowance_id for item in items]]
    rows = await work.conn.fetch(q.subjects, *asked, work.now)
    found = {row["n"] - 1: row for row in rows}
    results: list[Done | Refused] = []
    kept: dict[str, tuple[Any, ...]] = {}
    for n, item in enumerate(items):
        row = found.get(n)
        refused = _why_not(item, row)
        if row is None or refused:
            results.append(refused or Refused("invalid", "unknownDevice", "logicalResource: no such device"))
            continue
        new = new_id(work.now)
        kept[new] = (
            new, row["account_id"], row["id"], item.allowance_id, item.unit, item.amount, item.display_unit,
            unit_of(item.display_unit).atoms, msgspec.json.encode(item.thresholds).decode(), row["period_start"],
            row["paid"], item.body,
        )  # fmt: skip
        results.append(Done(new, ("create",)))
    if kept:
        columns = [list(column) for column in zip(*kept.values(), strict=True)]
        made = {row["id"] for row in await work.conn.fetch(q.keep, work.now, *columns)}
        second = Refused("conflict", "duplicate", "logicalResource: the device has such a limit already")
        results = [second if isinstance(each, Done) and each.id not in made else each for each in results]
    return results


def _why_not(item: NewLimit, row: Any) -> Refused | None:
    if row is None:
        return Refused("invalid", "unknownDevice", "logicalResource: no such device", "logicalResource")
    if item.allowance_id and row["unit"] is None:
        told = "bucketSpecification.id: the device's account shares no such allowance now"
        return Refused("invalid", "unknownAllowance", told, "bucketSpecification.id")
    wanted = row["unit"] if item.allowance_id else row["currency"]
    if item.unit != wanted:
        return Refused("invalid", "unitMismatch", f"limitValue.units: counts in {wanted}", "limitValue.units")
    return None


async def forget_limits(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Take limits away."""
    gone = {row["id"] for row in await work.conn.fetch(q.forget, list(ids))}
    unknown = Refused("unknown", "notFound", "no such limit is set")
    return [Done(each, ("delete",)) if each in gone else unknown for each in ids]


async def sweep(work: Work) -> list[Done]:
    """Look at the limits of devices that were used lately, and at others in turn: who has come to a threshold."""
    rows = await work.conn.fetch(q.due, id_floor(work.now - _LATELY), _MOST)
    ids = [row["id"] for row in rows]
    if not ids:
        return []
    await work.conn.execute(q.turn, work.now, ids)
    return [Done(row["limit_id"], ("threshold",)) for row in await work.conn.fetch(q.mark, work.now, ids)]
