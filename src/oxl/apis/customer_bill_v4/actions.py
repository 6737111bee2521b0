"""What PATCH and POST mean in version 4: the same as in version 5, once their bodies are in its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxl.apis.customer_bill import actions as newer
from oxl.kernel.declare import Change
from oxl.verbs import Done, Refused, Work


async def patch_bill(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /customerBill/{id}: its state."""
    return await newer.patch_bill(work, changes)


async def create_on_demand(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /customerBillOnDemand: taken, and made by the worker."""
    return await newer.create_on_demand(work, [_newer(body) for body in bodies])


def _newer(body: dict[str, Any]) -> dict[str, Any]:
    """A body as version 5 has it: every object with its class, a party inside the part that it plays."""
    account = body["billingAccount"]
    found = body | {"@type": "CustomerBillOnDemand", "billingAccount": account | {"@type": "BillingAccountRef"}}
    if party := body.get("relatedParty"):
        role = {"role": party["role"]} if "role" in party else {}
        within = {name: value for name, value in party.items() if name != "role"} | {"@type": "PartyRef"}
        found["relatedParty"] = {"@type": "RelatedPartyRefOrPartyRoleRef", **role, "partyOrPartyRole": within}
    return found
