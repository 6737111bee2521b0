"""What events cost, from a table of cases one can check by hand; and how a price explains itself."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec
import pytest
from rating_tables import COMPONENTS, TARIFFS, rows, start_of

from oxl.engines.usage.rating import Price, billable, price
from oxl.values import MICROS, BadValue

NO_TAX = Decimal(0)
NOON = start_of("2026-06-04T12:00:00")


def _cases() -> list:
    cases = []
    for tariff, start, quantities, cost in rows("prices.txt"):
        quantity, _, skip = quantities.rstrip(")").partition("(")
        case = (tariff, start_of(start), int(quantity), int(skip or 0), Decimal(cost))
        cases.append(pytest.param(*case, id=f"{tariff}-{start}-{quantities}"))
    return cases


@pytest.mark.parametrize(("tariff", "start", "quantity", "skip", "cost"), _cases())
def test_an_event_costs_what_the_table_says(tariff: str, start: datetime, quantity: int, skip: int, cost: Decimal):
    priced = price(COMPONENTS[tariff], TARIFFS, start, quantity, rate=NO_TAX, skip=skip)
    assert Decimal(priced.net) / MICROS == cost
    assert priced.gross == priced.net


def test_all_cases_of_the_table_are_there():
    assert len(_cases()) > 80


@pytest.mark.parametrize(
    ("minimum", "increment", "quantity", "expected"),
    [
        (0, 1, 0, 0),
        (60, 1, -5, 0),
        (60, 30, 0, 0),
        (60, 30, 1, 60),
        (60, 30, 60, 60),
        (60, 30, 61, 90),
        (0, 30, 31, 60),
    ],
)
def test_what_is_begun_is_charged(minimum: int, increment: int, quantity: int, expected: int):
    component = msgspec.structs.replace(COMPONENTS["MX"], minimum=minimum, increment=increment)
    assert billable(component, quantity) == expected
    assert billable(component, expected) == expected


@pytest.mark.parametrize(
    ("included", "seconds", "rate", "net", "gross"),
    [
        (False, 1, "19", 1_000_000, 1_190_000),
        (True, 1, "19", 840_336, 1_000_000),  # 0.8403361…
        (True, 2, "19", 1_680_672, 2_000_000),
        (False, 1, "0", 1_000_000, 1_000_000),
        (True, 1, "0", 1_000_000, 1_000_000),
        (True, 1, "7.7", 928_505, 1_000_000),  # 0.9285051…
        (False, 1, "5.00005", 1_000_000, 1_050_001),  # 1.0500005, a tie
        (True, 1, "100", 500_000, 1_000_000),
    ],
)
def test_tax_is_in_the_price_or_comes_on_top(included: bool, seconds: int, rate: str, net: int, gross: int):
    plan = msgspec.structs.replace(TARIFFS, tax_included=included)
    priced = price(COMPONENTS["MX"], plan, NOON, seconds, rate=Decimal(rate))
    assert (priced.net, priced.gross) == (net, gross)


def test_the_explanation_goes_through_the_tariff_in_order():
    priced = price(COMPONENTS["EV"], TARIFFS, start_of("2026-06-04T17:30:00"), 3600, rate=NO_TAX, skip=600)
    day = "mon,tue,wed,thu,fri 00:00-18:00"
    assert [tuple(line) for line in priced.lines] == [
        ("setup", day, 0, 1, MICROS, 1, MICROS),
        ("included", "", 0, 600, 0, 1, 0),
        ("units", day, 0, 1200, MICROS, 1, 1200 * MICROS),
        ("units", "default", 0, 1800, MICROS // 2, 1, 900 * MICROS),
    ]
    assert (priced.billable, priced.charged) == (3600, 3000)


def test_the_explanation_shows_steps_and_the_limit():
    steps = price(COMPONENTS["F1"], TARIFFS, NOON, 90, rate=NO_TAX).lines
    assert [(line.what, line.start, line.quantity, line.amount) for line in steps] == [
        ("setup", 0, 1, 400_000),
        ("units", 0, 60, 200_000),
        ("units", 60, 30, 50_000),
    ]
    limited = price(COMPONENTS["MX"], TARIFFS, NOON, 25, rate=NO_TAX).lines
    assert [(line.what, line.amount) for line in limited] == [("units", 25 * MICROS), ("limit", -15 * MICROS)]


def test_what_runs_on_over_a_clock_change_stays_one_line():
    priced = price(COMPONENTS["NI"], TARIFFS, start_of("2026-10-24T22:00:00"), 32400, rate=NO_TAX)
    assert [(line.what, line.quantity) for line in priced.lines] == [("units", 32400)]


def test_nothing_and_what_is_free_cost_nothing():
    assert price(COMPONENTS["EV"], TARIFFS, NOON, 0, rate=NO_TAX) == Price(0, 0, 0, 0, ())
    free = price(COMPONENTS["FR"], TARIFFS, NOON, 60, rate=NO_TAX)
    assert (free.gross, free.billable, free.charged) == (0, 60, 0)


@pytest.mark.parametrize(("tariff", "quantity"), [("EV", 10**15), ("MX", 367 * 86400)])
def test_what_no_event_can_be_is_refused_and_not_walked_through(tariff: str, quantity: int):
    with pytest.raises(BadValue, match="no event lasts"):
        price(COMPONENTS[tariff], TARIFFS, NOON, quantity, rate=NO_TAX)


def test_a_price_that_cannot_be_stored_is_refused():
    with pytest.raises(BadValue, match="cannot be counted"):
        price(COMPONENTS["SM"], TARIFFS, NOON, 9 * 10**18, rate=NO_TAX)
