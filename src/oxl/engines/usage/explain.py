"""A rating told step by step, in the order in which it is done: for `oxl rate`, and for a usage that is stored.

The sums are those of rating itself; here they only get words.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from oxl.engines.catalog.plan import Plan, UsageComponent
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.usage import rating
from oxl.engines.usage.rating import Price, PriceLine
from oxl.engines.usage.tiers import keep_of, period_of
from oxl.values import MICROS, instant_text


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step: what was looked at or counted, what it came to, and the amount of money it adds, if any, as text."""

    name: str
    text: str
    amount: str = ""


class Given(NamedTuple):
    """What rating found outside the plan: tax, the part that allowances cover, what the period and the product had."""

    rate: Decimal
    included: int = 0  # atoms
    used: int = 0  # atoms of the period before this event
    since: datetime | None = None


def explain(plan: Plan, event: UsageEvent, given: Given) -> list[Step]:
    """How an event is priced by a plan. The last step is the total, or why there is none."""
    zone = rating.zone_of(plan, event)
    steps = [
        Step("usage", f"{event.quantity} {event.unit} of {event.service} from {instant_text(event.start)}"),
        Step("plan", f"{plan.id} version {plan.version}, valid from {instant_text(plan.valid_from)}, {plan.currency}"),
        Step("zone", _zone(plan, event, zone.name, zone.prefix_length)),
    ]
    component = rating.find_component(plan, event, zone)
    if component is None:
        return [*steps, Step("component", "nothing in the plan prices such a usage")]
    steps.append(Step("component", f"{component.id}: {component.name}, matched by {component.match.keys} keys"))
    if component.free:
        return [*steps, Step("total", "free of charge", "0")]
    keep = keep_of(plan, component, given.since, event.start)
    priced = rating.price(
        component, plan, event.start, event.quantity, rate=given.rate, skip=given.included, used=given.used, keep=keep
    )
    steps.append(Step("billable", _billable(component, event.quantity, priced.billable)))
    if component.tiers:
        since = instant_text(period_of(plan, component, event.start))
        steps.append(Step("period", f"{component.tiers.by} since {since}: {given.used} {component.unit} before"))
    steps += [_line(plan, component, line) for line in priced.lines]
    return [*steps, *_end(plan, component, priced, given.rate)]


def _zone(plan: Plan, event: UsageEvent, name: str, length: int) -> str:
    if plan.visited_zones is not None and event.visited and name in plan.visited_zones.zones:
        return f"{name}, by the visited network {event.visited}"
    if not event.destination:
        return f"{name}: at home, and to no number"
    by = f"the prefix {event.destination[:length]}" if length else "no prefix"
    return f"{name or 'none'}, by {by} of {event.destination}"


def _billable(component: UsageComponent, quantity: int, billable: int) -> str:
    rule = f"at least {component.minimum}, then in steps of {component.increment}"
    return f"{billable} of {quantity} {component.unit} ({rule})"


def _line(plan: Plan, component: UsageComponent, line: PriceLine) -> Step:
    unit = component.unit
    where = f" in {line.window}" if line.window else ""
    texts = {
        "setup": f"set-up{where}",
        "included": f"{line.quantity} {unit} are included",
        "units": f"{line.quantity} {unit} from {line.start} on{where} at {money(line.price)} for {line.per}",
        "flat": f"flat price of the tier from {line.start} {unit} on",
        "discount": "discounts of the plan",
        "limit": f"limit of {money(component.max_cost or 0)} {plan.currency}",
        "before": f"less the price of the {line.quantity} {unit} before",
    }
    return Step(line.what, texts[line.what], money(line.amount))


def _end(plan: Plan, component: UsageComponent, priced: Price, rate: Decimal) -> list[Step]:
    included = "included in the prices" if plan.tax_included else "on top"
    return [
        Step("rounding", f"once, half up, to {component.decimals} decimals"),
        Step("tax", f"{plan.tax_category}: {rate} %, {included}", money(priced.gross - priced.net)),
        Step("total", f"{money(priced.net)} without tax, {money(priced.gross)} {plan.currency} with it",
             money(priced.gross)),
    ]  # fmt: skip


def money(micros: int) -> str:
    """Micros as a plain decimal."""
    return f"{(Decimal(micros) / MICROS).normalize():f}"
