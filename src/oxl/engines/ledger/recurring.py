"""Recurring top-ups and adjustments: an action that stays open, and a run of its own for each period.

The sweep takes the schedules that are due; a run, its place in the schedule and its money are one commit, so that each
period's run is made once through any crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.ledger import transfer
from oxl.engines.ledger.ledger import Move, move
from oxl.engines.ledger.posting import columns
from oxl.engines.ledger.recurrence import Period, Schedule, after, first
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "recurring.sql")

SWEPT_AT_ONCE = 500
_NOT_STORED = {  # refusals that are the request's own fault: 400, and nothing is kept
    "unknownBucket": ("bucket.id", "no such bucket"),
    "unitMismatch": ("amount.units", "the bucket counts in another unit"),
    "accountMismatch": ("partyAccount.id", "the bucket belongs to another account"),
}
_SYSTEMS = {"topup": "topup_clearing", "adjust": "adjust"}
_PARENTS_ONLY = ("isAutoTopup", "numberOfPeriods", "recurringPeriod", "adjustType", "validFor")


class Recurring(msgspec.Struct, frozen=True, kw_only=True):
    """An action to be done once each period: first at `start`, `runs` times or until an end, whichever comes first."""

    kind: Literal["topup", "adjust"]
    bucket_id: str
    unit: str  # ledger unit
    amount: int  # atoms
    period: Period
    start: datetime
    body: str  # JSON text, the client's document
    runs: int | None = None
    until: datetime | None = None
    account_id: str | None = None


async def begin(work: Work, items: Sequence[Recurring]) -> list[Done | Refused]:
    """Keep each with its schedule; the sweep makes the runs."""
    rows = await work.conn.fetch(q.places, [item.bucket_id for item in items])
    buckets = {row["id"]: row for row in rows}
    results: list[Done | Refused] = []
    kept: list[tuple[Any, ...]] = []
    schedules: list[tuple[Any, ...]] = []
    for item in items:
        bucket = buckets.get(item.bucket_id)
        wrong = _mismatch(item, bucket)
        if bucket is None or wrong:
            field, message = _NOT_STORED[wrong]
            results.append(Refused("invalid", wrong, f"{field}: {message}", field))
            continue
        action = new_id(work.now)
        plan = first(item.period, item.start, item.runs, item.until)
        kept.append(
            (action, item.kind, item.bucket_id, bucket["account_id"], item.unit, item.amount, "created")
            + (None,) * 8
            + (item.body,)
        )
        schedules.append((action, item.period, item.start, item.runs, item.until, plan.due_at))
        results.append(Done(action, ("create",), "created"))
    if kept:
        await work.conn.execute(transfer.q.keep, work.now, *columns(kept))
        await work.conn.execute(q.keep_schedules, *columns(schedules))
    return results


def _mismatch(item: Recurring, bucket: Any) -> str:
    if bucket is None:
        return "unknownBucket"
    if item.unit != bucket["unit"]:
        return "unitMismatch"
    return "accountMismatch" if item.account_id not in (None, bucket["account_id"]) else ""


async def sweep(work: Work, kind: str) -> list[Done | Refused]:
    """Make the next run of each recurring action of a kind that is due; what became of runs and of their actions."""
    due = await work.conn.fetch(q.due, work.now, kind, SWEPT_AT_ONCE)
    if not due:
        return []
    policy = (await catalog_of(work)).balances
    made = await move(
        work,
        [Move(kind, row["bucket_id"], row["unit"], row["amount"], _SYSTEMS[kind], _run_body(kind, row)) for row in due],
    )
    runs: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    closed: list[tuple[str, str]] = []
    told: list[Done | Refused] = [*made]
    for row, result in zip(due, made, strict=True):
        succeeded = isinstance(result, Done)
        place = result.id if isinstance(result, Done) else result.reference
        if place:
            runs.append((place, row["action_id"], row["period_no"]))
        schedule = Schedule(**{name: row[name] for name in Schedule._fields})
        plan, status = after(schedule, succeeded, work.now, policy)
        moved.append((row["action_id"], plan.period_no, plan.tries, plan.skips, plan.due_at))
        if status != "created":
            closed.append((row["action_id"], status))
            told.append(Done(row["action_id"], ("failure",) if status == "failed" else (), status))
    if runs:
        await work.conn.execute(q.mark_runs, *columns(runs))
    await work.conn.execute(q.move_on, *columns(moved))
    if closed:
        await work.conn.execute(q.close, work.now, *columns(closed))
    return told


def _run_body(kind: str, row: Any) -> str:
    """What a run says: as its parent did, without what makes that recur."""
    body = {name: value for name, value in msgspec.json.decode(row["body"]).items() if name not in _PARENTS_ONLY}
    if kind == "topup":
        body["balanceTopup"] = {"@referredType": "TopupBalance", "id": row["action_id"], "role": "parent"}
    return msgspec.json.encode(body).decode()
