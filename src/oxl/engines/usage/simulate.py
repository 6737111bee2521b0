"""What usages would cost by a plan: sums that are made part by part, anywhere, and add up in any order. Pure.

For a change of prices that is looked at over years of usage: nobody is charged, and nothing is asked of whose usage it
was. So allowances and discounts by tenure are left out, and a number's usage counts as one subscriber's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from oxl.engines.catalog.catalog import Catalog, plan_at, plan_version, tax_percent_at
from oxl.engines.catalog.plan import Plan, UsageComponent
from oxl.engines.catalog.specification import UsageEvent, read
from oxl.engines.usage import rating
from oxl.engines.usage.explain import money
from oxl.engines.usage.tiers import keep_of, period_of
from oxl.values import BadValue, instant_text, parse_instant
from oxl.verbs import Refusal

Place = tuple[str, int, str, str]  # month in the plan's time zone, plan version, component, zone
Period = tuple[int, str, str, str]  # plan version, component, number, start of the period


class Row(msgspec.Struct, frozen=True):
    """What one component of a plan comes to in a month and a zone; money as plain decimals of the plan's currency.

    Usages that are priced by the period have no zone.
    """

    month: str
    version: int
    component: str
    zone: str
    usages: int
    billable: int
    unit: str
    net: str
    gross: str


class Sums(msgspec.Struct):
    """What a part of the usages comes to, and a digest of each usage's price in it."""

    places: dict[Place, tuple[int, int, int, int]] = {}  # usages, atoms, net, gross
    periods: dict[Period, int] = {}  # atoms
    refused: dict[str, int] = {}  # usages that cannot be priced, by why
    digest: str = ""

    def count(self, place: Place, usages: int, billable: int, net: int, gross: int) -> None:
        """Count usages."""
        before = self.places.get(place, (0, 0, 0, 0))
        self.places[place] = (before[0] + usages, before[1] + billable, before[2] + net, before[3] + gross)

    def refuse(self, why: str, usages: int = 1) -> None:
        """Count usages that cannot be priced."""
        self.refused[why] = self.refused.get(why, 0) + usages


def sums_of(catalog: Catalog, plan_id: str, version: int | None, documents: Iterable[Any]) -> Sums:
    """The sums of a part: documents of TMF635 usages, or texts that say why one could not be read."""
    sums, digest = Sums(), sha256()
    for document in documents:
        try:
            told = _price(sums, catalog, plan_id, version, document)
        except Refusal as refusal:
            told = refusal.refused.code
            sums.refuse(told)
        digest.update(f"{told}\n".encode())
    sums.digest = digest.hexdigest()
    return sums


def _price(sums: Sums, catalog: Catalog, plan_id: str, version: int | None, document: Any) -> str:
    """Count one usage; what is told of it in the digest."""
    if not isinstance(document, dict):
        sums.refuse("invalidBody")
        return "invalidBody"
    specification = catalog.specifications.get(_specification(document))
    why = "unknownSpecification"
    if specification is not None:
        event = read(specification, document.get("usageCharacteristic", []))
        plan = plan_at(catalog, plan_id, event.start) if version is None else plan_version(catalog, plan_id, version)
        rate = tax_percent_at(catalog, plan.tax_category, event.start) if plan else None
        if plan is not None and rate is not None:
            return _priced(sums, plan, event, rate)
        why = "noPlan" if plan is None else "noTaxRate"
    sums.refuse(why)
    return why


def _specification(document: dict[str, Any]) -> str:
    reference = document.get("usageSpecification")
    found = reference.get("id") if isinstance(reference, dict) else None
    return found if isinstance(found, str) else ""


def _priced(sums: Sums, plan: Plan, event: UsageEvent, rate: Decimal) -> str:
    zone = rating.zone_of(plan, event)
    component = rating.find_component(plan, event, zone)
    if component is None:
        sums.refuse("noPrice")
        return "noPrice"
    quantity = rating.billable(component, event.quantity)
    if component.tiers:
        start = instant_text(period_of(plan, component, event.start))
        period = (plan.version, component.id, event.number, start)
        sums.periods[period] = sums.periods.get(period, 0) + quantity
        sums.count((_month(plan, event.start), plan.version, component.id, ""), 1, quantity, 0, 0)
        return f"{component.id} {event.number} {start} {quantity}"
    try:
        keep = keep_of(plan, component, None, event.start)
        price = rating.price(component, plan, event.start, event.quantity, rate=rate, keep=keep)
    except BadValue:
        sums.refuse("tooMuch")
        return "tooMuch"
    place = (_month(plan, event.start), plan.version, component.id, zone.name)
    sums.count(place, 1, price.billable, price.net, price.gross)
    return f"{component.id} {event.number} {instant_text(event.start)} {price.net} {price.gross}"


def _month(plan: Plan, at: datetime) -> str:
    return f"{at.astimezone(plan.timezone):%Y-%m}"


def total(catalog: Catalog, plan_id: str, parts: Iterable[Sums]) -> tuple[list[Row], dict[str, int], str]:
    """All parts together: rows in order, what could not be priced by why, and one digest of all prices.

    The digest depends on the order of the parts, nothing else does. Here periods get the price of their totals.
    """
    whole, digest = Sums(), sha256()
    for part in parts:
        digest.update(part.digest.encode())
        for place, counted in part.places.items():
            whole.count(place, *counted)
        for period, quantity in part.periods.items():
            whole.periods[period] = whole.periods.get(period, 0) + quantity
        for why, usages in part.refused.items():
            whole.refuse(why, usages)
    for period in sorted(whole.periods):
        _add_period(whole, catalog, plan_id, period)
    rows = []
    for (month, version, name, zone), (usages, billable, net, gross) in sorted(whole.places.items()):
        unit = _component(_version(catalog, plan_id, version), name).unit
        rows.append(Row(month, version, name, zone, usages, billable, unit, money(net), money(gross)))
    return rows, dict(sorted(whole.refused.items())), digest.hexdigest()


def _add_period(whole: Sums, catalog: Catalog, plan_id: str, period: Period) -> None:
    version, name, _, text = period
    plan, start = _version(catalog, plan_id, version), parse_instant(text)
    component = _component(plan, name)
    rate = tax_percent_at(catalog, plan.tax_category, start)
    if component.tiers is None or rate is None:
        whole.refuse("noTaxRate")
        return
    keep = keep_of(plan, component, None, start)
    try:
        net, gross = rating.repriced(component, component.tiers, plan, 0, whole.periods[period], rate=rate, keep=keep)
    except BadValue:
        whole.refuse("tooMuch")
        return
    whole.count((_month(plan, start), version, name, ""), 0, 0, net, gross)


def _version(catalog: Catalog, plan_id: str, version: int) -> Plan:
    return next(each for each in catalog.plans[plan_id] if each.version == version)


def _component(plan: Plan, name: str) -> UsageComponent:
    return next(each for each in plan.usage if each.id == name)
