"""What PATCH of a bill and POST of a bill on demand mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.engines.billing import bill, demand
from oxl.engines.billing.bill import BillChange
from oxl.engines.billing.demand import Demand
from oxl.kernel.declare import Change
from oxl.verbs import Done, Refused, Work

_BODY = msgspec.json.Encoder(decimal_format="number")


async def patch_bill(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /customerBill/{id}: its state and its cycle."""
    return await bill.change(
        work,
        [
            BillChange(
                each.id,
                each.after.get("state") if "state" in each.changed else None,
                each.after.get("billCycle", {}).get("id") if "billCycle" in each.changed else None,
            )
            for each in changes
        ],
    )


async def create_on_demand(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /customerBillOnDemand: taken, and made by the worker."""
    return await demand.ask(
        work, [Demand("interim", body["billingAccount"]["id"], None, _BODY.encode(body).decode()) for body in bodies]
    )
