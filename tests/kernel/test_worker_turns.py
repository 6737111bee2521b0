"""What a worker does turn by turn: it goes on through whatever passes, and ends when it is told to."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.waiting import PATIENCE, until

from oxl.apis.customer_bill import jobs
from oxl.cli import serving
from oxl.db.database import Database, Tenant
from oxl.db.turns import attend
from oxl.settings import Settings

PASSING = [asyncpg.DeadlockDetectedError("deadlock"), asyncpg.ConnectionDoesNotExistError("gone"), OSError("away")]


async def test_turns_follow_at_once_while_there_is_something_to_do_and_a_stop_ends_the_rest() -> None:
    taken: list[int] = []

    async def turn() -> bool:
        taken.append(len(taken))
        return len(taken) < 4

    stop = asyncio.Event()
    attending = asyncio.create_task(attend(stop, turn, 3600, "nothing waits"))
    await until(lambda: len(taken) == 4)
    stop.set()
    await asyncio.wait_for(attending, PATIENCE)
    assert len(taken) == 4


async def test_turns_go_on_after_a_lost_race_and_while_the_database_is_away(caplog: pytest.LogCaptureFixture) -> None:
    to_come = list(PASSING)

    async def turn() -> bool:
        if to_come:
            raise to_come.pop()
        stop.set()
        return False

    stop = asyncio.Event()
    await asyncio.wait_for(attend(stop, turn, 0.001, "boxes wait"), PATIENCE)
    told = [record.getMessage() for record in caplog.records if record.name == "oxl.worker"]
    assert told == ["boxes wait: away", "boxes wait: gone", "boxes wait: deadlock"]


async def test_a_turn_that_is_wrong_in_itself_is_not_passed_over() -> None:
    async def turn() -> bool:
        raise ArithmeticError("odd")

    with pytest.raises(ArithmeticError):
        await attend(asyncio.Event(), turn, 0.001, "boxes wait")


class _Idle:
    """A duty that has nothing to do."""

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()


async def test_a_worker_goes_on_sweeping_whatever_passes(
    database: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_come, swept = list(PASSING), []

    async def sweep(*_: Any) -> None:
        swept.append(len(swept))
        if to_come:
            raise to_come.pop()

    monkeypatch.setattr(serving, "_sweep", sweep)
    monkeypatch.setattr(serving, "_duties", lambda *_: [_Idle()])
    monkeypatch.setattr(serving, "_SWEEP_SECONDS", 0.001)
    stop = asyncio.Event()
    attending = asyncio.create_task(serving._attend(Settings(), database, tenant, stop))
    await until(lambda: len(swept) > len(PASSING))
    stop.set()
    await asyncio.wait_for(attending, PATIENCE)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_a_bill_run_that_breaks_off_says_why_in_the_words_of_the_database(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def batch(*_: Any) -> list[Any]:
        raise error

    monkeypatch.setattr(jobs.run, "batch", batch)
    with pytest.raises(type(error)):
        await jobs.work_off(tenant, "a-run")
