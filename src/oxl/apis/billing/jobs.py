"""What happens in billing's operator resources without a request: runs end, demands are told of, bills dunned."""

from __future__ import annotations

from oxl.apis.billing.api import BILLING, DUNNING, REISSUE, RUN
from oxl.db.database import Tenant
from oxl.engines.billing import demand, dunning, run
from oxl.engines.billing.run import NewRun
from oxl.kernel.background import change, once
from oxl.verbs import Done, Refusal


async def start(tenant: Tenant, wanted: NewRun) -> str:
    """Start a run, or find the one that its cycle has; its id. Refusal where it cannot be."""
    (result,) = await change(tenant, BILLING, RUN, lambda work: run.start(work, [wanted]))
    if isinstance(result, Done):
        return result.id
    raise Refusal(result)


async def finish(tenant: Tenant, run_id: str) -> str:
    """End a run of which nothing is left; the state that its control sums brought it to, or "" when it is not done."""
    (result,) = await change(tenant, BILLING, RUN, lambda work: run.finish(work, run_id))
    return result.status if isinstance(result, Done) else ""


async def open_runs(tenant: Tenant) -> list[str]:
    """Runs that have been started and not ended, the oldest first."""
    return await once(tenant, run.open_runs)


async def due_cycles(tenant: Tenant) -> list[str]:
    """Cycles that are to be billed now."""
    return await once(tenant, run.due_cycles)


async def tell_reissued(tenant: Tenant) -> None:
    """Tell those who asked for copies and credit notes what became of it."""
    await change(tenant, BILLING, REISSUE, lambda work: demand.tell(work, ("duplicate", "credit note")))


async def lift(tenant: Tenant) -> int:
    """Resume what dunning had suspended and is paid; how many steps were lifted."""
    return len(await change(tenant, BILLING, DUNNING, dunning.lift))


async def dun(tenant: Tenant) -> int:
    """Take the dunning steps that are due; how many."""
    return len(await change(tenant, BILLING, DUNNING, dunning.dun))
