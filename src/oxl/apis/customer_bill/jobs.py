"""What happens to bills without a request: runs are worked off in parallel batches, demands made, credits used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from oxl.apis.customer_bill.api import BILL, CUSTOMER_BILL, ON_DEMAND
from oxl.db.database import Tenant
from oxl.engines.billing import demand, receivable, run
from oxl.kernel.background import change, once
from oxl.verbs import Done, Refused, Work

log = logging.getLogger("oxl.billing")
WORKERS = 2  # batches of a run at the same time
_LEAST = 500  # accounts in a batch

Verb = Callable[[Work], Awaitable[Sequence[Done | Refused]]]


async def _bills(tenant: Tenant, verb: Verb) -> Sequence[Done | Refused]:
    return await change(tenant, CUSTOMER_BILL, BILL, verb)


async def work_off(
    tenant: Tenant,
    run_id: str,
    tell: Callable[[int, str], None] | None = None,
    workers: int = WORKERS,
    size: int | None = None,
) -> None:
    """Make the bills of a run that was started, or go on with one that was cut short.

    size: accounts in a batch; of a small run each worker has some, since the last steps of batches take turns.
    """
    waiting = (await once(tenant, lambda work: run.left(work, run_id))).pending
    size = size or min(run.BATCH, max(_LEAST, waiting // (3 * workers) + 1))

    async def worker() -> None:
        while await _bills(tenant, lambda work: run.batch(work, run_id, size)):
            if tell:
                left = await once(tenant, lambda work: run.left(work, run_id))
                tell(left.items - left.pending, "accounts billed")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
    except ExceptionGroup as broken:
        raise broken.exceptions[0] from None  # by itself: who waits for the database to come back knows it so


async def make_demanded(tenant: Tenant) -> int:
    """Make the bills that were asked for; how many."""
    made = 0
    while True:
        try:
            results = await _bills(tenant, demand.make)
        except (ValueError, LookupError, ArithmeticError) as error:
            log.exception("a bill that was asked for cannot be made")
            why = type(error).__name__
            await change(tenant, CUSTOMER_BILL, ON_DEMAND, lambda work, why=why: demand.give_up(work, why))
            continue
        if not results:
            return made
        made += 1


async def tell_demanded(tenant: Tenant) -> None:
    """Tell those who asked what became of it."""
    await change(tenant, CUSTOMER_BILL, ON_DEMAND, lambda work: demand.tell(work, ("interim",)))


async def use_credits(tenant: Tenant) -> int:
    """Use what has been paid for what is owed; how many bills changed their state."""
    changed = 0
    while True:
        results = await _bills(tenant, receivable.settle)
        changed += len(results)
        if not await once(tenant, receivable.unsettled):
            return changed
