"""R1, R2, R3, P1: API worker, job worker, postmaster and all of PostgreSQL killed with -9 at random under load."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Sequence

import pytest
from tests.torture import oracle
from tests.torture.installation import Installation, installation, seed_of

TIMES = int(os.environ.get("TIMES", "5"))  # that a bug must be caught
WORKERS, DATABASES = ("api worker", "job worker"), ("postmaster", "PostgreSQL")


def rounds_of(each: int, choose: random.Random) -> list[list[str]]:
    """So many kills of each kind, in an order of chance; three workers of four die while the database does."""
    rounds = [[victim] for victim in DATABASES * each]
    for victim in WORKERS * each:
        if choose.random() < 0.75:
            choose.choice(rounds[: len(DATABASES) * each]).append(victim)
        else:
            rounds.append([victim])
    choose.shuffle(rounds)
    return rounds


async def strike(victims: Sequence[str], under: Installation, choose: random.Random) -> None:
    """Kill them, and start them again at once."""
    for victim in choose.sample(victims, len(victims)):
        match victim:
            case "api worker":
                under.workers.kill(choose.choice(under.workers.apis))
                await under.workers.start("api")
            case "job worker":
                under.workers.kill(choose.choice(under.workers.workers))
                await under.workers.start("work")
            case _:
                await under.server.kill(whole=victim == "PostgreSQL")
    if set(victims) & set(DATABASES):
        await under.server.start()


async def kills(under: Installation, rounds: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """These kills, one round after another, under load; seconds from each to the next acknowledged wish."""
    choose = random.Random(under.clients.seed)
    took: dict[str, list[float]] = {victim: [] for victim in (*WORKERS, *DATABASES)}
    async with under.under_load():
        for victims in rounds:
            await under.until_answered(choose.randrange(1, 4))
            await asyncio.sleep(choose.uniform(0, 0.01))
            began = time.monotonic()
            await strike(victims, under, choose)
            await under.until_answered(1)
            for victim in victims:
                took[victim].append(time.monotonic() - began)
    return took


async def survives(each: int, say: pytest.CaptureFixture[str]) -> None:
    seed = seed_of()
    async with installation(seed) as under:
        took = await kills(under, rounds_of(each, random.Random(seed)))
        found = await under.faults()
        with say.disabled():
            print(f"\n{each} kills of each kind, {oracle.summary(under.clients)}; lost or doubled: {len(found)}")
            for victim, seconds in took.items():
                middle = statistics.median(seconds)
                print(f"  {victim}: the next answer after {middle:.2f} s, at most {max(seconds):.2f} s")
        assert not found, f"SEED={seed}: {found[:10]}\n{under.workers.said()}"
        assert not under.workers.gone, f"workers ended by themselves: {under.workers.said()}"


async def caught(bug: str, victim: str, seed: int) -> list[str]:
    """What the oracle finds after some kills with a bug planted."""
    async with installation(seed, planted=bug) as under:
        await kills(under, [[victim]] * 6)
        return await under.faults(again=0, patience=2)


BUGS = {"commit not awaited": "PostgreSQL", "answer before commit": "api worker"}


async def test_nothing_is_lost_or_doubled_through_forty_kills_of_each_kind(capsys) -> None:
    await survives(40, capsys)


@pytest.mark.torture
@pytest.mark.parametrize("bug", BUGS)
async def test_the_bug_is_caught_every_time(bug: str, capsys) -> None:
    first = seed_of()
    found = [await caught(bug, BUGS[bug], seed) for seed in range(first, first + TIMES)]
    with capsys.disabled():
        print(f"\n{bug}: caught {sum(map(bool, found))} of {TIMES} times, seeds from {first}")
    assert all(found)


@pytest.mark.torture
async def test_nothing_is_lost_or_doubled_through_many_more_kills(capsys) -> None:
    await survives(int(os.environ.get("KILLS", "200")), capsys)
