"""The billing engine's verb for bills that are not paid: the steps of the policy, each once for each bill."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from oxl.db.queries import load
from oxl.engines.billing.bill import NewItem, put
from oxl.engines.billing.setup import policy_of
from oxl.values import MICROS, new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.billing", "receivable.sql")


async def dun(work: Work) -> list[Done | Refused]:
    """Take the steps that are due; a Done for each. Its fee, where it has one, goes on the account's next bill."""
    policy = await policy_of(work)
    if not policy.dunning:
        return []
    since = work.now - timedelta(days=policy.dunning[0].after_days)
    rows: list[tuple[str, str, int, str, str, str | None]] = []
    for bill in await work.conn.fetch(q.overdue, since, len(policy.dunning)):
        for number, step in enumerate(policy.dunning[bill["step"] :], bill["step"] + 1):
            if bill["due_at"] + timedelta(days=step.after_days) > work.now:
                break
            fee = int(Decimal(step.fee) * MICROS)
            item = None
            if fee:
                wanted = NewItem(bill["account_id"], "lateFee", step.name, bill["currency"], fee, None,
                                 policy.penalty_tax_category, False, work.now, None)  # fmt: skip
                (done,) = await put(work, [wanted])
                item = done.id if isinstance(done, Done) else None
            rows.append((new_id(work.now), bill["id"], number, bill["account_id"], step.name, item))
    if rows:
        await work.conn.execute(q.keep_dunning, work.now, *[list(column) for column in zip(*rows, strict=True)])
    return [Done(row[0], ("create",)) for row in rows]
