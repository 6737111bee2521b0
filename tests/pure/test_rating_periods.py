"""Prices that a period has together: from a table, and that any order and split adds up to the price of the total."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_tables import COMPONENTS, TARIFFS, plan_from, rows, start_of

from oxl.engines.usage.rating import affordable, price
from oxl.engines.usage.tiers import cumulative, period_of
from oxl.values import MICROS

HEAD = """plan: periods
name: Periods
version: 1
validFrom: "2020-01-01T00:00:00Z"
currency: EUR
timezone: Europe/Berlin
taxIncluded: false
taxCategory: S
kind: postpaid
usage:
"""
TIERS = {
    "G": 'mode: graduated, steps: [{upTo: 10, price: "10", flat: "2"}, {upTo: 20, price: "5", flat: "3"},'
    ' {price: "5", flat: "3"}]',
    "V": 'mode: volume, steps: [{upTo: 15, price: "10"}, {price: "5"}]',
    "P": 'mode: package, size: 10, price: "100"',
    "PF": 'mode: package, size: 10, price: "100", free: 10',
    "PX": 'mode: package, size: 10, price: "100", free: 200',
    "B": 'mode: package, size: 100, price: "1"',
    "L": 'mode: graduated, steps: [{price: "0.09"}]',
    "M": 'mode: graduated, by: calendarDay, steps: [{price: "33.333333", per: 1000}]',
}
PLAN = plan_from(
    HEAD
    + "".join(
        f"  - {{id: {name}, name: {name}, match: {{service: {name}}}, unit: sms, tiers: {{{tiers}}}"
        + (', maxCost: {amount: "1"}' if name == "L" else "")
        + "}\n"
        for name, tiers in TIERS.items()
    )
    + "discounts:\n  - {id: d, name: D, on: usage, percent: '12.5'}\n"
)
PRICED = {component.id: component for component in PLAN.usage}
NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(("name", "total", "cost"), rows("tiers.txt"))
def test_a_total_costs_what_the_table_says(name: str, total: str, cost: str) -> None:
    component = PRICED[name]
    assert component.tiers
    assert cumulative(component, component.tiers, int(total)) == Decimal(cost) * MICROS


@given(
    st.sampled_from(sorted(TIERS)), st.lists(st.integers(1, 60), min_size=1, max_size=12), st.randoms(),
    st.sampled_from(["0", "7", "19", "8.1"]), st.sampled_from([(1, 1), (7, 8), (2, 3)]),
)  # fmt: skip
def test_charges_in_any_order_and_split_add_up_to_the_price_of_the_total(name, parts, chance, rate, keep) -> None:
    component = PRICED[name]
    whole = price(component, PLAN, NOON, sum(parts), rate=Decimal(rate), keep=keep)
    chance.shuffle(parts)
    used = net = gross = 0
    for part in parts:
        priced = price(component, PLAN, NOON, part, rate=Decimal(rate), used=used, keep=keep)
        used, net, gross = used + priced.charged, net + priced.net, gross + priced.gross
    assert (used, net, gross) == (sum(parts), whole.net, whole.gross)


@pytest.mark.parametrize(("name", "wanted", "money", "included", "granted"), rows("grants.txt"))
def test_money_goes_as_far_as_the_table_says(name: str, wanted: str, money: str, included: str, granted: str) -> None:
    given_ = int(Decimal(money) * MICROS)
    start = start_of("2012-02-02T12:00:00")
    found = affordable(COMPONENTS[name], TARIFFS, start, int(wanted), given_, rate=Decimal(0), skip=int(included))
    assert found == int(granted)


@pytest.mark.parametrize(
    ("name", "at", "start"),
    [
        ("G", "2026-05-31T21:59:59Z", "2026-04-30T22:00:00Z"),
        ("G", "2026-05-31T22:00:00Z", "2026-05-31T22:00:00Z"),
        ("G", "2026-03-31T12:00:00Z", "2026-02-28T23:00:00Z"),
        ("M", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z"),
        ("M", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z"),
        ("M", "2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z"),
    ],
)
def test_a_period_begins_at_local_midnight(name: str, at: str, start: str) -> None:
    assert period_of(PLAN, PRICED[name], start_of(at)) == start_of(start)
