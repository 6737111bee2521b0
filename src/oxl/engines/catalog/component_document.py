"""The part of a plan document that prices usage: a component's declared fields, and its compilation.

Quantities written in a component's unit become atoms of the ledger unit; the prices of all its windows or tiers get one
common denominator; the windows become a week.
"""

from __future__ import annotations

import math
from typing import Any

from oxl.engines.catalog.document import (
    Field,
    Listing,
    Page,
    Record,
    digits,
    flag,
    identifier,
    micros,
    one_of,
    unit_code,
    whole,
    words,
)
from oxl.engines.catalog.plan import Step, Tier, Tiers, UsageComponent, UsageMatch, Window
from oxl.engines.catalog.week import DAYS, WHOLE_WEEK, time_of_day, week_of, window_name
from oxl.values import MAX_ATOMS, Unit, unit_of

NAMES = Listing(identifier, least=1, lone=True)
_NO_UNIT = Unit("", 1)
_PRICE_FORMS = ("free", "price", "windows", "tiers")


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
_TIER = Record(
    {
        "upTo": Field(whole(1), None),
        "price": Field(micros),
        "per": Field(whole(1), 1),
        "flat": Field(micros, 0),
    }
)
_TIERS = Record(
    {
        "mode": Field(one_of("graduated", "volume", "package")),
        "by": Field(one_of("calendarMonth", "calendarDay"), "calendarMonth"),
        "steps": Field(Listing(_TIER, least=1), None),
        "size": Field(whole(1), None),
        "price": Field(micros, None),
        "free": Field(whole(0), None),
    }
)
USAGE = Record(
    {
        "id": Field(identifier),
        "name": Field(words),
        "match": Field(
            Record(
                {
                    "service": Field(NAMES, ()),
                    "zone": Field(NAMES, ()),
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
        "tiers": Field(_TIERS, None),
        "maxCost": Field(Record({"amount": Field(micros), "then": Field(one_of("free", "stop"), "free")}), None),
    }
)


def component_of(page: Page, where: str, values: dict[str, Any]) -> UsageComponent | None:
    """The component that one item of a plan's usage describes; None when it has problems, which the page tells."""
    before = len(page.problems)
    forms = [form for form in _PRICE_FORMS if values[form] not in (None, False)]
    if len(forms) != 1:
        found = f", not {' and '.join(forms)}" if forms else ""
        page.wrong(where, f"must have one of free, price, windows and tiers{found}")
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
    tiers, common = _tiers(page, f"{where}.tiers", values["tiers"], unit.atoms) if values["tiers"] else (None, 1)
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
        max_then=values["maxCost"]["then"] if values["maxCost"] else "",
        windows=windows,
        week=week,
        common=math.lcm(common, *(step.per for window in windows for step in window.steps)),
        tiers=tiers,
    )


def _windows(page: Page, where: str, values: dict[str, Any], atoms: int) -> tuple[tuple[Window, ...], Any]:
    """The windows of a component and its week; a flat price is one window with one step, what is free has no step."""
    if values["windows"] is None:
        flat = [] if values["price"] is None else [{"from": 0, "price": values["price"], "per": values["per"] or 1}]
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


def _tiers(page: Page, where: str, written: dict[str, Any], atoms: int) -> tuple[Tiers | None, int]:
    """The tiers of a component, and the common denominator of their prices."""
    if written["mode"] == "package":
        return _package(page, where, written, atoms)
    for name in ("size", "price", "free"):
        if written[name] is not None:
            page.wrong(f"{where}.{name}", "goes with packages only")
    steps = written["steps"] or []
    if not steps:
        page.wrong(f"{where}.steps", "is required")
    common = math.lcm(*(step["per"] * atoms for step in steps))
    made, before = [], 0
    for index, step in enumerate(steps):
        inner, last = f"{where}.steps[{index}]", index == len(steps) - 1
        if last != (step["upTo"] is None):
            page.wrong(f"{inner}.upTo", "the last tier has none" if last else "is required but for the last tier")
        elif step["upTo"] is not None and step["upTo"] <= before:
            page.wrong(f"{inner}.upTo", f"must be beyond the tier before it, which is up to {before}")
        before = step["upTo"] or before
        end = None if step["upTo"] is None else _scaled(page, f"{inner}.upTo", step["upTo"], atoms)
        per = _scaled(page, f"{inner}.per", step["per"], atoms)
        made.append(Tier(end, step["price"], per, step["flat"]))
    return Tiers(written["mode"], written["by"], tuple(made)), common


def _package(page: Page, where: str, written: dict[str, Any], atoms: int) -> tuple[Tiers | None, int]:
    if written["steps"]:
        page.wrong(f"{where}.steps", "a package has size and price instead")
    for name in ("size", "price"):
        if written[name] is None:
            page.wrong(f"{where}.{name}", "is required")
    if written["size"] is None or written["price"] is None:
        return None, 1
    size = _scaled(page, f"{where}.size", written["size"], atoms)
    free = _scaled(page, f"{where}.free", written["free"] or 0, atoms)
    tier = Tier(None, written["price"], size, 0)
    return Tiers("package", written["by"], (tier,), size, free), 1
