"""Buckets come to be here: an account's main bucket, and the allowances that a plan grants for each period.

A grant is exactly once by its key (product, allowance, start of period), so it may be asked for at any time: at
provisioning, by the worker's sweep, and by rating when a record is the first to touch a new period.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog import registry
from oxl.engines.catalog.plan import Allowance
from oxl.engines.inventory.inventory import Subscription, subscriptions
from oxl.values import add_months, new_id, unit_of, usage_type
from oxl.verbs import Work

q = load("oxl.engines.ledger", "ledger.sql")

_SWEPT_AT_ONCE = 1000  # products in a sweep over all accounts, so that it stays a row of short transactions
_MAIN_PRIORITY = 1000  # money pays last: units that were bought come first


class Opening(NamedTuple):
    """A bucket to be: a row of keep_buckets, in its column order."""

    id: str
    kind: str
    account_id: str
    product_id: str | None
    device_id: str | None
    allowance_id: str | None
    name: str
    unit: str
    display_unit: str
    display_atoms: int
    usage_type: str
    usage_label: str
    match: str
    priority: int
    valid_from: datetime
    valid_to: datetime | None
    amount: int
    status: str = "active"
    carry_limit: int | None = None
    credit_limit: int = 0
    body: str | None = None


def next_period(anchor: datetime, timezone: Any, start: datetime) -> datetime:
    """The end of the month-long period that begins at `start`, counted from the anchor's local day and time."""
    local = anchor.astimezone(timezone)
    months = (start.astimezone(timezone).year - local.year) * 12 + start.astimezone(timezone).month - local.month
    for k in range(max(months, 0), months + 3):
        end = add_months(local.replace(tzinfo=None), k).replace(tzinfo=timezone).astimezone(UTC)
        if end > start:
            return end
    raise ValueError(f"no period of {anchor} begins at {start}")


async def open_main(work: Work, accounts: Sequence[tuple[str, str, datetime]], known_id: str | None = None) -> None:
    """The main money bucket of each (account, currency, start) that has none; under `known_id` where given."""
    rows = [
        Opening(
            id=known_id or new_id(work.now), kind="main", account_id=account, product_id=None, device_id=None,
            allowance_id=None,
            name="Main balance", unit=currency, display_unit=currency, display_atoms=unit_of(currency).atoms,
            usage_type="monetary", usage_label="monetary", match="{}", priority=_MAIN_PRIORITY, valid_from=since,
            valid_to=None, amount=0,
        )
        for account, currency, since in accounts
    ]  # fmt: skip
    await keep(work, rows)
    await work.conn.execute(q.widen_main, [row.account_id for row in rows], [row.valid_from for row in rows])


async def schedule(work: Work, products: Sequence[tuple[str, str, datetime]]) -> None:
    """From when on each (product, account, start) is granted its plan's allowances; the grants follow when due."""
    columns = [list(column) for column in zip(*products, strict=True)] or [[], [], []]
    await work.conn.execute(q.schedule, *columns)


async def take_turn(work: Work, accounts: Iterable[str]) -> None:
    """Lock the accounts' grants and buckets in the order that all groups lock them, before some of them change."""
    named = list(accounts)
    await work.conn.execute(q.lock_schedule, named)
    await work.conn.execute(q.lock_buckets, named)


async def end(work: Work, product_ids: Sequence[str], at: datetime) -> None:
    """The products' buckets end at `at`, and nothing more is granted to them."""
    await work.conn.execute(q.unschedule, list(product_ids))
    await work.conn.execute(q.end_buckets, list(product_ids), at)


async def set_status(work: Work, product_ids: Sequence[str], status: str) -> None:
    """Suspend the products' own buckets or make them active again."""
    await work.conn.execute(q.set_status, list(product_ids), status)


async def grant_due(work: Work, accounts: Iterable[str] | None = None) -> int:
    """Grant every allowance whose period has begun, for all of the given accounts or, a part at a time, for any;
    how many grants were due.
    """
    touched = 0
    asked = None if accounts is None else list(accounts)
    due = await work.conn.fetch(q.due, work.now, asked, _SWEPT_AT_ONCE if asked is None else None)
    while due:
        touched += len(due)
        rows: list[Opening] = []
        follow: list[tuple[str, str, datetime]] = []
        starts = {row["product_id"]: row["granted_until"] for row in due}
        found = await subscriptions(work, list(starts), list(starts.values()))
        for product in found:
            start = starts[product.id]
            in_force = await registry.plan_in_force(work, product.plan_id, start)
            until = next_period(product.plan_since, in_force.timezone, start)
            rows += [_grant(work, product, allowance, start, until) for allowance in in_force.allowances
                     if product.leads or not allowance.shared]  # fmt: skip
            follow.append((product.id, product.account_id, until))
        ended = set(starts) - {product.id for product in found}
        await work.conn.execute(q.unschedule, list(ended))
        await schedule(work, follow)
        await keep(work, rows)
        due = [
            {"product_id": product, "granted_until": until} for product, _, until in follow if until <= work.now
        ]  # several periods may have passed since the last grant
    return touched


def _grant(work: Work, product: Subscription, allowance: Allowance, start: datetime, until: datetime) -> Opening:
    match = {key: sorted(getattr(allowance.match, key)) for key in ("service", "zone")}
    label = allowance.usage_type or usage_type(allowance.unit)
    return Opening(
        id=new_id(work.now), kind="allowance", account_id=product.account_id, product_id=product.id,
        device_id=None if allowance.shared else product.device_id, allowance_id=allowance.id, name=allowance.name,
        unit=allowance.unit, display_unit=allowance.display_unit, display_atoms=unit_of(allowance.display_unit).atoms,
        usage_type=usage_type(allowance.unit), usage_label=label,
        match=msgspec.json.encode(match).decode(), priority=allowance.priority, valid_from=start,
        valid_to=min(until, product.valid_to or until),
        amount=allowance.amount,
        status="suspended" if product.status == "suspended" and not allowance.shared else "active",
        carry_limit=allowance.roll_over,
    )  # fmt: skip


async def keep(work: Work, rows: Sequence[Opening]) -> None:
    """Make the buckets; the amounts that they open with come from what is granted."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await work.conn.execute(q.keep_buckets, work.now, *columns, [new_id(work.now) for _ in rows])
