"""Where an event lies, and which component of a plan prices it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_tables import DESTINATIONS, VISITED, plan_from

from oxl.engines.catalog.plan import Match
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.catalog.zones import UNKNOWN, Zone, read_zone_table, zone_of_digits
from oxl.engines.usage.rating import allowance_fits, find_component, zone_of

PLAN = """
plan: zoned
name: Zoned
version: 1
validFrom: "2026-01-01T00:00:00Z"
currency: EUR
timezone: UTC
taxIncluded: false
taxCategory: O
kind: postpaid
zones: {destination: destination, visited: visited}
usage:
  - {id: emergency, name: Emergency, match: {service: voice, destination: ["112", "110"]}, free: true}
  - {id: national, name: National, match: {service: voice, zone: national}, unit: s, price: "1"}
  - {id: europe, name: Europe, match: {service: voice, zone: [eu, roaming-eu]}, unit: s, price: "2"}
  - {id: luxembourg, name: Luxembourg, match: {service: voice, destination: ["352"]}, unit: s, price: "3"}
  - {id: mailbox, name: Mailbox, match: {service: voice, zone: national, destination: ["4917"]}, unit: s, price: "4"}
  - {id: any-voice, name: Any call, match: {service: voice}, unit: s, price: "5"}
  - {id: paris, name: Paris, match: {service: voice, destination: ["331", "33"]}, unit: s, price: "6"}
  - {id: abroad-sms, name: Message abroad, match: {service: sms, zone: roaming-world}, unit: sms, price: "7"}
  - {id: home-data, name: Data, match: {service: [data, mms-data], zone: home}, unit: MB, price: "8"}
"""
TABLES = {"destination": DESTINATIONS, "visited": VISITED}
ZONED = plan_from(PLAN, TABLES)
NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)


def _event(service: str, destination: str, visited: str) -> UsageEvent:
    return UsageEvent(service, "4915112345678", destination, visited, NOON, 1, "second")


@pytest.mark.parametrize(
    ("destination", "visited", "zone", "length"),
    [
        ("", "", "home", 0),
        ("4989123", "", "national", 2),
        ("49800123", "", "freephone", 5),
        ("4980", "", "national", 2),
        ("49", "", "national", 2),
        ("4", "", "", 0),
        ("112", "", "emergency", 3),
        ("33123", "", "eu", 2),
        ("18005550100", "", "world", 1),
        ("18095550100", "", "caribbean", 4),
        ("999", "", "", 0),
        ("4989123", "26201", "national", 2),  # a network of the own country is no roaming
        ("", "26201", "home", 0),
        ("4989123", "20801", "roaming-eu", 4),
        ("", "20810", "roaming-eu", 3),
        ("4989123", "310260", "roaming-world", 0),
        ("", "310260", "roaming-world", 0),
    ],
)
def test_the_zone_of_an_event(destination: str, visited: str, zone: str, length: int):
    assert zone_of(ZONED, _event("voice", destination, visited)) == Zone(zone, length)


@pytest.mark.parametrize(
    ("service", "destination", "visited", "component"),
    [
        ("voice", "4989123", "", "national"),
        ("voice", "49171", "", "mailbox"),  # three keys before two
        ("voice", "112", "", "emergency"),
        ("voice", "112", "20801", "europe"),  # zone of four digits before a number of three
        ("voice", "112", "20810", "emergency"),  # of three each, the first written
        ("voice", "352123", "", "europe"),  # a zone of three digits and a number of three: the first written
        ("voice", "33123", "", "paris"),  # 331 is longer than the zone's 33
        ("voice", "33923", "", "europe"),
        ("voice", "18095550100", "", "any-voice"),  # no component for the zone: the one that asks for none
        ("voice", "999", "", "any-voice"),
        ("sms", "4989123", "", None),
        ("sms", "4989123", "310260", "abroad-sms"),
        ("data", "", "", "home-data"),
        ("mms-data", "", "", "home-data"),
        ("data", "", "20810", None),
        ("fax", "4989123", "", None),
    ],
)
def test_the_most_specific_component_prices_an_event(
    service: str, destination: str, visited: str, component: str | None
):
    event = _event(service, destination, visited)
    found = find_component(ZONED, event, zone_of(ZONED, event))
    assert (found.id if found else None) == component


def test_a_plan_without_zone_tables_knows_home_and_nothing_else():
    plan = plan_from(PLAN.replace("zones: {destination: destination, visited: visited}\n", ""))
    assert zone_of(plan, _event("voice", "4989123", "20801")) == UNKNOWN
    assert zone_of(plan, _event("data", "", "20801")) == Zone("home", 0)


@given(st.text("0123456789", max_size=15))
def test_the_zone_is_that_of_the_longest_prefix_in_the_table(digits: str):
    prefixes = {row.split(",")[1]: row.split(",")[0] for row in DESTINATIONS.split()[1:]}
    longest = max((prefix for prefix in prefixes if digits.startswith(prefix)), key=len, default="")
    table = read_zone_table("t", "t.csv", DESTINATIONS)[1]
    assert table is not None
    assert zone_of_digits(table, digits) == Zone(prefixes.get(longest, ""), len(longest))


@pytest.mark.parametrize(
    ("rows", "line", "field", "message"),
    [
        ("prefix;zone\nnational;49\n", 1, "", "the first row must be zone,prefix"),
        ("", 1, "", "the first row must be zone,prefix"),
        ("zone,prefix\n", 1, "", "the table has no rows"),
        ("zone,prefix\n# remark\n\nnational,49,Germany\n", 4, "", "a row has two columns"),
        ("zone,prefix\nnational,+49\n", 2, "prefix", "neither up to 15 digits nor *"),
        ("zone,prefix\nnational,\n", 2, "prefix", "neither up to 15 digits nor *"),
        ("zone,prefix\nnational,1234567890123456\n", 2, "prefix", "neither up to 15 digits nor *"),
        ("zone,prefix\nNational,49\n", 2, "zone", "not a name of small letters"),
        ("zone,prefix\nnational,49\neu,33\nhome,49\n", 4, "prefix", "49 already lies in national"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(rows: str, line: int, field: str, message: str):
    page, table = read_zone_table("zones", "zones/zones.csv", rows)
    assert table is None
    [problem] = page.problems
    assert (problem.file, problem.line, problem.field) == ("zones/zones.csv", line, field)
    assert message in problem.message


@pytest.mark.parametrize(
    ("services", "zones", "service", "zone", "fits"),
    [
        ("voice", "national", "voice", "national", True),
        ("voice", "national", "voice", "eu", False),
        ("voice", "national", "sms", "national", False),
        ("voice sms", "", "sms", "anywhere", True),
        ("", "home", "data", "home", True),
        ("", "", "data", "", True),
        ("data", "home", "data", "", False),
    ],
)
def test_what_an_allowance_may_be_used_for(services: str, zones: str, service: str, zone: str, fits: bool):
    match = Match(frozenset(services.split()), frozenset(zones.split()))
    assert allowance_fits(match, service, zone) is fits
