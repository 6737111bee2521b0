"""Natural group commit: who runs with whom, and that whatever happens reaches every waiter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from tests.waiting import PATIENCE, until

from oxl.kernel.flusher import MOST_AT_ONCE, Flusher


class Recorder:
    """Doubles numbers, remembers the groups, and fails for what it was told to."""

    def __init__(self, fails: dict[int, BaseException] | None = None) -> None:
        self.groups: list[list[int]] = []
        self.fails = fails or {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        await self.gate.wait()
        await asyncio.sleep(0)
        for item in items:
            if item in self.fails:
                raise self.fails[item]
        return [item * 2 for item in items]


async def submitted(flusher: Flusher, items: Sequence[int]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*map(flusher.submit, items), return_exceptions=True), PATIENCE)


async def test_a_request_alone_runs_at_once_and_alone() -> None:
    run = Recorder()
    flusher = Flusher(run)
    assert [await flusher.submit(n) for n in range(3)] == [0, 2, 4]
    assert run.groups == [[0], [1], [2]]


async def test_what_arrives_while_a_group_is_at_work_makes_up_the_next() -> None:
    run = Recorder()
    run.gate.clear()
    flusher = Flusher(run)
    first = asyncio.create_task(flusher.submit(1))
    await until(lambda: run.groups)
    rest = asyncio.create_task(submitted(flusher, range(2, 50)))
    await until(lambda: len(flusher._queue) == 48)
    run.gate.set()
    assert await first == 2
    assert await rest == [n * 2 for n in range(2, 50)]
    assert run.groups == [[1], list(range(2, 50))]


async def test_a_group_is_never_longer_than_its_limit_and_keeps_the_order() -> None:
    run = Recorder()
    answers = await submitted(Flusher(run), range(MOST_AT_ONCE * 2 + 3))
    assert answers == [n * 2 for n in range(MOST_AT_ONCE * 2 + 3)]
    assert [len(group) for group in run.groups] == [MOST_AT_ONCE, MOST_AT_ONCE, 3]


async def test_a_bad_item_fails_alone() -> None:
    run = Recorder({3: ValueError("three")})
    answers = await submitted(Flusher(run), range(6))
    assert [answer for answer in answers if answer != 0] == [2, 4, answers[3], 8, 10]
    assert isinstance(answers[3], ValueError)
    assert run.groups == [[0, 1, 2, 3, 4, 5], [0], [1], [2], [3], [4], [5]]


async def test_a_failure_of_every_item_reaches_every_waiter() -> None:
    run = Recorder({n: KeyError(n) for n in range(5)})
    answers = await submitted(Flusher(run), range(5))
    assert [type(answer) for answer in answers] == [KeyError] * 5


@pytest.mark.parametrize(
    "error", [asyncpg.ConnectionDoesNotExistError("gone"), asyncpg.AdminShutdownError("ended"), ConnectionResetError()]
)
async def test_a_group_whose_commit_may_have_been_made_is_not_run_again(error: Exception) -> None:
    run = Recorder({1: error})
    answers = await submitted(Flusher(run), range(4))
    assert answers == [error] * 4
    assert run.groups == [[0, 1, 2, 3]]


async def test_a_lost_race_is_run_again_singly() -> None:
    run = Recorder({2: asyncpg.DeadlockDetectedError("deadlock")})
    answers = await submitted(Flusher(run), range(4))
    assert [answers[0], answers[1], answers[3]] == [0, 2, 6]
    assert isinstance(answers[2], asyncpg.DeadlockDetectedError)


async def test_a_client_that_goes_away_takes_nothing_from_others() -> None:
    run = Recorder()
    run.gate.clear()
    flusher = Flusher(run)
    tasks = [asyncio.create_task(flusher.submit(n)) for n in range(6)]
    await until(lambda: run.groups)
    for task in tasks[::2]:
        task.cancel()
    run.gate.set()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE)
    assert [answer for answer in answers if isinstance(answer, int)] == [2, 6, 10]


async def test_after_a_failure_the_next_request_runs() -> None:
    run = Recorder({1: ValueError()})
    flusher = Flusher(run)
    with pytest.raises(ValueError):
        await flusher.submit(1)
    assert await flusher.submit(2) == 4


async def test_a_worker_that_is_stopped_tells_its_waiters() -> None:
    run = Recorder()
    run.gate.clear()
    flusher = Flusher(run)
    waiting = asyncio.create_task(submitted(flusher, range(3)))
    await until(lambda: run.groups)
    task = flusher._task
    task.cancel()
    answers = await waiting
    assert [type(answer) for answer in answers] == [ConnectionAbortedError] * 3
    with pytest.raises(asyncio.CancelledError):
        await task
