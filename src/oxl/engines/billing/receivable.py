"""The billing engine's verbs for money that comes in: payments, credits, and what they are used for.

What is due first is paid first; what is left over stays as the account's credit and goes to its next bill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.billing.sums import allocate, coin
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.billing", "receivable.sql")

_MANY = 1000  # accounts that one sweep settles


class Payment(msgspec.Struct, frozen=True):
    """Money received for an account: `reference` is the payer's or the bank's own, and counts once."""

    reference: str
    account_id: str
    currency: str
    amount: int  # micros
    received_at: datetime


async def pay(work: Work, items: Sequence[Payment]) -> list[Done | Refused]:
    """Take payments; `settle` uses them for what is owed.

    The same reference again with the same account and amount is answered as before; with others it is refused.
    """
    accounts = sorted({item.account_id for item in items})
    known = {row["id"]: row["currency"] for row in await work.conn.fetch(q.accounts, accounts)}
    results: list[Done | Refused | None] = [_why_not(item, known) for item in items]
    fresh: dict[str, tuple[str, Payment]] = {}
    for item, result in zip(items, results, strict=True):
        if result is None:
            fresh.setdefault(item.reference, (new_id(work.now), item))
    made = await _keep(work, list(fresh.values()))
    stored = {row["reference"]: row for row in await work.conn.fetch(q.same_references, list(fresh))}
    for n, item in enumerate(items):
        row = stored.get(item.reference)
        if results[n] is not None or row is None:
            continue
        if (row["account_id"], row["currency"], row["amount"]) != (item.account_id, item.currency, item.amount):
            message = "paymentReference: was recorded with another account or amount"
            results[n] = Refused("conflict", "duplicatePayment", message, "paymentReference", row["id"])
        else:
            results[n] = Done(row["id"], ("create",) if item.reference in made else ())
            made.discard(item.reference)
    return [result for result in results if result is not None]


def _why_not(item: Payment, known: dict[str, str]) -> Refused | None:
    if item.account_id not in known:
        return Refused("invalid", "unknownAccount", "billingAccount.id: no such account", "billingAccount.id")
    if item.currency != known[item.account_id]:
        message = f"amount.unit: the account's currency is {known[item.account_id]}"
        return Refused("invalid", "wrongCurrency", message, "amount.unit")
    if item.amount <= 0 or item.amount % coin(item.currency):
        message = "amount.value: must be more than nothing, in whole coins"
        return Refused("invalid", "invalidValue", message, "amount.value")
    return None


async def _keep(work: Work, fresh: Sequence[tuple[str, Payment]]) -> set[str]:
    rows = [(key, p.reference, p.account_id, p.currency, p.amount, p.received_at) for key, p in fresh]
    if not rows:
        return set()
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {row["reference"] for row in await work.conn.fetch(q.keep_payments, work.now, *columns)}


async def settle(work: Work) -> list[Done | Refused]:
    """Use what accounts have to their credit; the bills whose state that changed."""
    accounts = [row["account_id"] for row in await work.conn.fetch(q.to_settle, _MANY)]
    if not accounts:
        return []
    await work.conn.execute(q.lock_accounts, accounts)
    return list(await spend(work, accounts))


async def spend(work: Work, accounts: Sequence[str], first: str = "", before: int = 0) -> list[Done]:
    """Use what the accounts have to their credit for what they owe; the bills whose state that changed.

    The accounts are locked. before: how many of the bills made just now are not to show it as a payment, since the
    credit was taken off when they were made.
    """
    held: dict[str, list[Any]] = defaultdict(list)
    for row in await work.conn.fetch(q.open_credits, list(accounts)):
        held[row["account_id"]].append([row["id"], row["rest"]])
    if not held:
        return []
    bills: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in await work.conn.fetch(q.open_bills, sorted(held)):
        bills[row["account_id"]].append((row["id"], row["rest"]))
    uses: list[tuple[str, str, int]] = []
    for account, owed in bills.items():
        uses += allocate(held[account], sorted(owed, key=lambda each: each[0] != first))
    if not uses:
        return []
    rows = await work.conn.fetch(q.use, work.now, *[list(column) for column in zip(*uses, strict=True)], before)
    return [Done(row["id"], ("stateChange",), row["state"]) for row in rows if row["state"] != row["state_before"]]


async def unsettled(work: Work) -> bool:
    """Whether an account has credit and owes something."""
    return bool(await work.conn.fetch(q.to_settle, 1))


async def settle_new(work: Work, bills: Sequence[Any]) -> None:
    """Bills made just now: those below zero become credit, and credit goes to what is owed."""
    if bills:
        await work.conn.execute(q.below_zero, work.now, [row["id"] for row in bills])
        await spend(work, sorted({row["account_id"] for row in bills}), before=1)
