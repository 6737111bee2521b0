"""Runs jobs over many usages, step by step; every change of a usage is told of as if it had been asked for by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.db.database import Tenant
from oxl.engines.usage import again
from oxl.engines.usage.again import Progress
from oxl.kernel.background import change, once
from oxl.kernel.declare import operation_of
from oxl.verbs import Done, Work

_USAGE = operation_of(PRODUCT_USAGE, "productUsage").resource
_ENDS = ("done", "terminatedWithError")
_LOOK_SECONDS = 0.2  # after which one who waits for others looks how far they are


async def run(tenant: Tenant, job_id: str, tell: Callable[[Progress], None] | None = None) -> Progress | None:
    """Take steps of a job while it has a part that nobody has at hand; how far all of it was after the last of them.

    None where it had none from the first. `tell` hears how far it is after every step.
    """
    seen: list[Progress | None] = []

    async def step(work: Work) -> Sequence[Done]:
        seen.append(await again.step(work, job_id))
        return seen[-1].done if seen[-1] else ()

    progress: Progress | None = None
    while True:
        await change(tenant, PRODUCT_USAGE, _USAGE, step)
        if seen[-1] is None:
            return progress
        progress = seen[-1]
        seen.clear()
        if tell:
            tell(progress)
        if progress.state == "done":
            return progress


async def run_to_end(tenant: Tenant, job_id: str, tell: Callable[[Progress], None] | None = None) -> Progress:
    """Take parts of a job, and wait for those that others have at hand; LookupError when there is no such job."""
    await once(tenant, again.adopt)
    while (progress := await once(tenant, lambda work: again.standing(work, job_id))).state not in _ENDS:
        if tell:
            tell(progress)
        if await run(tenant, job_id, tell) is None:
            await asyncio.sleep(_LOOK_SECONDS)
    return progress


async def run_due(tenant: Tenant) -> int:
    """Take steps of all jobs while they have parts that nobody has at hand; of how many there were some."""
    found = [await run(tenant, job_id) for job_id in await once(tenant, again.due)]
    return sum(progress is not None for progress in found)
