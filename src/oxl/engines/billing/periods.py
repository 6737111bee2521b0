"""The calendar of billing: an account's periods run from its billing day to the next, in the operator's time zone.

Pure sums. A day is charged or not, never a part of one; a period is half-open, [billing day, next billing day).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Period(NamedTuple):
    """From one billing day to the next."""

    starts: date
    ends: date


def next_day(billing_day: int, after: date) -> date:
    """The first billing day after a date."""
    if after.day < billing_day:
        return after.replace(day=billing_day)
    year, month = divmod(after.year * 12 + after.month, 12)
    return date(year, month + 1, billing_day)


def last_day(billing_day: int, until: date) -> date:
    """The last billing day that is not after a date."""
    if until.day >= billing_day:
        return until.replace(day=billing_day)
    year, month = divmod(until.year * 12 + until.month - 2, 12)
    return date(year, month + 1, billing_day)


def periods(billing_day: int, since: date, until: date) -> Iterator[Period]:
    """The periods that touch the days from `since` up to and including `until`, the oldest first."""
    starts = last_day(billing_day, since)
    while starts <= until:
        ends = next_day(billing_day, starts)
        yield Period(starts, ends)
        starts = ends


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant with which a day begins, UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The day that an instant lies in."""
    return at.astimezone(zone).date()


def months_before(day: date, months: int) -> date:
    """The first of the month so many months earlier."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def due_day(day: date, term_days: int) -> date:
    """Until when a bill of that day is to be paid."""
    return day + timedelta(days=term_days)
