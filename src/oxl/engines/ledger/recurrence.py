"""When the runs of a recurring action are due, and what one run's outcome makes of its schedule. Pure sums."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from oxl.engines.catalog.balances import Policy
from oxl.values import add_months

Period = Literal["weekly", "fortnightly", "monthly"]
_DAYS = {"weekly": 7, "fortnightly": 14}


class Schedule(NamedTuple):
    """Where a recurring action stands: `period_no` is the next run, due at `due_at`; none when it is over."""

    period: str
    anchor: datetime
    runs: int | None
    until: datetime | None
    period_no: int = 0
    tries: int = 0
    skips: int = 0
    due_at: datetime | None = None


def due(anchor: datetime, period: str, n: int) -> datetime:
    """When run n is due: counted from the anchor, so that a short month does not shorten those after it."""
    return add_months(anchor, n) if period == "monthly" else anchor + timedelta(days=_DAYS[period] * n)


def first(period: str, anchor: datetime, runs: int | None, until: datetime | None) -> Schedule:
    """The schedule before its first run; it may be over before it begins."""
    return _at(Schedule(period, anchor, runs, until), 0)


def _at(schedule: Schedule, n: int) -> Schedule:
    at = due(schedule.anchor, schedule.period, n)
    over = (schedule.runs is not None and n >= schedule.runs) or (schedule.until is not None and at >= schedule.until)
    return schedule._replace(period_no=n, tries=0, due_at=None if over else at)


def after(schedule: Schedule, succeeded: bool, now: datetime, policy: Policy) -> tuple[Schedule, str]:
    """The schedule after a run, and what its action has come to: created, completed or failed.

    A run that fails is tried again some times, then skipped; too many skipped in a row and the action is given up.
    """
    if not succeeded and schedule.tries + 1 < policy.retries:
        return schedule._replace(tries=schedule.tries + 1, due_at=now + policy.retry_after), "created"
    skips = 0 if succeeded else schedule.skips + 1
    if skips >= policy.skips:
        return schedule._replace(tries=0, skips=skips, due_at=None), "failed"
    moved = _at(schedule, schedule.period_no + 1)._replace(skips=skips)
    return moved, "created" if moved.due_at else "completed"
