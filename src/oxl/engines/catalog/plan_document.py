"""A plan document: its declared fields, and its compilation into the structs that rating reads.

What a single field cannot show wrong is told here, of usage by `component_document`.
"""

from __future__ import annotations

from typing import Any

from oxl.engines.catalog.component_document import NAMES, USAGE, component_of
from oxl.engines.catalog.document import (
    Field,
    Listing,
    Page,
    Record,
    amount,
    currency,
    flag,
    identifier,
    instant,
    micros,
    one_of,
    time_zone,
    unit_code,
    whole,
    words,
)
from oxl.engines.catalog.offering import percent
from oxl.engines.catalog.plan import (
    Allowance,
    Discount,
    Match,
    OneTime,
    Plan,
    Recurring,
    UsageComponent,
    UsageMatch,
)
from oxl.engines.catalog.zones import ZoneTable
from oxl.values import BadValue, to_atoms, usage_type

_DISCOUNT = Record(
    {
        "id": Field(identifier),
        "name": Field(words),
        "on": Field(one_of("usage", "recurring", "oneTime")),
        "components": Field(Listing(identifier, least=1, lone=True), ()),
        "percent": Field(percent),
        "whenTenureMonths": Field(whole(0, 1200), 0),
    }
)
_ALLOWANCE = Record(
    {
        "id": Field(identifier),
        "name": Field(words),
        "usageType": Field(one_of("data", "voice", "sms", "other", "monetary")),
        "amount": Field(amount),
        "units": Field(unit_code),
        "period": Field(one_of("month")),
        "shared": Field(flag, False),
        "priority": Field(whole(0, 32767), 10),
        "rollOver": Field(amount, None),
        "match": Field(Record({"service": Field(NAMES, ()), "zone": Field(NAMES, ())}), {"service": (), "zone": ()}),
    }
)
_RECURRING = Record(
    {
        "id": Field(identifier),
        "name": Field(words),
        "price": Field(micros),
        "period": Field(one_of("month")),
        "timing": Field(one_of("advance", "arrears"), "advance"),
        "proration": Field(one_of("none", "day"), "none"),
    }
)
PLAN = Record(
    {
        "plan": Field(identifier),
        "name": Field(words),
        "description": Field(words, ""),
        "version": Field(whole(1, 32767)),
        "validFrom": Field(instant),
        "currency": Field(currency),
        "timezone": Field(time_zone),
        "taxIncluded": Field(flag),
        "taxCategory": Field(identifier),
        "kind": Field(one_of("prepaid", "postpaid", "addon")),
        "recurring": Field(Listing(_RECURRING), ()),
        "oneTime": Field(Listing(Record({"id": Field(identifier), "name": Field(words), "price": Field(micros)})), ()),
        "allowances": Field(Listing(_ALLOWANCE), ()),
        "usage": Field(Listing(USAGE), ()),
        "discounts": Field(Listing(_DISCOUNT), ()),
        "zones": Field(
            Record({"destination": Field(identifier, None), "visited": Field(identifier, None)}),
            {"destination": None, "visited": None},
        ),
    }
)


