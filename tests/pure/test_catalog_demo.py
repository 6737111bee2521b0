"""The catalog of the demo operator loads clean, and prices what its subscribers do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import oxl
from oxl.engines.catalog.catalog import load_folder, plan_at, tax_percent_at
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.usage.rating import allowance_fits, find_component, price, zone_of
from oxl.values import MICROS, to_atoms

DEMO = load_folder(Path(oxl.__file__).parent / "demo" / "catalog")
NOON, EVENING, SUNDAY = (datetime(2026, 6, day, hour, tzinfo=UTC) for day, hour in ((4, 10), (4, 18), (7, 10)))


def test_it_holds_what_the_operator_sells():
    assert set(DEMO.specifications) == {"voice", "sms", "data", "tv"}
    assert set(DEMO.offerings) > set(DEMO.plans)
    assert {each.kind for each in DEMO.plans["prepaid-m"]} == {"prepaid"}
    allowances = {each.usage_type: (each.amount, each.shared) for each in DEMO.plans["family-share"][0].allowances}
    assert allowances["data"] == (to_atoms(100, "GB")[1], True)
    assert allowances["voice"] == (to_atoms(2000, "min")[1], True)


def test_plans_and_taxes_are_those_of_their_time():
    plan = plan_at(DEMO, "prepaid-s", NOON)
    assert plan is not None
    assert plan_at(DEMO, "prepaid-s", datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC)) is None
    assert plan_at(DEMO, "prepaid-s", datetime(2025, 12, 31, 23, tzinfo=UTC)) is plan
    assert plan_at(DEMO, "no-such-plan", NOON) is None
    assert tax_percent_at(DEMO, "S", NOON) == 19
    assert tax_percent_at(DEMO, "O", NOON) == 0
    assert tax_percent_at(DEMO, "S", datetime(2020, 12, 31, 22, tzinfo=UTC)) is None
    assert tax_percent_at(DEMO, "Z", NOON) is None


def _event(service: str, destination: str, quantity: int, visited: str = "", start: datetime = NOON) -> UsageEvent:
    unit = DEMO.specifications[service].unit
    return UsageEvent(service, "4915112345678", destination, visited, start, quantity, unit)


@pytest.mark.parametrize(
    ("plan", "event", "component", "cost"),
    [
        ("prepaid-s", _event("voice", "4930123456", 61), "voice-national", "0.0915"),
        ("prepaid-s", _event("voice", "4930123456", 10), "voice-national", "0.09"),
        ("prepaid-s", _event("voice", "498001234", 600), "freephone", "0"),
        ("prepaid-s", _event("voice", "112", 600), "emergency", "0"),
        ("prepaid-s", _event("voice", "112", 600, "20801"), "emergency", "0"),
        ("prepaid-s", _event("voice", "112", 600, "310260"), "emergency", "0"),
        ("prepaid-s", _event("voice", "49900123", 3600), "voice-premium", "30"),
        ("prepaid-s", _event("voice", "33123", 90), "voice-eu", "0.285"),
        ("prepaid-s", _event("voice", "12025550100", 60), "voice-uk-us-canada", "0.29"),
        ("prepaid-s", _event("voice", "18095550100", 60), "voice-world-2", "0.99"),
        ("prepaid-s", _event("voice", "67512345", 60), "voice-world-3", "1.49"),
        ("prepaid-s", _event("voice", "4930123456", 10, "20801"), "voice-roaming-eu", "0.045"),
        ("prepaid-s", _event("voice", "4930123456", 61, "310260"), "voice-roaming-world", "4.67"),
        ("prepaid-s", _event("sms", "4930123456", 2), "sms-national", "0.18"),
        ("prepaid-s", _event("data", "", 1_000_001), "data-home", "0.011"),
        ("prepaid-s", _event("data", "", 10**9, "310260"), "data-roaming-world", "59.5"),
        ("postpaid-l", _event("voice", "4930123456", 660), "voice-national", "1.33"),
        ("postpaid-l", _event("voice", "4930123456", 660, start=EVENING), "voice-national", "0.495"),
        ("postpaid-l", _event("voice", "4930123456", 660, start=SUNDAY), "voice-national", "0.33"),
        ("postpaid-l", _event("tv", "", 16, start=EVENING), "tv", "0.6"),
        ("family-share", _event("voice", "4930123456", 6), "voice-national", "0.005"),
        ("data-only", _event("data", "", 10**8), "data-home", "0.3"),
        ("data-only", _event("voice", "4930123456", 60), None, "0"),
        ("roaming-eu-pack", _event("data", "", 10**8, "20801"), None, "0"),
    ],
)
def test_what_subscribers_do_costs_what_the_plan_says(plan: str, event: UsageEvent, component: str | None, cost: str):
    version = DEMO.plans[plan][0]
    found = find_component(version, event, zone_of(version, event))
    assert (found.id if found else None) == component
    if found:
        priced = price(found, version, event.start, event.quantity, rate=Decimal(19))
        assert Decimal(priced.gross if version.tax_included else priced.net) / MICROS == Decimal(cost)
        assert priced.gross * 100 == pytest.approx(priced.net * 119, abs=120)


@pytest.mark.parametrize("plan", ["prepaid-s", "prepaid-m", "postpaid-l", "family-share"])
@pytest.mark.parametrize(("service", "destination"), [("voice", "4930123456"), ("sms", "4930123456"), ("data", "")])
@pytest.mark.parametrize("visited", ["", "26202", "20801", "310260"])
def test_no_zone_is_left_without_a_price(plan: str, service: str, destination: str, visited: str):
    version = DEMO.plans[plan][0]
    event = _event(service, destination, 1, visited)
    assert find_component(version, event, zone_of(version, event)) is not None


def test_every_destination_has_a_price_for_calls():
    version = DEMO.plans["prepaid-s"][0]
    for _, zones in DEMO.zone_tables["zones-destination"].by_length:
        for prefix in zones:
            event = _event("voice", prefix + "0" or "0", 1)
            assert find_component(version, event, zone_of(version, event)) is not None, prefix


def test_a_pack_is_for_its_zones_and_goes_first():
    [data, minutes] = DEMO.plans["roaming-eu-pack"][0].allowances
    assert allowance_fits(data.match, "data", "roaming-eu")
    assert not allowance_fits(data.match, "data", "home")
    assert not allowance_fits(minutes.match, "voice", "national")
    assert data.priority < DEMO.plans["prepaid-m"][0].allowances[0].priority
