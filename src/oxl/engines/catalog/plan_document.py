"""A plan document: its declared fields, and its compilation into the structs that rating reads.

What a single field cannot show wrong is told here. Quantities written in a component's unit become atoms of the ledger
unit; the steps of all windows get one common denominator; the windows become a week.
"""

from __future__ import annotations

import math
from typing import Any

from oxl.engines.catalog.document import (
    Field,
    Listing,
    Page,
    Record,
    amount,
    currency,
    digits,
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
from oxl.engines.catalog.plan import (
    Allowance,
    Match,
    OneTime,
    Plan,
    Recurring,
    Step,
    UsageComponent,
    UsageMatch,
    Window,
)
from oxl.engines.catalog.week import DAYS, WHOLE_WEEK, time_of_day, week_of, window_name
from oxl.engines.catalog.zones import ZoneTable
from oxl.values import MAX_ATOMS, BadValue, Unit, to_atoms, unit_of, usage_type

_NO_UNIT = Unit("", 1)
_PRICE_FORMS = ("free", "price", "windows")


_NAMES = Listing(identifier, least=1, lone=True)
_STEP = Record({"from": Field(whole(0), 0), "price": Field(micros), "per": Field(whole(1), 1)})
_WINDOW = Record(
    {
        "days": Field(Listing(one_of(*DAYS), least=1, lone=True), None),
        "from": Field(time_of_day, None),
        "to": Field(time_of_day, None),
        "setup": Field(micros, 0),
        "steps": Field(Listing(_STEP, least=1)),
    }
)
_USAGE = Record(
    {
        "id": Field(identifier),
        "name": Field(words),
        "match": Field(
            Record(
                {
                    "service": Field(_NAMES, ()),
                    "zone": Field(_NAMES, ()),
                    "destination": Field(Listing(digits, least=1, lone=True), ()),
                }
            )
        ),
        "unit": Field(unit_code, None),
        "minimum": Field(whole(0), 0),
        "increment": Field(whole(1), 1),
        "rounding": Field(Record({"decimals": Field(whole(0, 6))}), {"decimals": 6}),
        "setupWhenIncluded": Field(flag, True),
        "free": Field(flag, False),
        "setup": Field(micros, None),
        "price": Field(micros, None),
        "per": Field(whole(1), None),
        "windows": Field(Listing(_WINDOW, least=1), None),
        "maxCost": Field(Record({"amount": Field(micros), "then": Field(one_of("free"))}), None),
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
        "match": Field(Record({"service": Field(_NAMES, ()), "zone": Field(_NAMES, ())}), {"service": (), "zone": ()}),
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
        "usage": Field(Listing(_USAGE), ()),
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
    allowances = [_allowance(page, f"allowances[{i}]", each) for i, each in enumerate(values["allowances"])]
    usage = [_component(page, f"usage[{i}]", each) for i, each in enumerate(values["usage"])]
    _one_of_each_match(page, usage)
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
        destination_zones=tables.get(values["zones"]["destination"] or ""),
        visited_zones=tables.get(values["zones"]["visited"] or ""),
    )


def _pricing(components: tuple[UsageComponent, ...], service: str | None) -> tuple[UsageComponent, ...]:
    return tuple(each for each in components if not each.match.service or service in each.match.service)


def _one_of_each_id(page: Page, values: dict[str, Any]) -> None:
    seen: dict[str, str] = {}
    for part in ("recurring", "oneTime", "allowances", "usage"):
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


def _component(page: Page, where: str, values: dict[str, Any]) -> UsageComponent | None:
    before = len(page.problems)
    forms = [form for form in _PRICE_FORMS if values[form] not in (None, False)]
    if len(forms) != 1:
        page.wrong(where, f"must have one of free, price and windows{', not ' + ' and '.join(forms) if forms else ''}")
        return None
    for field in ("setup", "per"):
        if values[field] is not None and forms != ["price"]:
            page.wrong(f"{where}.{field}", "goes with price only")
    if values["free"] and values["maxCost"]:
        page.wrong(f"{where}.maxCost", "what is free needs no limit")
    for field, written in (("unit", values["unit"]), ("match.service", values["match"]["service"])):
        if not written and not values["free"]:
            page.wrong(f"{where}.{field}", "is required")
    unit = unit_of(values["unit"]) if values["unit"] else _NO_UNIT
    windows, week = _windows(page, where, values, unit.atoms)
    if len(page.problems) > before:
        return None
    match = values["match"]
    return UsageComponent(
        id=values["id"],
        name=values["name"],
        match=UsageMatch(frozenset(match["service"]), frozenset(match["zone"]), tuple(sorted(match["destination"]))),
        unit=unit.ledger,
        free=values["free"],
        minimum=_scaled(page, f"{where}.minimum", values["minimum"], unit.atoms),
        increment=_scaled(page, f"{where}.increment", values["increment"], unit.atoms),
        decimals=values["rounding"]["decimals"],
        setup_when_included=values["setupWhenIncluded"],
        max_cost=values["maxCost"]["amount"] if values["maxCost"] else None,
        windows=windows,
        week=week,
        common=math.lcm(*(step.per for window in windows for step in window.steps)),
    )


def _windows(page: Page, where: str, values: dict[str, Any], atoms: int) -> tuple[tuple[Window, ...], Any]:
    """The windows of a component and its week; a flat price is one window with one step, what is free has no step."""
    if values["windows"] is None:
        flat = [] if values["free"] else [{"from": 0, "price": values["price"], "per": values["per"] or 1}]
        written = [{"days": None, "from": None, "to": None, "setup": values["setup"] or 0, "steps": flat}]
        week = WHOLE_WEEK
    else:
        written = values["windows"]
        week = week_of(page, f"{where}.windows", written) or WHOLE_WEEK
    common = math.lcm(*(step["per"] * atoms for window in written for step in window["steps"]))
    windows = []
    for index, window in enumerate(written):
        steps = _steps(page, f"{where}.windows[{index}].steps", window["steps"], atoms, common)
        windows.append(Window(window_name(window), window["setup"], steps))
    return tuple(windows), week


def _steps(page: Page, where: str, written: list[dict[str, Any]], atoms: int, common: int) -> tuple[Step, ...]:
    starts = [step["from"] for step in written]
    if starts and starts[0] != 0:
        page.wrong(f"{where}[0].from", "the first step must be from 0")
    steps = []
    for index, (step, end) in enumerate(zip(written, [*starts, None][1:], strict=True)):
        if end is not None and end <= step["from"]:
            page.wrong(f"{where}[{index + 1}].from", f"must be beyond the step before it, which is from {step['from']}")
        per = _scaled(page, f"{where}[{index}].per", step["per"], atoms)
        start = _scaled(page, f"{where}[{index}].from", step["from"], atoms)
        weight = step["price"] * (common // per)
        steps.append(Step(start, None if end is None else end * atoms, step["price"], per, weight))
    return tuple(steps)


def _scaled(page: Page, where: str, quantity: int, atoms: int) -> int:
    if quantity * atoms > MAX_ATOMS:
        page.wrong(where, f"{quantity} is out of range")
    return quantity * atoms
