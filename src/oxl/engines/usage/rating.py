"""The sums of rating one event: its zone, the component of the plan that prices it, and the price with its explanation.

Called by the usage engine once a record is read and its plan known; allowances are drawn by the ledger in between, and
what they cover comes back here as `skip`. Pure integer arithmetic: quantities in atoms, money in micros, one rounding.

An event is cut into increments: the first is `minimum` long, the others `increment`. An increment belongs to the tariff
window and to the step in which it starts. Which window reigns at an instant is what a clock on a wall in the plan's
time zone shows then, so an hour that comes twice in a DST night is priced twice by the same rule, and one that is left
out is not priced at all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from oxl.engines.catalog.plan import PACE, Match, Plan, Tiers, UsageComponent
from oxl.engines.catalog.specification import LONGEST_EVENT, UsageEvent
from oxl.engines.catalog.week import Week
from oxl.engines.catalog.zones import AT_HOME, HOME, UNKNOWN, Zone, zone_of_digits
from oxl.engines.usage.tiers import cumulative, slices
from oxl.values import MAX_ATOMS, MICROS, BadValue, divide_half_up

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class PriceLine(NamedTuple):
    """One line of the explanation of a price, in the order in which the event went through the tariff."""

    what: str  # setup, included, units, flat, discount, limit, before: what the period had cost without this event
    window: str  # or the mode of tiers
    start: int  # the step or tier: how far into the event or period it begins, in atoms
    quantity: int  # atoms
    price: int  # micros
    per: int  # atoms
    amount: int  # micros; the lines' sum can differ from the price by the one rounding that the whole gets


class Price(msgspec.Struct, frozen=True):
    """What an event costs, without and with tax, in micros of the plan's currency."""

    net: int
    gross: int
    billable: int  # atoms after minimum and increment
    charged: int  # atoms of these that were not included
    lines: tuple[PriceLine, ...]


# ── which tariff ──


def zone_of(plan: Plan, event: UsageEvent) -> Zone:
    """Where the event lies: abroad the visited network says it, else the destination, else it is at home."""
    if event.visited and plan.visited_zones is not None:
        visited = zone_of_digits(plan.visited_zones, event.visited)
        if visited.name != HOME:
            return visited
    if not event.destination:
        return AT_HOME
    return zone_of_digits(plan.destination_zones, event.destination) if plan.destination_zones else UNKNOWN


def find_component(plan: Plan, event: UsageEvent, zone: Zone) -> UsageComponent | None:
    """The most specific component for the event: most keys matched, then longest prefix, then the first written."""
    best, best_rank = None, (-1, -1)
    for component in plan.by_service.get(event.service, plan.any_service):
        match = component.match
        length = 0
        if match.zone:
            if zone.name not in match.zone:
                continue
            length = zone.prefix_length
        if match.destination:
            fitting = [len(prefix) for prefix in match.destination if event.destination.startswith(prefix)]
            if not fitting:
                continue
            length = max(length, *fitting)
        rank = (match.keys, length)
        if rank > best_rank:
            best, best_rank = component, rank
    return best


def allowance_fits(match: Match, service: str, zone: str) -> bool:
    """Whether an allowance may be used for a service in a zone."""
    return (not match.service or service in match.service) and (not match.zone or zone in match.zone)


# ── how much ──


def billable(component: UsageComponent, quantity: int) -> int:
    """The quantity that is charged: nothing for nothing, else the minimum and as many increments as are begun."""
    if quantity <= 0:
        return 0
    if quantity <= component.minimum:
        return component.minimum
    return component.minimum - (component.minimum - quantity) // component.increment * component.increment


