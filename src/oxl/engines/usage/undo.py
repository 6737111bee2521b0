"""Pure sums of taking a rating back: what a stored usage returns to buckets and to the open bill window.

What is priced by the period is taken back as the period's price now, with and without this usage: so the charges of the
period stay the price of its total, whichever of its usages goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from oxl.engines.catalog.catalog import Catalog, plan_version
from oxl.engines.catalog.plan import Plan, UsageComponent
from oxl.engines.inventory.guided import Guided
from oxl.engines.ledger.burn import Held
from oxl.engines.usage.case import Stored
from oxl.engines.usage.decide import Charge, PriceLine
from oxl.engines.usage.rating import repriced
from oxl.engines.usage.tiers import Counter, CounterKey, keep_of, period_of


class Undone(NamedTuple):
    """What a usage gives back: parts to buckets (negative), and what its account owes less."""

    parts: Sequence[tuple[Held, int]] = ()
    charge: Charge | None = None


def counter_key_of(catalog: Catalog, stored: Stored) -> CounterKey | None:
    """The counter that a stored usage is in, where it was priced by the period."""
    line, plan = _charged(stored), _plan(catalog, stored)
    if line is None or plan is None or line.used is msgspec.UNSET or not stored.product_id or not stored.started_at:
        return None
    component = next(each for each in plan.usage if each.id == line.component)
    return stored.product_id, plan.id, plan.version, component.id, period_of(plan, component, stored.started_at)


def undo(
    catalog: Catalog, stored: Stored, owner: Guided | None, held: Mapping[str, Held],
    counters: Mapping[CounterKey, Counter],
) -> Undone:  # fmt: skip
    """What the usage gives back. Its counter has been lowered; the buckets are as they were."""
    parts = [(held[bucket], -atoms) for bucket, atoms in stored.draws]
    line, plan = _charged(stored), _plan(catalog, stored)
    if line is None or plan is None or owner is None:
        return Undone(parts)
    net, key = line.net, counter_key_of(catalog, stored)
    if key is not None and stored.started_at is not None:
        counter = counters[key]
        component = next(each for each in plan.usage if each.id == line.component)
        net, gross = _given_back(component, plan, line, stored, owner, counter)
        if owner.account_kind == "prepaid":
            parts = _money_back(parts, plan.currency, gross, _main(held, owner.account_id))
    charge = None
    if stored.charge_window is not None:
        charge = Charge(line.component, line.zone, plan.tax_category, line.unit, -line.quantity, -net, -1)
    return Undone(parts, charge)


def _charged(stored: Stored) -> PriceLine | None:
    return next((line for line in stored.prices if line.kind != "included"), None)


def _plan(catalog: Catalog, stored: Stored) -> Plan | None:
    if stored.plan_id is None or stored.plan_version is None:
        return None
    return plan_version(catalog, stored.plan_id, stored.plan_version)


def _given_back(
    component: UsageComponent, plan: Plan, line: PriceLine, stored: Stored, owner: Guided, counter: Counter
) -> tuple[int, int]:
    if component.tiers is None or stored.started_at is None:
        raise ValueError(f"usage {stored.id} is priced by the period, {component.id} is not")
    keep = keep_of(plan, component, owner.since, stored.started_at)
    after, before = counter.quantity - line.quantity, counter.quantity
    counter.move(-line.quantity)
    return repriced(component, component.tiers, plan, after, before, rate=Decimal(line.tax_rate), keep=keep)


def _main(held: Mapping[str, Held], account_id: str) -> Held | None:
    return next((each for each in held.values() if each.account_id == account_id and each.kind == "main"), None)


def _money_back(
    parts: Sequence[tuple[Held, int]], currency: str, gross: int, main: Held | None
) -> list[tuple[Held, int]]:
    """The parts with as much money given back as the period's price falls by: to those who paid, the last one first."""
    units = [part for part in parts if part[0].unit != currency]
    paid = [part for part in parts if part[0].unit == currency]
    if not paid and main:
        paid = [(main, 0)]
    for place, (bucket, part) in reversed(list(enumerate(paid))):
        back = gross if place == 0 else min(gross, -part)
        gross -= back
        units.append((bucket, -back))
    return [part for part in units if part[1]]
