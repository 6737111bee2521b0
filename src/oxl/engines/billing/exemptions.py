"""The billing engine's verbs for accounts that need not pay tax: what is billed while an exemption is valid has none.

The cut-off of a bill decides. An account has one exemption at a time; what was billed before stays as it was billed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.billing import receivable
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.billing", "exemptions.sql")


class Exemption(msgspec.Struct, frozen=True):
    """Why an account need not pay tax, and from when until when (None: until further notice)."""

    account_id: str
    category: str  # E: exempt, AE: the charge is reversed, the customer owes the tax
    reason: str
    reason_code: str | None  # of the list VATEX
    certificate: str | None
    jurisdiction: str | None
    tax_number: str | None  # the customer's; AE cannot do without
    valid_from: datetime
    valid_to: datetime | None


class NewEnd(msgspec.Struct, frozen=True):
    """An exemption that is to end at another time."""

    exemption_id: str
    valid_to: datetime | None


async def exempt(work: Work, items: Sequence[Exemption]) -> list[Done | Refused]:
    """Keep exemptions; refused where the account is not billed, or has another one at the same time."""
    names = sorted({item.account_id for item in items})
    known = {row["id"]: row["kind"] for row in await work.conn.fetch(q.accounts, names)}
    await work.conn.execute(receivable.q.lock_accounts, sorted(known))
    results: list[Done | Refused] = []
    for item in items:  # one after another: two of the same account may be among them
        refused = _why_not(item, known)
        new = new_id(work.now)
        refused = refused or await _another(work, item.account_id, new, item.valid_from, item.valid_to)
        if refused:
            results.append(refused)
            continue
        await work.conn.execute(q.keep, new, *msgspec.structs.astuple(item), work.now)
        results.append(Done(new, ("create",)))
    return results


def _why_not(item: Exemption, known: dict[str, str]) -> Refused | None:
    where = "billingAccount.id"
    if item.account_id not in known:
        return Refused("invalid", "unknownAccount", f"{where}: no such account", where)
    if known[item.account_id] != "postpaid":
        return Refused("invalid", "notBilled", f"{where}: is prepaid: it gets no bills", where)
    return None


async def _another(work: Work, account: str, own: str, since: datetime, until: datetime | None) -> Refused | None:
    other: Any = await work.conn.fetchval(q.others, account, own, since, until)
    if other is None:
        return None
    message = "validFor: the account has another exemption at that time"
    return Refused("conflict", "exemptionOverlaps", message, "validFor", other)


async def change_end(work: Work, items: Sequence[NewEnd]) -> list[Done | Refused]:
    """Have exemptions end at another time; bills that are made stay as they are."""
    found = {row["id"]: row for row in await work.conn.fetch(q.exemptions, [item.exemption_id for item in items])}
    results: list[Done | Refused] = []
    for item in items:
        held = found[item.exemption_id]
        if item.valid_to is not None and item.valid_to <= held["valid_from"]:
            message = "validFor.endDateTime: must be later than the start"
            results.append(Refused("invalid", "invalidValue", message, "validFor.endDateTime"))
            continue
        await work.conn.execute(receivable.q.lock_accounts, [held["account_id"]])
        refused = await _another(work, held["account_id"], held["id"], held["valid_from"], item.valid_to)
        if refused:
            results.append(refused)
            continue
        await work.conn.execute(q.set_end, item.exemption_id, item.valid_to, work.now)
        results.append(Done(item.exemption_id))
    return results
