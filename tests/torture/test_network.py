"""R9: the network between workers and PostgreSQL is slow, cut, silent, dripping: nobody hangs, nothing is lost."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import pytest
from tests.torture import oracle
from tests.torture.installation import Installation, installation, seed_of
from tests.torture.postgres import postgres
from tests.torture.proxy import Proxy, proxied
from tests.waiting import PATIENCE, until

FAULTS = ("latency", "cut", "mute", "drip")
DEADLINE = 2  # seconds that a statement of a request may take


async def ill_treat(under: Installation, proxy: Proxy, schedule: Sequence[str]) -> None:
    """One fault after another under load, each until it has been felt, and then until all is well again."""
    for fault in schedule:
        await under.until_answered(4)
        unanswered = under.clients.unanswered
        match fault:
            case "latency":
                proxy.latency = 0.02
                await under.until_answered(8)
            case "drip":
                proxy.drip = 64
                await under.until_answered(4)
            case "cut":
                proxy.cut()
            case "mute":  # every client gets an answer all the same: that nobody knows
                proxy.mute = True
                await until(lambda before=unanswered: under.clients.unanswered >= before + 6, 3 * PATIENCE)
        proxy.well()
    await under.until_answered(4)


async def survives(schedule: Sequence[str], say: pytest.CaptureFixture[str]) -> None:
    seed = seed_of()
    random.Random(seed).shuffle(faults := list(schedule))
    async with postgres() as server, proxied(server.cluster.socket) as (proxy, folder):
        told = {"database_url": server.url(folder), "statement_seconds": str(DEADLINE)}
        async with installation(seed, server=server, asked=120, **told) as under:
            async with under.under_load():
                await ill_treat(under, proxy, faults)
            found = await under.faults(again=50)
            with say.disabled():
                print(f"\n{len(faults)} faults of the network, {oracle.summary(under.clients)}; wrong: {len(found)}")
                print(f"  the longest request took {under.clients.longest:.1f} s")
            assert not found, f"SEED={seed}: {found[:10]}\n{under.workers.said()}"
            assert not under.workers.gone, under.workers.said()


async def test_a_bad_network_hangs_nobody_and_loses_nothing(capsys) -> None:
    await survives(FAULTS, capsys)


@pytest.mark.torture
async def test_a_network_that_is_bad_for_long(capsys) -> None:
    await survives(FAULTS * int(os.environ.get("FAULTS", "25")), capsys)
