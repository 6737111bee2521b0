"""Usages priced by a plan without a subscriber: parts add up however they are cut, and each price is rating's own."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import DEMO_CATALOG, usage_body

from oxl.engines.catalog.catalog import load_texts, read_texts, tax_percent_at
from oxl.engines.catalog.specification import read
from oxl.engines.usage import rating
from oxl.engines.usage.explain import money
from oxl.engines.usage.simulate import Sums, sums_of, total

PLAIN, TIERED = "postpaid-l", "tiered"
PLAN = """
plan: tiered
name: Tiered
description: Calls by the month
version: 1
validFrom: "2026-01-01T00:00:00+01:00"
currency: EUR
timezone: Europe/Berlin
taxIncluded: false
taxCategory: S
kind: postpaid
zones: {destination: zones-destination, visited: zones-visited}
usage:
  - id: voice
    name: Calls
    match: {service: voice}
    unit: second
    minimum: 60
    increment: 10
    tiers:
      mode: graduated
      steps: [{upTo: 1800, price: "0.01", per: 60}, {upTo: 7200, price: "0.005", per: 60, flat: "1"}, {price: "0"}]
"""
CATALOG = load_texts(read_texts(DEMO_CATALOG) | {"plans/tiered.yaml": PLAN})
NUMBERS = ("4915550000001", "4915550000002")


def call(number: str, day: int, seconds: int) -> dict[str, Any]:
    """A call into the German fixed network."""
    start = f"2026-06-{day:02}T10:00:00Z"
    return usage_body("voice", number, start, destinationPhoneNumber="+493012345", duration=seconds)


CALLS = st.builds(call, st.sampled_from(NUMBERS), st.integers(1, 28), st.integers(0, 7200))
ODD = st.sampled_from([{}, [], "no JSON", {"usageSpecification": {"id": "nothing"}}, {"usageSpecification": []}, 7])


@pytest.mark.parametrize("plan", [PLAIN, TIERED])
@given(documents=st.lists(CALLS | ODD, max_size=12), cuts=st.lists(st.integers(0, 12), max_size=3), seed=st.randoms())
def test_parts_add_up_however_they_are_cut(plan: str, documents: list[Any], cuts: list[int], seed: Any) -> None:
    edges = [0, *sorted(min(cut, len(documents)) for cut in cuts), len(documents)]
    parts = [documents[begin:end] for begin, end in pairwise(edges)]
    rows, refused, _ = total(CATALOG, plan, [sums_of(CATALOG, plan, None, documents)])
    sums = [sums_of(CATALOG, plan, None, part) for part in parts]
    seed.shuffle(sums)
    assert total(CATALOG, plan, sums)[:2] == (rows, refused)
    assert sum(row.usages for row in rows) + sum(refused.values()) == len(documents)


@given(documents=st.lists(CALLS, min_size=1, max_size=12))
def test_a_period_costs_what_its_usages_cost_one_after_another(documents: list[dict[str, Any]]) -> None:
    rows, refused, _ = total(CATALOG, TIERED, [sums_of(CATALOG, TIERED, None, documents)])
    used: dict[str, int] = {}
    charged = 0
    for document in documents:
        event = read(CATALOG.specifications[document["usageSpecification"]["id"]], document["usageCharacteristic"])
        plan = CATALOG.plans[TIERED][-1]
        component = rating.find_component(plan, event, rating.zone_of(plan, event))
        assert component
        before = used.get(event.number, 0) if component.tiers else 0
        price = rating.price(component, plan, event.start, event.quantity, used=before,
                             rate=tax_percent_at(CATALOG, plan.tax_category, event.start) or Decimal(0))  # fmt: skip
        used[event.number] = before + price.billable
        charged += price.net
    assert not refused
    assert sum(Decimal(row.net) for row in rows) == Decimal(money(charged))


def test_the_digest_tells_one_price_from_another() -> None:
    digests = {total(CATALOG, PLAIN, [sums_of(CATALOG, PLAIN, None, [call(NUMBERS[0], 3, s)])])[2] for s in (60, 3600)}
    assert len(digests) == 2
    assert total(CATALOG, PLAIN, [Sums()]) == ([], {}, total(CATALOG, PLAIN, [Sums()])[2])
