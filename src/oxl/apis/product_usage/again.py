"""Runs jobs over many usages, step by step; every change of a usage is told of as if it had been asked for by HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.db.database import Tenant
from oxl.engines.usage import again
from oxl.engines.usage.again import Progress
from oxl.kernel.background import change, once
from oxl.kernel.declare import operation_of
from oxl.verbs import Done, Work

_USAGE = operation_of(PRODUCT_USAGE, "productUsage").resource


async def run(tenant: Tenant, job_id: str, tell: Callable[[Progress], None] | None = None) -> Progress | None:
    """Take a job to its end; None when another worker has it at hand. `tell` hears how far it is after every step."""
    seen: list[Progress | None] = []

    async def step(work: Work) -> Sequence[Done]:
        seen.append(await again.step(work, job_id))
        return seen[-1].done if seen[-1] else ()

    while True:
        await change(tenant, PRODUCT_USAGE, _USAGE, step)
        progress = seen[-1]
        if progress and tell:
            tell(progress)
        if progress is None or progress.state != "inProgress":
            return progress


async def run_due(tenant: Tenant) -> int:
    """Take all jobs to their end that nobody else has at hand; how many there were."""
    found = [await run(tenant, job_id) for job_id in await once(tenant, again.due)]
    return sum(progress is not None for progress in found)