def compile_plan(page: Page, values: dict[str, Any], tables: dict[str, ZoneTable]) -> Plan | None:
    """The plan that a document describes; None when it has problems, which its page then tells."""
    _one_of_each_id(page, values)
    if values["kind"] == "addon":
        for part in ("usage", "recurring"):
            if values[part]:
                page.wrong(part, "an addon has none: it carries allowances and what it costs once")
    for index, each in enumerate(values["usage"] if values["kind"] == "prepaid" else ()):
        if each["tiers"] and each["tiers"]["mode"] == "volume":
            page.wrong(f"usage[{index}].tiers.mode", "is for postpaid plans: a charge by volume can be negative")
    allowances = [_allowance(page, f"allowances[{i}]", each) for i, each in enumerate(values["allowances"])]
    usage = [component_of(page, f"usage[{i}]", each) for i, each in enumerate(values["usage"])]
    _one_of_each_match(page, usage)
    discounts = [_discount(page, f"discounts[{i}]", each, values) for i, each in enumerate(values["discounts"])]
    if page.problems:
        return None
    components = tuple(component for component in usage if component)
    services = frozenset().union(*(component.match.service for component in components))
    return Plan(
        id=values["plan"],
        name=values["name"],
        description=values["description"],
        version=values["version"],
        valid_from=values["validFrom"],
        currency=values["currency"],
        timezone=values["timezone"],
        tax_included=values["taxIncluded"],
        tax_category=values["taxCategory"],
        kind=values["kind"],
        recurring=tuple(Recurring(**each) for each in values["recurring"]),
        one_time=tuple(OneTime(**each) for each in values["oneTime"]),
        allowances=tuple(allowance for allowance in allowances if allowance),
        usage=components,
        by_service={service: _pricing(components, service) for service in services},
        any_service=_pricing(components, None),
        tiered=any(component.tiers for component in components),
        discounts=tuple(discounts),
        destination_zones=tables.get(values["zones"]["destination"] or ""),
        visited_zones=tables.get(values["zones"]["visited"] or ""),
    )


def _pricing(components: tuple[UsageComponent, ...], service: str | None) -> tuple[UsageComponent, ...]:
    return tuple(each for each in components if not each.match.service or service in each.match.service)


def _one_of_each_id(page: Page, values: dict[str, Any]) -> None:
    seen: dict[str, str] = {}
    for part in ("recurring", "oneTime", "allowances", "usage", "discounts"):
        for index, each in enumerate(values[part]):
            where = f"{part}[{index}].id"
            if each["id"] in seen:
                page.wrong(where, f"{each['id']} is already the id of {seen[each['id']]}")
            seen.setdefault(each["id"], where.removesuffix(".id"))


def _one_of_each_match(page: Page, usage: list[UsageComponent | None]) -> None:
    seen: dict[UsageMatch, str] = {}
    for index, component in enumerate(usage):
        if component and component.match in seen:
            page.wrong(f"usage[{index}].match", f"is never reached: {seen[component.match]} matches the same")
        elif component:
            seen[component.match] = component.id


def _allowance(page: Page, where: str, values: dict[str, Any]) -> Allowance | None:
    try:
        unit, atoms = to_atoms(values["amount"], values["units"])
        carried = None if values["rollOver"] is None else to_atoms(values["rollOver"], values["units"])[1]
    except BadValue as error:
        page.wrong(f"{where}.amount", str(error))
        return None
    if not atoms:
        page.wrong(f"{where}.amount", "must be more than nothing")
    if usage_type(unit) != values["usageType"]:
        page.wrong(f"{where}.units", f"{values['units']} measures {usage_type(unit)}, not {values['usageType']}")
    return Allowance(
        id=values["id"],
        name=values["name"],
        usage_type=values["usageType"],
        unit=unit,
        amount=atoms,
        display_unit=values["units"],
        period=values["period"],
        shared=values["shared"],
        priority=values["priority"],
        match=Match(frozenset(values["match"]["service"]), frozenset(values["match"]["zone"])),
        roll_over=carried,
    )


def _discount(page: Page, where: str, values: dict[str, Any], plan: dict[str, Any]) -> Discount:
    known = {each["id"] for each in plan[values["on"]]}
    for index, name in enumerate(values["components"]):
        if name not in known:
            page.wrong(f"{where}.components[{index}]", f"no {values['on']} price of the plan is called {name}")
    if not values["percent"] or (values["percent"] * 10_000) % 1:
        page.wrong(f"{where}.percent", "must be more than nothing, with at most four decimals")
    return Discount(
        id=values["id"],
        name=values["name"],
        on=values["on"],
        components=frozenset(values["components"]),
        percent=values["percent"],
        tenure_months=values["whenTenureMonths"],
    )
