"""The billing engine's verbs for bills that are not paid: the steps of the policy, each once for each bill.

A step may put a fee on the next bill, and may suspend the lines of the account until what it was for is paid. It locks
in the order of every verb: the account's bills, its lines, their buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.billing.bill import NewItem, put
from oxl.engines.billing.policy import DunningStep, Policy
from oxl.engines.billing.setup import policy_of
from oxl.engines.inventory import inventory
from oxl.engines.inventory.inventory import Change
from oxl.engines.ledger import grants
from oxl.values import MICROS, new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.billing", "receivable.sql")

_MANY = 1000  # bills, or steps to lift, that one sweep looks at


async def dun(work: Work) -> list[Done | Refused]:
    """Take the steps that are due; a Done for each. Its fee, where it has one, goes on the account's next bill."""
    policy = await policy_of(work)
    if not policy.dunning:
        return []
    asked = (work.now, [step.after_days for step in policy.dunning], _MANY)
    accounts = sorted({row["account_id"] for row in await work.conn.fetch(q.overdue, *asked, None)})
    if not accounts:
        return []
    await work.conn.execute(q.lock_accounts, accounts)
    rows: list[tuple[Any, ...]] = []
    for bill in await work.conn.fetch(q.overdue, *asked, accounts):  # as they are now that they are locked
        for number, step in _due(policy, bill, work):
            item = await _fee(work, policy, bill, step)
            held = await _suspend(work, bill["account_id"]) if step.suspend else []
            if step.suspend and rows:
                held = sorted({*held, *(each for row in rows if row[3] == bill["account_id"] for each in row[6])})
            rows.append((new_id(work.now), bill["id"], number, bill["account_id"], step.name, item, held))
    if rows:
        ids, bills, numbers, names, words, items, held = (list(column) for column in zip(*rows, strict=True))
        suspended = msgspec.json.encode(held).decode()
        await work.conn.execute(q.keep_dunning, work.now, ids, bills, numbers, names, words, items, suspended)
    return [Done(row[0], ("create",)) for row in rows]


def _due(policy: Policy, bill: Any, work: Work) -> Sequence[tuple[int, DunningStep]]:
    """The steps of a bill whose time has come and that were not taken."""
    left = list(enumerate(policy.dunning, 1))[bill["step"] :]
    return [(n, step) for n, step in left if bill["due_at"] + timedelta(days=step.after_days) <= work.now]


async def _fee(work: Work, policy: Policy, bill: Any, step: DunningStep) -> str | None:
    fee = int(Decimal(step.fee) * MICROS)
    if not fee:
        return None
    wanted = NewItem(bill["account_id"], "lateFee", step.name, bill["currency"], fee, None,
                     policy.penalty_tax_category, False, work.now, None)  # fmt: skip
    (done,) = await put(work, [wanted])
    return done.id if isinstance(done, Done) else None


async def _suspend(work: Work, account: str) -> list[str]:
    """Suspend the account's lines that are active; with those that dunning holds already."""
    held = {row["id"] for row in await work.conn.fetch(q.held_lines, account)}
    active = [row["id"] for row in await work.conn.fetch(q.lines, [account], "active", work.now)]
    return sorted(held | {each for each in active if await _changed(work, [each], "suspend")})


async def _changed(work: Work, lines: Sequence[str], action: str) -> bool:
    """Suspend or resume lines, with their packs and buckets; whether any was to be."""
    await grants.take_turn(work, await inventory.take_turn(work, lines))
    done = False
    for line in lines:
        body = msgspec.json.encode({"subscriber": {"id": line}, "action": action}).decode()
        (outcome,) = await inventory.change(work, [Change(line, action, work.now, body)])
        if not isinstance(outcome, Refused):
            await grants.set_status(work, outcome[1].product_ids, "suspended" if action == "suspend" else "active")
            done = True
    return done


async def lift(work: Work) -> list[Done | Refused]:
    """Resume the lines that dunning had suspended where all that it was for is paid; a Done for each step lifted."""
    accounts = sorted({row["account_id"] for row in await work.conn.fetch(q.to_lift, None, _MANY)})
    if not accounts:
        return []
    await work.conn.execute(q.lock_accounts, accounts)
    steps = await work.conn.fetch(q.to_lift, accounts, _MANY)
    if not steps:
        return []
    await work.conn.execute(q.lift, [row["id"] for row in steps], work.now)
    free = {line for row in steps for line in row["suspended"]}
    for account in accounts:
        free -= {row["id"] for row in await work.conn.fetch(q.held_lines, account)}
    idle = {row["id"] for row in await work.conn.fetch(q.lines, accounts, "suspended", work.now)}
    if free & idle:
        await _changed(work, sorted(free & idle), "resume")
    return [Done(row["id"], ("stateChange",), "lifted") for row in steps]