def price(
    component: UsageComponent, plan: Plan, start: datetime, quantity: int, *, rate: Decimal, skip: int = 0,
    used: int = 0, keep: tuple[int, int] = (1, 1),
) -> Price:  # fmt: skip
    """The price of one event of `quantity` atoms from `start` on, `rate` being the tax percentage.

    `skip` atoms at its beginning are included in an allowance: they cost nothing, but time and steps run on over them.
    `used` atoms of its period were charged before, where the component has tiers. `keep` is what discounts leave.
    BadValue when the event lasts longer than any can, or costs more than can be counted.
    """
    total = billable(component, quantity)
    if not total:
        return Price(0, 0, 0, 0, ())
    if PACE.get(component.unit, 0) * total > LONGEST_EVENT.total_seconds():
        raise BadValue(f"no event lasts more than {LONGEST_EVENT.days} days")
    skip = min(max(skip, 0), total)
    if component.tiers:
        return _tiered(component, component.tiers, plan, total, rate=rate, skip=skip, used=used, keep=keep)
    lines: list[PriceLine] = []
    setup = 0
    weighed = 0  # micros of all units, times the component's common denominator
    if skip:
        lines.append(PriceLine("included", "", 0, skip, 0, 1, 0))
    for index, begin, end in _runs(component, plan.timezone, start, total):
        window = component.windows[index]
        if begin == 0 and window.setup and (skip < total or component.setup_when_included):
            setup = window.setup
            lines.insert(0, PriceLine("setup", window.name, 0, 1, setup, 1, setup))
        for step in window.steps:
            first = max(begin, skip, billable(component, step.start))
            last = end if step.end is None else min(end, billable(component, step.end))
            if first < last:
                weighed += (last - first) * step.weight
                amount = divide_half_up((last - first) * step.weight, component.common)
                lines.append(PriceLine("units", window.name, step.start, last - first, step.price, step.per, amount))
    grain = 10 ** (6 - component.decimals)
    full = setup * component.common + weighed
    amount = divide_half_up(full * keep[0], component.common * keep[1] * grain) * grain
    if keep[0] != keep[1]:
        lines.append(PriceLine("discount", "", 0, 1, 0, 1, amount - divide_half_up(full, component.common)))
    if component.max_cost is not None and amount > component.max_cost:
        lines.append(PriceLine("limit", "", 0, 1, component.max_cost, 1, component.max_cost - amount))
        amount = component.max_cost
    net, gross = _taxed(amount, rate, plan.tax_included)
    return Price(net, gross, total, 0 if component.free else total - skip, tuple(lines))


def _tiered(
    component: UsageComponent, tiers: Tiers, plan: Plan, total: int, *, rate: Decimal, skip: int, used: int,
    keep: tuple[int, int],
) -> Price:  # fmt: skip
    """The price of an event as what its period's total costs with it, less what it cost before."""
    lines = [PriceLine("included", "", 0, skip, 0, 1, 0)] if skip else []
    if skip == total:
        return Price(0, 0, total, 0, tuple(lines))
    after = used + total - skip
    for begin, atoms, price_, per, flat in slices(tiers, after):
        lines.append(PriceLine("units", tiers.mode, begin, atoms, price_, per, divide_half_up(atoms * price_, per)))
        if flat:
            lines.append(PriceLine("flat", tiers.mode, begin, 1, flat, 1, flat))
    costs = [_total(component, tiers, quantity, keep) for quantity in (used, after)]
    full = sum(line.amount for line in lines)
    if full != costs[1]:
        what = "discount" if keep[0] != keep[1] else "limit"
        lines.append(PriceLine(what, "", 0, 1, 0, 1, costs[1] - full))
    if used:
        lines.append(PriceLine("before", tiers.mode, 0, used, 0, 1, -costs[0]))
    net, gross = repriced(component, tiers, plan, used, after, rate=rate, keep=keep)
    return Price(net, gross, total, total - skip, tuple(lines))


