"""What POST, PATCH and DELETE mean for transferBalance, and PATCH and DELETE for what moves money at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxl.apis.prepay_balance.amounts import as_text, atoms_of
from oxl.engines.ledger.transfer import Transfer, transfer
from oxl.engines.ledger.undo import Revise, revise
from oxl.kernel.declare import Change
from oxl.values import BadValue, to_atoms
from oxl.verbs import Done, Refused, Work, each_read, invalid


def transfer_of(body: dict[str, Any]) -> Transfer:
    """The transfer that a checked body asks for; Refusal names what is wrong with it."""
    unit, amount = atoms_of(body)
    if amount <= 0:
        raise invalid("amount.amount", "must be more than zero")
    cost = None
    if "transferCost" in body:
        try:
            cost = to_atoms(body["transferCost"]["value"], body["transferCost"]["unit"])
        except BadValue as error:
            raise invalid("transferCost", str(error)) from None
    return Transfer(
        bucket_id=body["bucket"]["id"],
        receiver_id=body["receiverBucket"]["id"],
        unit=unit,
        amount=amount,
        body=as_text(body),
        cost_owner=body.get("costOwner", "originator"),
        stated_cost=cost,
        usage_types=(body.get("usageType"), body.get("receiverBucketUsageType")),
    )


async def create_transfer(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /transferBalance: from one bucket to another, at once, with what it costs."""
    return await each_read(work, bodies, transfer_of, transfer)


def revise_of(change: Change) -> Revise:
    """What a PATCH makes of an action."""
    status = change.after.get("status") if "status" in change.changed else None
    reason = change.after.get("reason") if "reason" in change.changed else None
    return Revise(id=change.id, status=status, body=as_text(change.after), reason=reason)


async def patch_action(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH: another description; `cancelled` takes back what was done and stops what recurs."""
    return await revise(work, [revise_of(change) for change in changes])


async def delete_action(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE: what was done is taken back, what recurs is stopped, and neither is seen any more."""
    return await revise(work, [Revise(id=each, deleted=True) for each in ids])
