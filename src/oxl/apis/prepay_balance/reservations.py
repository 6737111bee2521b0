"""What POST, PATCH and DELETE mean for reserveBalance: hold, resize, complete, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from oxl.apis.prepay_balance.amounts import as_text, atoms_of, device_of, usage_type_of
from oxl.apis.standard import instant_in
from oxl.engines.ledger.reserve import LONGEST, Amend, Reserve, amend, remove, reserve
from oxl.kernel.declare import Change
from oxl.verbs import Done, Refused, Work, each_read, invalid


def _until(body: dict[str, Any], now: datetime) -> datetime | None:
    until = instant_in(body, "validFor", "endDateTime")
    if until is not None and not now < until <= now + LONGEST:
        raise invalid("validFor.endDateTime", f"must lie ahead, and no more than {LONGEST.days} days")
    return until


def reserve_of(body: dict[str, Any], now: datetime) -> Reserve:
    """The reservation that a checked body asks for; Refusal names what is wrong with it."""
    unit, amount = (None, None) if "amount" not in body else atoms_of(body)
    if amount is not None and amount <= 0:
        raise invalid("amount.amount", "must be more than zero")
    return Reserve(
        bucket_id=body["bucket"]["id"],
        body=as_text(body),
        unit=unit,
        amount=amount,
        until=_until(body, now),
        account_id=body.get("partyAccount", {}).get("id"),
        usage_type=usage_type_of(body, unit),
        device_id=device_of(body),
    )


async def create_reservation(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /reserveBalance: hold part of a bucket."""
    return await each_read(work, bodies, lambda body: reserve_of(body, work.now), reserve)


def amend_of(change: Change, now: datetime) -> Amend:
    """What a PATCH makes of a reservation; Refusal names what is wrong with it."""
    unit, amount, until = None, None, None
    status = change.after.get("status", "")
    if "amount" in change.changed:
        if "amount" not in change.after:
            raise invalid("amount", "is required", "missingAttribute")
        unit, amount = atoms_of(change.after)
        if amount < 0 or (amount == 0 and status != "completed"):
            raise invalid("amount.amount", "must be more than zero")
    if "validFor" in change.changed:
        until = _until(change.after, now)
    reason = change.after.get("reason") if "reason" in change.changed else None
    body = as_text(change.after)
    return Amend(id=change.id, status=status, body=body, unit=unit, amount=amount, until=until, reason=reason)


async def patch_reservation(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /reserveBalance: `created` with another amount resizes, `completed` confirms, `cancelled` releases."""
    return await each_read(work, changes, lambda change: amend_of(change, work.now), amend)


async def delete_reservation(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /reserveBalance: what is open is released."""
    return await remove(work, ids)
