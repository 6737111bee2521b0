"""Natural group commit: what arrives while one group is at work makes up the next. No timer, no waiting for company.

A flusher runs one group at a time; a request alone runs at once, so it is as quick as without. When a group fails as a
whole its members run again singly, so that a bad one never fails its neighbours. Not so when the database went away:
then the group's commit may have been made, and to run it again would be to do it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from oxl.db.database import ABSENT
from oxl.kernel.problem import Problem

MOST_AT_ONCE = 512
MOST_WAITING = 4096  # beyond that a request is refused at once rather than late


class Flusher:
    """Hands queued items in groups to `run`, which gives one result per item, in order."""

    def __init__(self, run: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]) -> None:
        self._run = run
        self._queue: list[tuple[Any, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Any) -> Any:
        """The result of one item; whatever its group raised reaches the caller."""
        if len(self._queue) >= MOST_WAITING:
            raise Problem(503, "overloaded", "too many requests are waiting", (("Retry-After", "1"),))
        result = asyncio.get_running_loop().create_future()
        self._queue.append((item, result))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await result

    async def _drain(self) -> None:
        try:
            while self._queue:
                group, self._queue = self._queue[:MOST_AT_ONCE], self._queue[MOST_AT_ONCE:]
                await self._group(group)
        finally:
            self._task = None

    async def _group(self, group: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        try:
            results = await self._run([item for item, _ in group])
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, ABSENT) and len(group) > 1:
                for member in group:
                    await self._group([member])
                return
            for _, result in group:
                if not result.done():
                    result.set_exception(error if isinstance(error, Exception) else ConnectionAbortedError())
            if not isinstance(error, Exception):
                raise
        else:
            for (_, result), answer in zip(group, results, strict=True):
                if not result.done():  # its client may have gone away
                    result.set_result(answer)
