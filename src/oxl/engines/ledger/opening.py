"""Buckets that an operator opens by hand: packs of units or money beside what plans grant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from oxl.db.queries import load
from oxl.engines.ledger.grants import Opening, keep
from oxl.values import new_id, unit_of, usage_type
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "opening.sql")

_PRIORITY = 100


class NewBucket(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket to be. Without an account it is one of its own, which no product draws on."""

    unit: str  # as it is shown; its ledger unit follows
    amount: int = 0  # atoms that it opens with
    credit_limit: int = 0  # atoms
    name: str = ""
    body: str | None = None  # JSON text: what else the client said of it
    account_id: str | None = None
    product_id: str | None = None
    device_id: str | None = None  # only this device may draw on it
    valid_from: datetime | None = None
    valid_to: datetime | None = None


async def open_buckets(work: Work, items: Sequence[NewBucket]) -> list[Done | Refused]:
    """Open each; an account that does not exist is refused, since nobody could ever draw on it."""
    named = [item.account_id for item in items if item.account_id is not None]
    known = {row["id"] for row in await work.conn.fetch(q.accounts, named)} if named else set()
    results: list[Done | Refused] = []
    rows: list[Opening] = []
    for item in items:
        if item.account_id is not None and item.account_id not in known:
            message = "partyAccount.id: no such account"
            results.append(Refused("invalid", "unknownAccount", message, "partyAccount.id"))
            continue
        bucket, (unit, atoms) = new_id(work.now), unit_of(item.unit)
        kind = usage_type(unit)
        rows.append(
            Opening(
                id=bucket, kind="allowance", account_id=item.account_id or bucket, product_id=item.product_id,
                device_id=item.device_id, allowance_id=None, name=item.name or f"{kind} balance", unit=unit,
                display_unit=item.unit, display_atoms=atoms, usage_type=kind, usage_label=kind, match="{}",
                priority=_PRIORITY, valid_from=item.valid_from or work.now, valid_to=item.valid_to,
                amount=item.amount, credit_limit=item.credit_limit, body=item.body,
            )
        )  # fmt: skip
        results.append(Done(bucket, ("create",)))
    await keep(work, rows)
    return results
