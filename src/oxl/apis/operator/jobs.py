"""What operators have asked for and a worker does: erasures of parties."""

from __future__ import annotations

from oxl.apis.operator.api import OPERATOR
from oxl.apis.operator.erasing import PARTY_ERASURE, erase_next
from oxl.db.database import Tenant
from oxl.kernel.background import change


async def erase_due(tenant: Tenant) -> int:
    """Do every erasure that was asked for, each in a transaction of its own; how many."""
    done = 0
    while await change(tenant, OPERATOR, PARTY_ERASURE, erase_next):
        done += 1
    return done
