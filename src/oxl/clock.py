"""The one source of `now`. A tenant has a clock of its own, to freeze or to shift; nothing else reads the time.

Monotonic measurements (time-outs, durations for people) are no business of this module: they use `time.monotonic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_TOLERATED = timedelta(seconds=1)  # between the clocks of machines, and not worth a correction


def system_now() -> datetime:
    """The machine's time, UTC."""
    return datetime.now(UTC)


def skew_of(told: datetime, before: datetime, after: datetime) -> timedelta:
    """What this machine's clock lacks of one that was `told` between `before` and `after`; a little is nothing."""
    return timedelta(0) if before - _TOLERATED <= told <= after + _TOLERATED else told - after


@dataclass
class Clock:
    """A tenant's time: the database's, shifted by `offset`, or standing at `frozen`.

    The database's is this machine's and `skew`, so that machines whose clocks differ decide alike what is due.
    """

    offset: timedelta = timedelta(0)
    frozen: datetime | None = None
    source: Callable[[], datetime] = system_now
    skew: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The tenant's present instant, UTC."""
        return self.frozen if self.frozen is not None else self.true() + self.offset

    def true(self) -> datetime:
        """The database's time, whatever the tenant's stands at: for leases and tries."""
        return self.source() + self.skew
