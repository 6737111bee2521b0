"""How often somebody may ask, and for how long something once found out is believed: counters of one process. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

MOST = 10_000  # whom a process remembers at a time
BURST = 2  # seconds' worth that may come at once

T = TypeVar("T")


class Rates:
    """A bucket for each caller, that fills as fast as they may ask. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def wait(self, who: Hashable, rate: int, at: float) -> float:
        """0 when one more is within the rate, which then counts; else the seconds until one would be."""
        left, since = self._buckets.pop(who, (float(rate * BURST), at))
        left = min(rate * BURST, left + (at - since) * rate)
        allowed = left >= 1
        self._buckets[who] = (left - 1 if allowed else left, at)
        if len(self._buckets) > MOST:  # who has been away for longest has a full bucket, which is none
            del self._buckets[next(iter(self._buckets))]
        return 0.0 if allowed else (1 - left) / rate


class Believed(Generic[T]):
    """What was found out, for some seconds. The oldest is forgotten where there is too much of it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._found: dict[Hashable, tuple[T, float]] = {}

    def get(self, key: Hashable, at: float) -> T | None:
        """What is still believed of a key."""
        found = self._found.get(key)
        return found[0] if found and at < found[1] else None

    def keep(self, key: Hashable, value: T, at: float) -> T:
        """Believe it from now on, and give it back."""
        self._found.pop(key, None)
        self._found[key] = (value, at + self._seconds)
        if len(self._found) > MOST:
            del self._found[next(iter(self._found))]
        return value
