"""R17, P2: the leader of a PostgreSQL with a synchronous standby (Patroni, etcd) is killed or frozen: none is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import pytest
from tests.torture import oracle
from tests.torture.installation import installation, seed_of
from tests.torture.patroni import SLOW, missing, patronis

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(bool(missing()), reason=f"needs Debian's packages: apt-get install {missing()}"),
]


async def test_a_leader_that_is_killed_or_frozen_takes_no_acknowledged_write_along(capsys) -> None:
    seed = seed_of()
    faults = ["kill"] * int(os.environ.get("KILLS", "5")) + ["freeze"] * int(os.environ.get("FREEZES", "2"))
    random.Random(seed).shuffle(faults)
    took: list[tuple[str, float]] = []
    async with patronis() as cluster:
        server: Any = cluster
        async with installation(seed, server=server, asked=SLOW, statement_seconds="5") as under:
            async with under.under_load():
                for fault in faults:
                    await under.until_answered(30, SLOW)
                    leader, began = await cluster.leader(), time.monotonic()
                    cluster.signal(leader, signal.SIGKILL if fault == "kill" else signal.SIGSTOP)
                    await under.until_answered(4, SLOW)  # more than what was on its way
                    took.append((fault, time.monotonic() - began))
                    if fault == "kill":
                        cluster.start(leader)
                    else:
                        cluster.signal(leader, signal.SIGCONT)
                    await cluster.whole()
            found = await under.faults(again=50)
            with capsys.disabled():
                print(f"\n{len(faults)} failovers, {oracle.summary(under.clients)}; wrong: {len(found)}")
                print("  writes again after " + ", ".join(f"{seconds:.0f} s ({fault})" for fault, seconds in took))
            assert not found, f"SEED={seed}: {found[:10]}\n{cluster.said()}\n{under.workers.said()}"
            assert not under.workers.gone, under.workers.said()
