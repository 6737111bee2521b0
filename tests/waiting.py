"""Waiting for what a test asserts: the one way, and one patience for all.

A limit is there to end what is broken, not to measure: it costs nothing while all is well, so it is far longer than the
slowest machine needs. How quick something is belongs into `bench/`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

PATIENCE = 60.0  # seconds until what has not come is said not to come

T = TypeVar("T")


async def until(true: Callable[[], T | Awaitable[T]], seconds: float = PATIENCE) -> T:
    """What `true`, a function or coroutine function, gives once it gives something; AssertionError if it never does."""
    for pause in _pauses(seconds):
        given = true()
        answer: T = await given if inspect.isawaitable(given) else given  # type: ignore[assignment]
        if answer:
            return answer
        await asyncio.sleep(pause)
    raise AssertionError(f"it did not come to that within {seconds} s: {_place(true)}")


def until_now(true: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The same for tests without an event loop."""
    for pause in _pauses(seconds):
        if answer := true():
            return answer
        time.sleep(pause)
    raise AssertionError(f"it did not come to that within {seconds} s: {_place(true)}")


def _pauses(seconds: float) -> Iterator[float]:
    """How long to rest after each look; the last look is one that began after the time was over."""
    end, pause = time.monotonic() + seconds, 0.01
    while True:
        is_last = time.monotonic() > end
        yield pause
        if is_last:
            return
        pause = min(1.2 * pause, 0.1)


def _place(true: Callable[[], object]) -> str:
    code = getattr(true, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(true)
