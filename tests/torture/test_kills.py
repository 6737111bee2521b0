"""R1, R2, R3, P1: API worker, job worker, postmaster and the whole of PostgreSQL killed with -9 at random under load."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time

import pytest
from tests.torture import oracle
from tests.torture.installation import Installation, installation, seed_of

VICTIMS = ("api worker", "job worker", "postmaster", "PostgreSQL")
_FOR_EVER = 120.0  # seconds without an answer after which none is waited for


async def strike(victim: str, under: Installation, choose: random.Random) -> None:
    """Kill one, and start it again at once."""
    if victim == "api worker":
        under.workers.kill(choose.choice(under.workers.apis))
        await under.workers.start("api")
    elif victim == "job worker":
        under.workers.kill(choose.choice(under.workers.workers))
        await under.workers.start("work")
    else:
        await under.server.kill(whole=victim == "PostgreSQL")
        await under.server.start()


async def kills(under: Installation, each: int) -> dict[str, list[float]]:
    """So many kills of each kind in an order of chance, under load; seconds from each to the next acknowledged wish."""
    clients, choose = under.clients, random.Random(under.clients.seed)
    schedule = [*VICTIMS] * each
    choose.shuffle(schedule)
    took: dict[str, list[float]] = {victim: [] for victim in VICTIMS}
    async with under.under_load():
        for victim in schedule:
            await under.until_answered(choose.randrange(1, 8))
            await asyncio.sleep(choose.uniform(0, 0.01))
            began, before = time.monotonic(), clients.answered
            await strike(victim, under, choose)
            while clients.answered <= before:
                assert time.monotonic() < began + _FOR_EVER, f"{victim}: nothing is answered any more"
                await asyncio.sleep(0.001)
            took[victim].append(time.monotonic() - began)
    return took


async def survives(each: int, say: pytest.CaptureFixture[str]) -> None:
    seed = seed_of()
    async with installation(seed) as under:
        took = await kills(under, each)
        found = await under.faults()
        with say.disabled():
            print(f"\n{each} kills of each kind, {oracle.summary(under.clients)}; lost or doubled: {len(found)}")
            for victim, seconds in took.items():
                middle = statistics.median(seconds)
                print(f"  {victim}: the next answer after {middle:.2f} s, at most {max(seconds):.2f} s")
    assert not found, f"SEED={seed}: {found[:10]}"


async def test_nothing_is_lost_or_doubled_through_forty_kills_of_each_kind(capsys) -> None:
    await survives(40, capsys)


@pytest.mark.torture
async def test_nothing_is_lost_or_doubled_through_many_more_kills(capsys) -> None:
    await survives(int(os.environ.get("KILLS", "200")), capsys)
