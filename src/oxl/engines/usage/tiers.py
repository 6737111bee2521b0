"""The sums of prices that a whole period has together: graduated, by volume, in packages.

An event is charged what the period's total costs with it less what it cost without it, so that the charges of a period
add up to the price of its total, in whatever order and pieces the events came. A volume price can fall as more is used:
then an event's charge is negative.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from oxl.engines.catalog.plan import Plan, Tiers, UsageComponent
from oxl.values import MAX_ATOMS, BadValue, divide_half_up

PPM = 1_000_000
CounterKey = tuple[str, str, int, str, datetime]  # product, plan, its version, component, start of the period


class Counter:
    """What a product has used in a period of a component that is priced by the period, in atoms that were charged."""

    __slots__ = ("key", "moved", "quantity")

    def __init__(self, key: CounterKey, quantity: int = 0) -> None:
        self.key = key
        self.quantity = quantity
        self.moved = 0

    def move(self, quantity: int) -> None:
        """Count more, or less when a charge is taken back."""
        self.quantity += quantity
        self.moved += quantity


def period_of(plan: Plan, component: UsageComponent, at: datetime) -> datetime:
    """The start, in UTC, of the period of the component's tiers in which an instant lies."""
    local = at.astimezone(plan.timezone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if component.tiers and component.tiers.by == "calendarMonth":
        local = local.replace(day=1)
    return local.astimezone(UTC)


def slices(tiers: Tiers, quantity: int) -> list[tuple[int, int, int, int, int]]:
    """(from, atoms, price, per, flat) for each tier that a total of `quantity` atoms is priced by.

    Nothing used lies in the first tier. A package tier's atoms are those of whole packages.
    """
    if tiers.mode == "package":
        packages = -(-max(0, quantity - tiers.free) // tiers.size)
        return [(tiers.free, packages * tiers.size, tiers.steps[0].price, tiers.size, 0)]
    found, begin = [], 0
    for tier in tiers.steps:
        reached = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if tiers.mode == "graduated" and (reached > begin or begin == 0):
            found.append((begin, reached - begin, tier.price, tier.per, tier.flat))
        if tier.up_to is None or quantity <= tier.up_to:
            return found if tiers.mode == "graduated" else [(0, quantity, tier.price, tier.per, tier.flat)]
        begin = tier.up_to
    return found


def cumulative(component: UsageComponent, tiers: Tiers, quantity: int, keep: tuple[int, int] = (1, 1)) -> int:
    """What a period's total of `quantity` atoms costs in micros, rounded once, at most the component's limit.

    `keep` is the part of the price that discounts leave, as numerator and denominator.
    """
    if tiers.mode == "package":
        weighed = sum(atoms // per * price for _, atoms, price, per, _ in slices(tiers, quantity))
        common = 1
    else:
        common = component.common
        weighed = sum(atoms * price * (common // per) for _, atoms, price, per, _ in slices(tiers, quantity))
        weighed += common * sum(flat for *_, flat in slices(tiers, quantity))
    grain = 10 ** (6 - component.decimals)
    amount = divide_half_up(weighed * keep[0], common * keep[1] * grain) * grain
    if amount > MAX_ATOMS:
        raise BadValue("costs more than can be counted")
    return amount if component.max_cost is None else min(amount, component.max_cost)


def keep_of(plan: Plan, component: UsageComponent, since: datetime | None, at: datetime) -> tuple[int, int]:
    """The part of a usage price that the plan's discounts leave at an instant, for a product taken at `since`.

    Several discounts are taken one after another. Where a period is priced together, its start decides.
    """
    kept = whole = 1
    for discount in plan.discounts:
        if discount.on != "usage" or (discount.components and component.id not in discount.components):
            continue
        when = period_of(plan, component, at) if component.tiers else at
        if discount.tenure_months and (since is None or not _tenured(plan, since, when, discount.tenure_months)):
            continue
        kept *= PPM - int(discount.percent * 10_000)
        whole *= PPM
    return kept, whole


def _tenured(plan: Plan, since: datetime, at: datetime, months: int) -> bool:
    begun, now = since.astimezone(plan.timezone), at.astimezone(plan.timezone)
    passed = (now.year - begun.year) * 12 + now.month - begun.month
    later = timedelta(days=now.day, hours=now.hour, minutes=now.minute, seconds=now.second)
    sooner = timedelta(days=begun.day, hours=begun.hour, minutes=begun.minute, seconds=begun.second)
    return passed - (later < sooner) >= months
