"""What the worker does for TMF677: answers the queries that were left to it, and tells of limits that are reached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from oxl.apis.usage_consumption.actions import query_of
from oxl.apis.usage_consumption.api import USAGE_CONSUMPTION
from oxl.db.database import ABSENT, LOST_RACE, Tenant
from oxl.db.turns import attend
from oxl.engines.consumption import consumption, limits
from oxl.engines.consumption.consumption import Claim
from oxl.kernel.background import change
from oxl.verbs import Done, Work

log = logging.getLogger("oxl.consumption")
_RESOURCES = {each.name: each for each in USAGE_CONSUMPTION.resources}
QUERY, LIMIT = _RESOURCES["queryUsageConsumption"], _RESOURCES["usageLimit"]
LEASE = timedelta(seconds=60)
_IDLE, _SWEEP = 0.5, timedelta(seconds=5)


class Answering:
    """A worker at a tenant's queries and limits. `now` is the system's time, by which leases run."""

    def __init__(self, tenant: Tenant, *, lease: timedelta = LEASE, now: Callable[[], datetime] | None = None) -> None:
        self._tenant = tenant
        self._lease = lease
        self._now = now or tenant.clock.true
        self._swept: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; the database may go and come back meanwhile."""
        await attend(stop, self._turn, _IDLE, "queries and limits wait")

    async def _turn(self) -> bool:
        if self._swept is None or self._now() - self._swept >= _SWEEP:
            await self.sweep()
            self._swept = self._now()
        return await self.work()

    async def work(self) -> bool:
        """Answer one query, if one waits."""
        held = await self._claimed()
        if held is None:
            return False
        try:
            query = query_of(held.body)
            await change(self._tenant, USAGE_CONSUMPTION, QUERY, lambda work: consumption.answer(work, held, query))
        except (*ABSENT, *LOST_RACE):
            raise
        except Exception:
            log.exception("query %s failed", held.id)
            await change(self._tenant, USAGE_CONSUMPTION, QUERY, lambda work: consumption.give_up(work, held))
        return True

    async def _claimed(self) -> Claim | None:
        held: Claim | None = None

        async def claim(work: Work) -> list[Done]:
            nonlocal held
            held, told = await consumption.claim(work, self._now(), self._now() + self._lease)
            return told

        await change(self._tenant, USAGE_CONSUMPTION, QUERY, claim)
        return held

    async def sweep(self) -> int:
        """Tell of the limits that have come to a threshold; how many."""
        return len(await change(self._tenant, USAGE_CONSUMPTION, LIMIT, limits.sweep))
