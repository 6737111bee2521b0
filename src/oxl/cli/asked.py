"""The worker's duty to those who wait: bills and copies that were asked for, and recommendations, are made within a
second; what nobody waits for stays with the sweep.
"""

from __future__ import annotations

import asyncio
import logging

from oxl.apis.billing.jobs import tell_reissued
from oxl.apis.customer_bill.jobs import make_demanded, tell_demanded
from oxl.apis.recommendation.jobs import answer_waiting
from oxl.db.database import ABSENT, LOST_RACE, Tenant

log = logging.getLogger("oxl.asked")
_IDLE = 0.5  # seconds


class Asked:
    """A worker at what a tenant's clients have asked for."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; the database may go and come back meanwhile."""
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            try:
                await self.work()
            except (*ABSENT, *LOST_RACE) as error:
                log.warning("what was asked for waits: %s", error)
            await asyncio.wait([stopping], timeout=_IDLE)
        stopping.cancel()

    async def work(self) -> None:
        """Do all that was asked for by now, and tell of it."""
        await make_demanded(self._tenant)
        await tell_demanded(self._tenant)
        await tell_reissued(self._tenant)
        await answer_waiting(self._tenant)
