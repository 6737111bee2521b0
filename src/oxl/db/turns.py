"""The loop of whoever stays at work: turn after turn, while the database comes and goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from oxl.db.database import ABSENT, LOST_RACE

log = logging.getLogger("oxl.worker")


async def attend(stop: asyncio.Event, turn: Callable[[], Awaitable[bool]], idle: float, what: str) -> None:
    """Take turns until told to stop, at once while they find something to do, else every `idle` seconds.

    The database may go and come back meanwhile, and a race be lost: the log says then that `what` waits.
    """
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        try:
            if await turn():
                continue
        except (*ABSENT, *LOST_RACE) as error:
            log.warning("%s: %s", what, error)
        await asyncio.wait([stopping], timeout=idle)
    stopping.cancel()
