"""The arithmetic of bills: proration as published facts have it, tax by category, prices with tax, the calendar."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.engines.billing import periods, sums
from oxl.engines.billing.policy import Policy, policy_from
from oxl.engines.billing.price import savings_of
from oxl.engines.billing.sums import WHOLE, Line, allocate, prorated, shares, taxed
from oxl.engines.catalog.plan import Discount
from oxl.values import MICROS, divide_half_up

S = 190_000  # 19 %

# A billing day, from when until when a plan was used, and the share of its fee that is due.
PRORATIONS = """
13  2011-02-01  2011-02-13  12/31
 1  2012-02-01  2012-02-15  14/29
 1  2011-02-01  2011-02-14  13/28
 7  2011-02-07  2011-02-15   8/28
10  2011-02-10  2011-02-24   1/2
"""


@pytest.mark.parametrize("fact", PRORATIONS.strip().splitlines(), ids=str.split)
def test_a_fee_is_shared_by_days_of_the_actual_period(fact: str) -> None:
    day, start, end, share = fact.split()
    since, until = date.fromisoformat(start), date.fromisoformat(end)
    (period,) = [each for each in periods.periods(int(day), since, until) if each.starts < until]
    days = (min(until, period.ends) - max(since, period.starts)).days
    above, below = map(int, share.split("/"))
    assert days * below == above * (period.ends - period.starts).days
    price = 19_990_000
    coins = divide_half_up(price * above, below * 10_000)
    assert prorated(price, days, (period.ends - period.starts).days, 10_000) == coins * 10_000


@given(day=st.integers(1, 28), since=st.dates(date(2000, 1, 1), date(2100, 1, 1)), more=st.integers(0, 500))
def test_periods_follow_each_other_without_gap_and_hold_every_day(day: int, since: date, more: int) -> None:
    until = date.fromordinal(since.toordinal() + more)
    found = list(periods.periods(day, since, until))
    assert found[0].starts <= since < found[0].ends
    assert found[-1].starts <= until < found[-1].ends
    assert all(before.ends == after.starts for before, after in pairwise(found))
    assert {each.starts.day for each in found} == {day}
    assert all(periods.next_day(day, each.starts) == each.ends for each in found)


def test_a_billing_day_begins_at_midnight_where_the_operator_is() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert periods.midnight(date(2026, 3, 29), berlin).isoformat() == "2026-03-28T23:00:00+00:00"
    assert periods.midnight(date(2026, 3, 30), berlin).isoformat() == "2026-03-29T22:00:00+00:00"
    assert periods.months_before(date(2026, 1, 31), 2) == date(2025, 11, 1)


coins = st.integers(-10_000_000, 10_000_000)


@given(numerators=st.lists(coins, min_size=1), denominator=st.integers(1, 10**7))
def test_shares_come_to_the_rounded_whole_and_none_is_off_by_a_coin(numerators: list[int], denominator: int) -> None:
    total = divide_half_up(sum(numerators), denominator)
    found = shares(numerators, denominator, total)
    assert sum(found) == total
    assert all(abs(part * denominator - number) < denominator for part, number in zip(found, numerators, strict=True))


lines = st.lists(st.tuples(st.booleans(), coins), min_size=1, max_size=12)


@given(given_lines=lines, other=lines, rate=st.integers(0, 300_000))
def test_a_bill_is_the_sum_of_its_lines_and_what_was_shown_with_tax_is_due(
    given_lines: list[tuple[bool, int]], other: list[tuple[bool, int]], rate: int
) -> None:
    wanted = [Line("S", rate, *each) for each in given_lines] + [Line("O", 0, *each) for each in other]
    found, table = taxed(wanted)
    for row in table:
        mine = [(line, out) for line, out in zip(wanted, found, strict=True) if line.category == row.category]
        assert sum(out.net for _, out in mine) == row.base
        assert sum(out.tax for _, out in mine) == row.tax == divide_half_up(row.base * row.rate, WHOLE)
        plain = sum(line.shown for line, _ in mine if not line.included)
        shown = sum(line.shown for line, _ in mine if line.included)
        assert row.base + row.tax + row.rounding == plain + divide_half_up(plain * row.rate, WHOLE) + shown
        assert abs(row.rounding) <= 2


def test_nine_ninety_nine_stays_nine_ninety_nine() -> None:
    (line,), (row,) = taxed([Line("S", S, True, 999)])
    assert (line.net, line.tax, row.rounding) == (839, 159, 1)
    assert row.base + row.tax + row.rounding == 999


def test_tax_is_rounded_once_for_a_category_and_shared_by_largest_remainder() -> None:
    found, (row,) = taxed([Line("S", S, False, 3)] * 3)
    assert (row.base, row.tax) == (9, 2)  # 1.71; of each line it would be 0.57, and three times one
    assert [line.tax for line in found] == [1, 1, 0]


def test_coins_of_currencies() -> None:
    assert [sums.coin(each) for each in ("EUR", "JPY", "KWD")] == [MICROS // 100, MICROS, MICROS // 1000]


money = st.integers(1, 1000)


@given(st.lists(money, max_size=6), st.lists(money, max_size=6))
def test_credit_goes_to_the_first_bill_first_and_nothing_is_lost(credit: list[int], owed: list[int]) -> None:
    sources = [(f"p{n}", amount) for n, amount in enumerate(credit)]
    bills = [(f"b{n}", amount) for n, amount in enumerate(owed)]
    uses = allocate(sources, bills)
    assert sum(amount for *_, amount in uses) == min(sum(credit), sum(owed))
    paid = {bill: sum(amount for _, other, amount in uses if other == bill) for bill, _ in bills}
    whole = [paid[bill] == amount for bill, amount in bills]
    assert whole == sorted(whole, reverse=True)  # none is paid in full behind one that is not


def test_a_policy_says_what_is_wrong_with_it() -> None:
    assert policy_from("{}") == Policy()
    for text in (
        '{"timeZone":"Mars/Base"}',
        '{"termDays":-1}',
        '{"dunning":[{"name":"x","afterDays":0}]}',
        '{"termDays":"a"}',
    ):
        with pytest.raises(ValueError, match="billing policy"):
            policy_from(text)


def _discount(name: str, percent: str, months: int, *components: str) -> Discount:
    return Discount(id=name, name=name, on="recurring", components=frozenset(components), percent=Decimal(percent),
                    tenure_months=months)  # fmt: skip


def test_discounts_on_fees_are_taken_one_after_another_by_months_of_tenure() -> None:
    given = (_discount("all", "10", 0), _discount("year", "20", 12), _discount("other", "50", 6, "router"))
    plan = SimpleNamespace(
        id="p", version=1, discounts=given, one_time=(SimpleNamespace(id="activation"),),
        recurring=(SimpleNamespace(id="fee"), SimpleNamespace(id="router")),
    )  # fmt: skip
    catalog: Any = SimpleNamespace(plans={"p": [plan]})
    rows = [
        (row["component"], row["id"], Decimal(row["share"]), row["from_month"], row["to_month"])
        for row in savings_of(catalog)
    ]
    tenth, fifth = Decimal("0.1"), Decimal("0.2")
    assert rows == [
        ("fee", "all", tenth, 0, 12), ("fee", "all", tenth, 12, None), ("fee", "year", fifth * 9 / 10, 12, None),
        ("router", "all", tenth, 0, 6), ("router", "all", tenth, 6, 12), ("router", "other", Decimal("0.45"), 6, 12),
        ("router", "all", tenth, 12, None), ("router", "year", Decimal("0.18"), 12, None),
        ("router", "other", Decimal("0.36"), 12, None),
    ]  # fmt: skip
