"""What happens to balances without a request: the worker's sweeps, each a row of short transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.db.database import Tenant
from oxl.engines.ledger import expiry, recurring, reserve
from oxl.kernel.background import change, once
from oxl.verbs import Done, Refused, Work

_RESOURCES = {resource.name: resource for resource in PREPAY_BALANCE.resources}
# What the resources tell of by themselves: each sweep is run until it finds nothing more.
_SWEEPS: tuple[tuple[str, Callable[[Work], Awaitable[Sequence[Done | Refused]]]], ...] = (
    ("reserveBalance", reserve.sweep),
    ("topupBalance", partial(recurring.sweep, kind="topup")),
    ("adjustBalance", partial(recurring.sweep, kind="adjust")),
    ("bucket", expiry.tell_marks),
)
_MOST = 1000  # rounds of one sweep, so that none keeps the others waiting for ever


async def sweep(tenant: Tenant) -> int:
    """Everything that is due: reservations end, recurring actions run, rests expire, thresholds are told; how many."""
    done = 0
    for name, verb in _SWEEPS:
        for _ in range(_MOST):
            results = await change(tenant, PREPAY_BALANCE, _RESOURCES[name], verb)
            done += len(results)
            if not results:
                break
    for verb in (expiry.carry, expiry.end):
        for _ in range(_MOST):
            moved = await once(tenant, verb)
            done += moved
            if not moved:
                break
    return done
