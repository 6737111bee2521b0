"""The price plan: what a product costs each month and once, what it includes, and how usage beyond that is priced.

Made from a plan document by `plan_document`, read by rating, charging and billing. Every quantity is in atoms of a
ledger unit and every price in micros, so that rating is integer arithmetic and table look-ups. The names are those of a
product offering price in TMF620 where it has one.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from oxl.engines.catalog.week import Week
from oxl.engines.catalog.zones import ZoneTable

# Ledger units that measure time: seconds in one atom. Only their usage runs through tariff windows while it lasts.
PACE = {"second": 1, "tv-minute": 60}


class Match(msgspec.Struct, frozen=True):
    """What an allowance may be used for; an empty set stands for anything."""

    service: frozenset[str] = frozenset()
    zone: frozenset[str] = frozenset()


class UsageMatch(msgspec.Struct, frozen=True):
    """What a usage component prices; an empty field stands for anything. `destination` holds number prefixes."""

    service: frozenset[str]
    zone: frozenset[str]
    destination: tuple[str, ...]

    @property
    def keys(self) -> int:
        """How many keys are asked for: the more, the more specific."""
        return bool(self.service) + bool(self.zone) + bool(self.destination)


class Step(msgspec.Struct, frozen=True):
    """From `start` atoms into the event up to `end`, `per` atoms cost `price` micros."""

    start: int
    end: int | None
    price: int
    per: int
    weight: int  # the price of one atom, in micros ÷ the component's `common`


class Window(msgspec.Struct, frozen=True):
    """A time window of a component: the setup fee of events that begin in it, and its steps."""

    name: str
    setup: int
    steps: tuple[Step, ...]


class Tier(msgspec.Struct, frozen=True):
    """Up to `up_to` atoms of a period, `per` atoms cost `price` micros, and `flat` is due once the tier is entered."""

    up_to: int | None
    price: int
    per: int
    flat: int


class Tiers(msgspec.Struct, frozen=True):
    """A price of all usage of a period together.

    graduated: every slice at the price of its tier. volume: all of it at the price of the tier reached. package: as
    many packages of `size` atoms as are begun beyond `free` atoms, each at the price of the one tier.
    """

    mode: str
    by: str  # calendarMonth, calendarDay: in the plan's time zone
    steps: tuple[Tier, ...]
    size: int = 0
    free: int = 0


class Discount(msgspec.Struct, frozen=True):
    """A percentage off: of usage, recurring or one-time prices, of the components named or of all of that kind."""

    id: str
    name: str
    on: str  # usage, recurring, oneTime
    components: frozenset[str]
    percent: Decimal
    tenure_months: int  # only for products that were taken at least so many months before


class UsageComponent(msgspec.Struct, frozen=True):
    """How usage of one kind is priced."""

    id: str
    name: str
    match: UsageMatch
    unit: str  # ledger unit of all quantities here; "" where the usage is free and the unit was left out
    free: bool
    minimum: int  # the first increment, in atoms; 0 when it is like the others
    increment: int
    decimals: int
    setup_when_included: bool
    max_cost: int | None  # micros of an event, or of a period where there are tiers
    max_then: str  # free: what goes on beyond costs nothing; stop: no more is granted
    windows: tuple[Window, ...]
    week: Week
    common: int  # a multiple of the `per` of all steps
    tiers: Tiers | None = None


class Allowance(msgspec.Struct, frozen=True):
    """Units granted each period, and what they may be used for."""

    id: str
    name: str
    usage_type: str
    unit: str  # ledger unit
    amount: int
    display_unit: str
    period: str
    shared: bool
    priority: int
    match: Match
    roll_over: int | None = None  # atoms of the rest that the next period's bucket may take over


class Recurring(msgspec.Struct, frozen=True):
    """A fee for each period."""

    id: str
    name: str
    price: int
    period: str
    timing: str
    proration: str


class OneTime(msgspec.Struct, frozen=True):
    """A fee that is due once, when the product starts."""

    id: str
    name: str
    price: int


class Plan(msgspec.Struct, frozen=True):
    """One version of a price plan. Prices include tax or not as `tax_included` says."""

    id: str
    name: str
    description: str
    version: int
    valid_from: datetime
    currency: str
    timezone: ZoneInfo
    tax_included: bool
    tax_category: str
    kind: str  # prepaid, postpaid: the main account it wants; addon: bought to another plan, rates nothing itself
    recurring: tuple[Recurring, ...]
    one_time: tuple[OneTime, ...]
    allowances: tuple[Allowance, ...]
    usage: tuple[UsageComponent, ...]
    by_service: dict[str, tuple[UsageComponent, ...]]  # the components that may price a service, as they are written
    any_service: tuple[UsageComponent, ...]  # those for services that no component names
    tiered: bool  # whether any component is priced by the period
    discounts: tuple[Discount, ...]
    destination_zones: ZoneTable | None
    visited_zones: ZoneTable | None
