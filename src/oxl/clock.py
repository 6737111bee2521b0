"""The one source of `now`. A tenant has a clock of its own, to freeze or to shift; nothing else reads the time.

Monotonic measurements (time-outs, durations for people) are no business of this module: they use `time.monotonic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def system_now() -> datetime:
    """The machine's time, UTC."""
    return datetime.now(UTC)


@dataclass
class Clock:
    """A tenant's time: the machine's, shifted by `offset`, or standing at `frozen`."""

    offset: timedelta = timedelta(0)
    frozen: datetime | None = None
    source: Callable[[], datetime] = system_now

    def now(self) -> datetime:
        """The tenant's present instant, UTC."""
        return self.frozen if self.frozen is not None else self.source() + self.offset