def repriced(
    component: UsageComponent, tiers: Tiers, plan: Plan, before: int, after: int, *, rate: Decimal,
    keep: tuple[int, int],
) -> tuple[int, int]:  # fmt: skip
    """(net, gross) by which a period's price changes when its total goes from `before` to `after` atoms."""
    taxed = [_taxed(_total(component, tiers, total, keep), rate, plan.tax_included) for total in (before, after)]
    net, gross = (now - then for then, now in zip(*taxed, strict=True))
    return net, gross


def _total(component: UsageComponent, tiers: Tiers, quantity: int, keep: tuple[int, int]) -> int:
    return cumulative(component, tiers, quantity, keep) if quantity else 0


def affordable(
    component: UsageComponent, plan: Plan, start: datetime, wanted: int, money: int, *, rate: Decimal, skip: int = 0,
    keep: tuple[int, int] = (1, 1),
) -> int:  # fmt: skip
    """The most of `wanted` atoms that an event may go on for with `money` micros; what is included is `skip` of them.

    A component whose limit says stop grants nothing beyond what the limit pays for.
    """

    def fits(quantity: int) -> bool:
        priced = price(component, plan, start, quantity, rate=rate, skip=skip, keep=keep)
        stopped = component.max_then == "stop" and any(line.what == "limit" for line in priced.lines)
        return priced.gross <= money and not stopped

    low, high = 0, wanted
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _taxed(amount: int, rate: Decimal, included: bool) -> tuple[int, int]:
    """(net, gross) of a price that includes tax or does not, the other of the two rounded to the micro."""
    numerator, denominator = rate.as_integer_ratio()
    hundred = 100 * denominator
    if included:
        net, gross = divide_half_up(amount * hundred, hundred + numerator), amount
    else:
        net, gross = amount, divide_half_up(amount * (hundred + numerator), hundred)
    if gross > MAX_ATOMS:
        raise BadValue(f"a price above {MAX_ATOMS // MICROS} cannot be counted")
    return net, gross


# ── which window ──


def _runs(component: UsageComponent, zone: ZoneInfo, start: datetime, total: int) -> Iterator[tuple[int, int, int]]:
    """(window, from, to) for each stretch of increments that start in one window, in atoms from the event's start.

    What takes no time lies as a whole in the window of its start.
    """
    pace = PACE.get(component.unit)
    if len(component.week.edges) == 1:
        yield component.week.windows[0], 0, total
    elif pace is None:
        yield _window_at(component.week, start.astimezone(zone))[0], 0, total
    else:
        begin = end = 0
        start = start.astimezone(UTC)  # local instants do not add up over a clock change
        index, atom, over = -1, timedelta(seconds=pace), start + timedelta(seconds=pace * total)
        while end < total:
            window, edge = _window_until(component.week, zone, start + end * atom, over)
            if window != index and end:
                yield index, begin, end
                begin = end
            index, end = window, min(total, billable(component, -((start - edge) // atom)))
        yield index, begin, end


def _window_at(week: Week, local: datetime) -> tuple[int, int]:
    """The window at a local time, and the minute of the week at which it ends."""
    minute = local.weekday() * 1440 + local.hour * 60 + local.minute
    place = bisect_right(week.edges, minute)
    return week.windows[place - 1], week.edges[place] if place < len(week.edges) else 7 * 1440


def _window_until(week: Week, zone: ZoneInfo, at: datetime, over: datetime) -> tuple[int, datetime]:
    """The window at an instant, and an instant up to which it reigns: its end, `over`, a day on, or a clock change."""
    local = at.astimezone(zone)
    index, edge = _window_at(week, local)
    minutes = edge - (local.weekday() * 1440 + local.hour * 60 + local.minute)
    until = at + minutes * _MINUTE - timedelta(seconds=local.second, microseconds=local.microsecond)
    until = min(until, over, at + _DAY)
    if until.astimezone(zone).utcoffset() == local.utcoffset():
        return index, until
    return index, _clock_change(zone, at, until)


def _clock_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant between two, whole seconds, from which the zone has another offset than at the first."""
    offset = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), -int(-after.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
