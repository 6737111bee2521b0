"""Laws of a price for any tariff and any event, against a reference that walks one increment after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rating_tables import plan_from

from oxl.engines.catalog.plan import Plan
from oxl.engines.usage.rating import billable, price
from oxl.values import MICROS, divide_half_up

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HEAD = {
    "plan": "any",
    "name": "Any",
    "version": 1,
    "validFrom": "2020-01-01T00:00:00Z",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "taxIncluded": False,
    "taxCategory": "O",
    "kind": "postpaid",
}
ZONES = ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC"]
# Around the nights in which the clocks of these zones change, and where nothing happens.
NIGHTS = [
    "2026-03-29T01:00",
    "2026-10-25T01:00",
    "2026-03-08T06:00",
    "2026-04-04T15:00",
    "2026-02-15T02:00",
    "2026-06-01",
]
RATE = Decimal(0)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def steps(draw: Any) -> list[dict[str, Any]]:
    starts = [0, *sorted(draw(st.sets(st.integers(1, 4000), max_size=3)))]
    prices = [draw(st.integers(0, 3_000_000)) for _ in starts]
    return [
        {"from": start, "price": f"{micros / MICROS:.6f}", "per": draw(st.sampled_from([1, 7, 60]))}
        for start, micros in zip(starts, prices, strict=True)
    ]


@st.composite
def windows(draw: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 3))):
        begin, end = draw(st.lists(st.integers(0, 47).map(lambda half: half * 30), min_size=2, max_size=2, unique=True))
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
        made.append({"days": days, "from": _clock(begin), "to": _clock(end), "steps": draw(steps())})
    made.append({"steps": draw(steps())})
    for window in made:
        window["setup"] = f"{draw(st.integers(0, 2_000_000)) / MICROS:.6f}"
    return made


@st.composite
def components(draw: Any) -> dict[str, Any]:
    component = {
        "id": "any",
        "name": "Any",
        "match": {"service": "voice"},
        "unit": draw(st.sampled_from(["second", "second", "second", "tv-minute", "message"])),
        "minimum": draw(st.sampled_from([0, 0, 1, 30, 60, 700])),
        "increment": draw(st.sampled_from([1, 1, 6, 30, 60])),
        "rounding": {"decimals": draw(st.integers(0, 6))},
        "setupWhenIncluded": draw(st.booleans()),
        "windows": draw(windows()),
    }
    if draw(st.booleans()):
        component["maxCost"] = {"amount": str(draw(st.integers(0, 5000))), "then": "free"}
    return component


def _plan(component: dict[str, Any], zone: str = "Europe/Berlin") -> Plan | None:
    """The plan with one component; windows that others cover are dropped until it is one that can be loaded."""
    written = dict(component, windows=list(component["windows"]))
    while True:
        try:
            plan = plan_from(yaml.safe_dump({**HEAD, "timezone": zone, "usage": [written]}, sort_keys=False))
        except AssertionError as error:
            if "never reached" not in str(error) or len(written["windows"]) == 1:
                raise
            covered = int(str(error).split("windows[")[1].split("]")[0])
            del written["windows"][covered]
            component["windows"] = written["windows"]
        else:
            return plan


def _reigns(window: dict[str, Any], local: datetime) -> bool:
    """Whether a written window holds what a wall clock shows, read from the document itself."""
    if "days" not in window:
        return True
    now, today = local.hour * 60 + local.minute, DAYS[local.weekday()]
    begin, end = (int(window[key][:2]) * 60 + int(window[key][3:]) for key in ("from", "to"))
    if begin < end:
        return today in window["days"] and begin <= now < end
    yesterday = DAYS[local.weekday() - 1]
    return (today in window["days"] and now >= begin) or (yesterday in window["days"] and now < end)


def _slowly(component: dict[str, Any], zone: str, start: datetime, quantity: int, skip: int) -> int:
    """The price by its definition: increment by increment, in fractions."""
    if quantity <= 0:
        return 0
    edges = [0, component["minimum"]] if component["minimum"] else [0]
    while edges[-1] < quantity:
        edges.append(edges[-1] + component["increment"])
    seconds = {"second": 1, "tv-minute": 60, "message": 0}[component["unit"]]
    sum_, first = Fraction(0), None
    for begin, end in pairwise(edges):
        local = (start + timedelta(seconds=begin * seconds)).astimezone(ZoneInfo(zone))
        window = next(each for each in component["windows"] if _reigns(each, local))
        first = first or window
        step = [each for each in window["steps"] if each["from"] <= begin][-1]
        sum_ += Fraction(Decimal(step["price"])) * max(0, end - max(begin, skip)) / step["per"]
    if first and (skip < edges[-1] or component["setupWhenIncluded"]):
        sum_ += Fraction(Decimal(first["setup"]))
    scaled = sum_ * 10 ** component["rounding"]["decimals"]
    cost = divide_half_up(scaled.numerator, scaled.denominator) * 10 ** (6 - component["rounding"]["decimals"])
    return min(cost, int(component["maxCost"]["amount"]) * MICROS) if "maxCost" in component else cost


starts = st.builds(
    lambda night, seconds, micros: (
        datetime.fromisoformat(night).replace(tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micros)
    ),
    st.sampled_from(NIGHTS),
    st.integers(-12 * 3600, 12 * 3600),
    st.sampled_from([0, 0, 1, 500_000, 999_999]),
)
quantities = st.one_of(st.integers(0, 200), st.integers(0, 20_000))


@settings(max_examples=300, deadline=None)
@given(components(), st.sampled_from(ZONES), starts, quantities, st.one_of(st.just(0), st.integers(0, 20_000)))
def test_a_price_is_that_of_walking_increment_by_increment(component, zone, start, quantity, skip):
    plan = _plan(component, zone)
    priced = price(plan.usage[0], plan, start, quantity, rate=RATE, skip=skip)
    assert priced.net == _slowly(component, zone, start, quantity, skip)
    assert sum(line.quantity for line in priced.lines if line.what in ("units", "included")) == priced.billable


@settings(max_examples=150, deadline=None)
@given(components(), starts, quantities, st.integers(0, 5000), st.integers(0, 5000))
def test_more_usage_never_costs_less_and_more_included_never_costs_more(component, start, quantity, more, skip):
    plan = _plan(component)
    tariff = plan.usage[0]
    cost = price(tariff, plan, start, quantity, rate=RATE, skip=skip).net
    assert 0 <= cost <= price(tariff, plan, start, quantity + more, rate=RATE, skip=skip).net
    assert price(tariff, plan, start, quantity, rate=RATE, skip=skip + more).net <= cost


@settings(max_examples=150, deadline=None)
@given(components(), starts, quantities, st.integers(0, 20_000))
def test_what_is_included_and_what_is_charged_make_up_the_whole(component, start, quantity, skip):
    component["rounding"] = {"decimals": 6}
    component.pop("maxCost", None)
    for window in component["windows"]:
        window["setup"] = "0"
        for step in window["steps"]:
            step["per"] = 1
    plan = _plan(component)
    tariff = plan.usage[0]
    whole = price(tariff, plan, start, quantity, rate=RATE)
    skip = billable(tariff, min(skip, quantity))  # up to where an increment begins, both sides are events of their own
    included = price(tariff, plan, start, skip, rate=RATE)
    assert included.net + price(tariff, plan, start, quantity, rate=RATE, skip=skip).net == whole.net
    assert price(tariff, plan, start, quantity, rate=RATE, skip=0) == whole


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**15), st.sampled_from(["0", "7", "19", "8.1", "25.5"]), st.booleans())
def test_tax_on_net_is_gross_to_the_micro(quantity, rate, included):
    component = {"id": "any", "name": "Any", "match": {"service": "sms"}, "unit": "sms", "price": "0.000001"}
    plan = plan_from(yaml.safe_dump({**HEAD, "taxIncluded": included, "usage": [component]}))
    priced = price(plan.usage[0], plan, datetime(2026, 1, 1, tzinfo=UTC), quantity, rate=Decimal(rate))
    assert abs(priced.net * (1 + Fraction(Decimal(rate)) / 100) - priced.gross) <= Fraction(2, 3)
    assert (priced.gross if included else priced.net) == quantity
    assert msgspec.json.decode(msgspec.json.encode(priced), type=type(priced)) == priced
