"""The billing engine's verbs on bills that are made: their states, what is put on the next one, what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.billing.price import rates_at
from oxl.engines.billing.sums import WHOLE, coin
from oxl.engines.catalog.registry import catalog_of
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.billing", "bills.sql")

# From where a bill may be brought to a state by hand; what is paid is decided by payments alone.
MAY_BECOME = {
    "new": ("onHold",),
    "onHold": ("new", "validated"),
    "validated": ("new", "onHold"),
    "sent": ("validated",),
    "settled": ("sent",),
    "partiallyPaid": (),
}
RATE_TYPES = ("oneTimeCharge", "rebate", "productAlteration", "lateFee", "discount")


class BillChange(msgspec.Struct, frozen=True):
    """A bill that is to come to a state, or into another cycle; None: stays as it is."""

    bill_id: str
    state: str | None = None
    cycle_id: str | None = None


async def change(work: Work, items: Sequence[BillChange]) -> list[Done | Refused]:
    """Bring bills to states. One that is sent when everything is paid already is settled at once."""
    bills = {row["id"]: row for row in await work.conn.fetch(q.lock_bills, [item.bill_id for item in items])}
    cycles = {row["id"] for row in await work.conn.fetch(q.known_cycles, [i.cycle_id for i in items if i.cycle_id])}
    results: list[Done | Refused] = []
    rows: list[tuple[str, str, str | None]] = []
    for item in items:
        bill = bills[item.bill_id]
        wanted = item.state or bill["state"]
        left = bill["owed"] - bill["paid"]
        if bill["category"] in ("trial", "duplicate") and item.state:
            message = f"state: a {bill['category']} bill stays as it is"
            results.append(Refused("conflict", "illegalTransition", message, "state"))
        elif item.cycle_id and item.cycle_id not in cycles:
            results.append(Refused("invalid", "unknownCycle", "billCycle.id: no such cycle is known", "billCycle.id"))
        elif item.state and (bill["state"] not in MAY_BECOME[wanted] or (wanted == "settled" and left > 0)):
            message = f"state: a bill that is {bill['state']} cannot become {wanted}"
            why = "; payments decide that" if wanted in ("settled", "partiallyPaid") else ""
            results.append(Refused("conflict", "illegalTransition", message + why, "state"))
        else:
            if item.state == "sent":
                wanted = "settled" if left <= 0 else "partiallyPaid" if bill["paid"] > 0 else "sent"
            rows.append((item.bill_id, wanted, item.cycle_id))
            results.append(Done(item.bill_id, (), wanted))
    if rows:
        await work.conn.execute(q.set_states, work.now, *[list(column) for column in zip(*rows, strict=True)])
    return results


class NewItem(msgspec.Struct, frozen=True):
    """What is to be on an account's next bill: an amount once, or a percentage of its fees on each while valid."""

    account_id: str
    rate_type: str
    name: str
    currency: str
    amount: int | None  # micros, without tax unless tax_included; below zero gives back
    percent: int | None  # ten-thousandths of a percent; below zero gives back
    tax_category: str
    tax_included: bool
    valid_from: datetime
    valid_to: datetime | None


async def put(work: Work, items: Sequence[NewItem]) -> list[Done | Refused]:
    """Put charges, discounts, credits and penalties on the next bills."""
    accounts = {row["id"]: row for row in await work.conn.fetch(q.accounts, [item.account_id for item in items])}
    rates = rates_at(await catalog_of(work), work.now)
    results: list[Done | Refused] = []
    rows = []
    for item in items:
        refused = _why_not(item, accounts.get(item.account_id), rates)
        if refused:
            results.append(refused)
            continue
        item_id = new_id(work.now)
        rows.append((item_id, item.account_id, item.rate_type, item.name, item.amount, item.percent, item.tax_category,
                     item.tax_included, item.valid_from, item.valid_to))  # fmt: skip
        results.append(Done(item_id, ("create",)))
    if rows:
        await work.conn.execute(q.keep_items, work.now, *[list(column) for column in zip(*rows, strict=True)])
    return results


def _why_not(item: NewItem, account: Any, rates: dict[str, int]) -> Refused | None:
    if account is None:
        return Refused("invalid", "unknownAccount", "billingAccount.id: no such account", "billingAccount.id")
    if account["kind"] != "postpaid":
        message = "billingAccount.id: is prepaid: it gets no bills"
        return Refused("invalid", "notBilled", message, "billingAccount.id")
    if item.tax_category not in rates:
        return Refused("invalid", "unknownTaxCategory", "taxCategory: no such category has a rate now", "taxCategory")
    if item.amount is not None and item.currency != account["currency"]:
        message = f"amount.unit: the account's currency is {account['currency']}"
        return Refused("invalid", "wrongCurrency", message, "amount.unit")
    if item.amount is not None and (not item.amount or item.amount % coin(item.currency)):
        return Refused("invalid", "invalidValue", "amount.value: must be whole coins, and not nothing", "amount.value")
    if item.percent is not None and not 0 < abs(item.percent) <= WHOLE:
        return Refused("invalid", "invalidValue", "percentage: must be within 100, and not nothing", "percentage")
    return None
