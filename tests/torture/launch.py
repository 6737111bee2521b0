"""The process that API and job workers are forked from, with everything imported once, so that a new one costs little.

python -m tests.torture.launch, settings in the environment; each line of its input, `api` or `work`, is answered with
the pid of a new worker. API workers share one port (SO_REUSEPORT), so that the death of one leaves the others serving.
A bug may be planted for them (`PLANTED`): only here, since the product has no switch for one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import uvicorn
import uvloop
from tests.torture import planted

from oxl.app import App
from oxl.cli import serving
from oxl.cli.server import bound, config_of
from oxl.db.cluster import entering
from oxl.outbox import delivery
from oxl.outbox.batch import Pace
from oxl.settings import Settings, read_settings

QUICK = Pace(first_retry=0.1, longest_retry=0.5, lease=2.0, timeout=1.0, poll=0.5)


def main() -> None:
    """Fork a worker for each line, until there are no more."""
    settings = read_settings()
    serving._SWEEP_SECONDS = 1.0
    delivery.Pace = lambda: QUICK  # type: ignore[assignment,misc]
    if bug := os.environ.get("PLANTED"):
        planted.plant(bug)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are reaped by the kernel
    enter = entering(None, signal.SIGKILL)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.dup2(2, 1)  # what it prints is for people; our output is for the test
                enter()
                become(line.strip(), settings)
            finally:
                os._exit(1)
        print(pid, flush=True)


def become(what: str, settings: Settings) -> None:
    """Serve, or work, until killed."""
    if what == "work":
        asyncio.run(serving.work_until_stopped(settings))
        return
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    await uvicorn.Server(config_of(App(settings), settings)).serve([bound(settings)])


if __name__ == "__main__":
    main()
