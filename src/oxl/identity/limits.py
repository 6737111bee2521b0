"""What a client may cost before anything is known of it: the size of its headers, and how slowly it sends and takes.

The wrappers are put around an ASGI application's receive and send; what is too slow ends as a Problem or as a client
that went away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from oxl.kernel.problem import ClientGoneError, Problem

MAX_HEADERS = 16_384  # bytes of all headers of a request
MAX_PATH = 2048

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def check_head(path: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Problem 414 or 431 where the head of a request is too large."""
    if len(path) > MAX_PATH:
        raise Problem(414, "pathTooLong", f"the path is longer than {MAX_PATH} characters")
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS:
        raise Problem(431, "headersTooLarge", f"the headers are longer than {MAX_HEADERS} bytes")


def patient(receive: Receive, idle: float, whole: float | None) -> Receive:
    """A receive that waits `idle` seconds for each part, and `whole` for the body where it is not of any length."""
    ends: float | None = None

    async def next_part() -> Any:
        nonlocal ends
        now = time.monotonic()
        ends = now + whole if ends is None and whole is not None else ends
        left = idle if ends is None else min(idle, ends - now)
        try:
            async with asyncio.timeout(max(left, 0.001)):
                return await receive()
        except TimeoutError:
            raise Problem(408, "tooSlow", "the body did not come in time", (("Connection", "close"),)) from None

    return next_part


def taken(send: Send, idle: float) -> Send:
    """A send that gives a client up which takes nothing for `idle` seconds."""

    async def give(message: Any) -> None:
        try:
            async with asyncio.timeout(idle):
                await send(message)
        except TimeoutError:
            raise ClientGoneError("the client takes nothing") from None

    return give
