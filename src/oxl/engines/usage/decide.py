"""Pure sums of one usage: from its event, its owner and the buckets at hand to a status, a price and what is drawn.

Allowances pay before money. A record either succeeds whole, and its draws are taken, or it goes into suspense with a
reason and nothing is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from oxl.engines.catalog.catalog import Catalog, plan_at, plan_version, tax_percent_at
from oxl.engines.catalog.plan import Plan, UsageComponent
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.inventory.guided import Guided
from oxl.engines.ledger.burn import Draw, Held, Need, cover, take
from oxl.engines.usage import rating
from oxl.engines.usage.tiers import Counter, CounterKey, keep_of, period_of
from oxl.values import BadValue

MOST = 10**15  # atoms or micros of one record; sums of thousands of larger ones could not be counted


NONE: Mapping[CounterKey, Counter] = MappingProxyType({})


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
    used: int | msgspec.UnsetType = msgspec.UNSET  # atoms that its period had before, where the period has one price
    discount: str | msgspec.UnsetType = msgspec.UNSET  # percent that the price was lowered by


class Charge(NamedTuple):
    """What a postpaid account comes to owe, for the open bill window."""

    component: str
    zone: str
    tax_category: str
    unit: str
    quantity: int
    amount: int  # micros, net
    events: int = 1


class Decision(NamedTuple):
    """What becomes of one usage."""

    status: str
    reason: str | None = None
    plan: Plan | None = None
    lines: Sequence[PriceLine] = ()
    draws: Sequence[Draw] = ()
    charge: Charge | None = None


class Terms(NamedTuple):
    """What is decided otherwise than by the record and the dates alone."""

    late: bool = False  # however late it comes: somebody has looked at it
    plan_version: int | None = None  # the version that prices, whichever was valid


AS_USUAL = Terms()


def suspense(reason: str, plan: Plan | None = None) -> Decision:
    """Kept, not charged, to be tried again when the reason is mended."""
    return Decision("failed", reason, plan)


def suspended(catalog: Catalog, owner: Guided | None, at: datetime, reason: str) -> Decision:
    """What waits elsewhere for a reason waits here for it too, whatever would come of it here."""
    planned = owner if reason in ("noTariff", "noTaxRate", "priceOutOfRange", "insufficientCredit") else None
    return Decision("failed", reason, plan_of(catalog, planned, at) if planned else None)


def decide(
    catalog: Catalog, event: UsageEvent, owner: Guided | None, buckets: Sequence[Held], usage_id: str, now: datetime,
    counters: Mapping[CounterKey, Counter] = NONE, terms: Terms = AS_USUAL,
) -> Decision:  # fmt: skip
    """Rate one event. The buckets are those of the owner's account, the counters those of his product.

    The draws of a success have been taken on the buckets, and what is priced by the period has been counted.
    """
    if owner is None:
        return suspense("unknownSubscriber")
    if owner.status != "active":
        return suspense(f"product{owner.status.capitalize()}")
    if event.start > now + catalog.rules.ahead:
        return suspense("inFuture")
    if event.start < now - catalog.rules.too_late_after and not terms.late:
        return suspense("tooLate")
    if event.quantity > MOST:
        return suspense("quantityOutOfRange")
    plan = plan_of(catalog, owner, event.start, terms)
    if plan is None:
        return suspense("noPlan")
    zone = rating.zone_of(plan, event)
    component = rating.find_component(plan, event, zone)
    if component is None:
        return suspense("noTariff", plan)
    if component.free:
        line = _line(component, plan, "included", zone.name, event.unit, event.quantity)
        return Decision("notRated", None, plan, [line])
    counter = counters.get(_key(owner, plan, component, event.start)) if component.tiers else None
    if component.tiers and counter is None:
        raise ValueError(f"usage {usage_id} has no counter of {component.id}")
    rated = _rate(catalog, plan, component, event, owner, buckets, zone.name, usage_id, counter)
    late = rated.status == "rated" and event.start < now - catalog.rules.late_after
    return rated._replace(reason="late") if late else rated


def plan_of(catalog: Catalog, owner: Guided, at: datetime, terms: Terms = AS_USUAL) -> Plan | None:
    """The version of the owner's plan that prices what happened at an instant."""
    if owner.plan_id is None:
        return None
    if terms.plan_version is not None:
        return plan_version(catalog, owner.plan_id, terms.plan_version)
    return plan_at(catalog, owner.plan_id, at)


def counter_key(
    catalog: Catalog, event: UsageEvent, owner: Guided | None, terms: Terms = AS_USUAL
) -> CounterKey | None:
    """The counter that the event will be priced by, where its price is that of a period."""
    plan = plan_of(catalog, owner, event.start, terms) if owner else None
    if plan is None or owner is None or not plan.tiered:
        return None
    component = rating.find_component(plan, event, rating.zone_of(plan, event))
    return _key(owner, plan, component, event.start) if component and component.tiers else None


def _key(owner: Guided, plan: Plan, component: UsageComponent, at: datetime) -> CounterKey:
    return owner.product_id, plan.id, plan.version, component.id, period_of(plan, component, at)


def _rate(
    catalog: Catalog, plan: Plan, component: UsageComponent, event: UsageEvent, owner: Guided, buckets: Sequence[Held],
    zone: str, usage_id: str, counter: Counter | None,
) -> Decision:  # fmt: skip
    rate = tax_percent_at(catalog, plan.tax_category, event.start)
    if rate is None:
        return suspense("noTaxRate", plan)
    need = Need(event.unit, event.service, zone, owner.device_id, event.start)
    wanted = rating.billable(component, event.quantity)
    included, uncovered = cover(buckets, need, wanted)
    keep = keep_of(plan, component, owner.since, event.start)
    try:
        price = rating.price(
            component, plan, event.start, event.quantity, rate=rate, skip=wanted - uncovered,
            used=counter.quantity if counter else 0, keep=keep,
        )  # fmt: skip
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
        money: dict[str, Any] = {"net": price.net, "gross": price.gross, "tax_rate": str(rate)}
        if counter:
            money["used"] = counter.quantity
        if keep[0] != keep[1]:
            money["discount"] = f"{100 - Decimal(keep[0] * 100) / keep[1]:.6f}".rstrip("0").rstrip(".")
        lines.append(_line(component, plan, kind, zone, event.unit, price.charged, **money))
    charge = None
    if owner.account_kind == "postpaid" and (price.net or price.charged):
        charge = Charge(component.id, zone, plan.tax_category, event.unit, price.charged, price.net)
    draws = take([*included, *paid], usage_id, owner.device_id)
    if counter:
        counter.move(price.charged)
    return Decision("rated", None, plan, lines, draws, charge)


def _line(
    component: UsageComponent, plan: Plan, kind: str, zone: str, unit: str, quantity: int, *,
    net: int = 0, gross: int = 0, tax_rate: str = "0", bucket: str | None = None,
    used: int | msgspec.UnsetType = msgspec.UNSET, discount: str | msgspec.UnsetType = msgspec.UNSET,
) -> PriceLine:  # fmt: skip
    return PriceLine(
        component.id, component.name, kind, zone, unit, quantity, plan.currency, net, gross, tax_rate, bucket, used,
        discount,
    )  # fmt: skip
