"""Pure sums of one usage: from its event, its owner and the buckets at hand to a status, a price and what is drawn.

Allowances pay before money. A record either succeeds whole, and its draws are taken, or it goes into suspense with a
reason and nothing is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from oxl.engines.catalog.catalog import Catalog, plan_at, tax_percent_at
from oxl.engines.catalog.plan import Plan, UsageComponent
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.inventory.guided import Guided
from oxl.engines.ledger.burn import Draw, Held, Need, cover, take
from oxl.engines.usage import rating
from oxl.values import BadValue

MAX_LATE = timedelta(days=60)  # an older record is not charged without somebody looking at it
MOST = 10**15  # atoms or micros of one record; sums of thousands of larger ones could not be counted
MAX_AHEAD = timedelta(minutes=15)  # clocks of switches differ a little


class PriceLine(msgspec.Struct, frozen=True):
    """One line of what a usage costs: included in a bucket, or charged; amounts in micros of the plan's currency."""

    component: str
    name: str
    kind: str  # included, usage, overage
    zone: str
    unit: str
    quantity: int
    currency: str
    net: int
    gross: int
    tax_rate: str  # percent, as text so that it stays exact
    bucket: str | None = None


class Charge(NamedTuple):
    """What a postpaid account comes to owe, for the open bill window."""

    component: str
    zone: str
    tax_category: str
    unit: str
    quantity: int
    amount: int  # micros, net


class Decision(NamedTuple):
    """What becomes of one usage."""

    status: str
    reason: str | None = None
    plan: Plan | None = None
    lines: Sequence[PriceLine] = ()
    draws: Sequence[Draw] = ()
    charge: Charge | None = None


def suspense(reason: str, plan: Plan | None = None) -> Decision:
    """Kept, not charged, to be tried again when the reason is mended."""
    return Decision("failed", reason, plan)


def decide(
    catalog: Catalog, event: UsageEvent, owner: Guided | None, buckets: Sequence[Held], usage_id: str, now: datetime
) -> Decision:
    """Rate one event. The buckets are those of the owner's account; the draws of a success have been taken on them."""
    if owner is None:
        return suspense("unknownSubscriber")
    if owner.status != "active":
        return suspense(f"product{owner.status.capitalize()}")
    if event.start > now + MAX_AHEAD:
        return suspense("inFuture")
    if event.start < now - MAX_LATE:
        return suspense("tooLate")
    if event.quantity > MOST:
        return suspense("quantityOutOfRange")
    plan = plan_at(catalog, owner.plan_id, event.start) if owner.plan_id else None
    if plan is None:
        return suspense("noPlan")
    zone = rating.zone_of(plan, event).name
    component = rating.find_component(plan, event, rating.zone_of(plan, event))
    if component is None:
        return suspense("noTariff", plan)
    if component.free:
        return Decision("notRated", None, plan, [_line(component, plan, "included", zone, event.unit, event.quantity)])
    return _rate(catalog, plan, component, event, owner, buckets, zone, usage_id)


def _rate(
    catalog: Catalog, plan: Plan, component: UsageComponent, event: UsageEvent, owner: Guided, buckets: Sequence[Held],
    zone: str, usage_id: str,
) -> Decision:  # fmt: skip
    rate = tax_percent_at(catalog, plan.tax_category, event.start)
    if rate is None:
        return suspense("noTaxRate", plan)
    need = Need(event.unit, event.service, zone, owner.device_id, event.start)
    wanted = rating.billable(component, event.quantity)
    included, uncovered = cover(buckets, need, wanted)
    try:
        price = rating.price(component, plan, event.start, event.quantity, rate=rate, skip=wanted - uncovered)
    except BadValue:
        return suspense("priceOutOfRange", plan)
    if price.gross > MOST:
        return suspense("priceOutOfRange", plan)
    paid: list[tuple[Held, int]] = []
    if owner.account_kind == "prepaid" and price.gross:
        paid, missing = cover(buckets, need._replace(unit=plan.currency), price.gross)
        if missing:
            return suspense("insufficientCredit", plan)
    lines = [_line(component, plan, "included", zone, event.unit, part, bucket=bucket.id) for bucket, part in included]
    if price.charged or price.gross or not lines:
        kind = "overage" if included else "usage"
        money = {"net": price.net, "gross": price.gross, "tax_rate": str(rate)}
        lines.append(_line(component, plan, kind, zone, event.unit, price.charged, **money))
    charge = None
    if owner.account_kind == "postpaid" and (price.net or price.charged):
        charge = Charge(component.id, zone, plan.tax_category, event.unit, price.charged, price.net)
    draws = take([*included, *paid], usage_id, owner.device_id)
    return Decision("rated", None, plan, lines, draws, charge)


def _line(
    component: UsageComponent, plan: Plan, kind: str, zone: str, unit: str, quantity: int, *,
    net: int = 0, gross: int = 0, tax_rate: str = "0", bucket: str | None = None,
) -> PriceLine:  # fmt: skip
    return PriceLine(
        component.id, component.name, kind, zone, unit, quantity, plan.currency, net, gross, tax_rate, bucket
    )
