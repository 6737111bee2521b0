"""Aurora Mobile's traffic: what a loader may expect of it, defects counted to the line."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import median

import pytest

from oxl.demo.month import CAP, FLOOR, KINDS, MIX, TYPICAL_GB, session_volumes
from oxl.demo.population import BERLIN, subscribers
from oxl.demo.traffic import BROKEN, DUPLICATES, QUANTITY, SUSPENSE, usage_lines
from oxl.values import BadValue, parse_instant

NOW = datetime(2026, 4, 20, 12, 30, tzinfo=UTC)
RECORDS = 20_000
DUPLICATE, LATE, WRONG, UNKNOWN = 100, 100, 40, 20  # of RECORDS
NEEDED = {
    "voice": {"destinationPhoneNumber", "duration", "endDateTime", "callType"},
    "sms": {"destinationPhoneNumber", "messageCount"},
    "data": {"volume", "accessPointName"},
    "tv": {"viewingTime", "channel"},
}


class Month:
    """The lines of one run, parsed and told apart by what they look like, not by what the generator says."""

    def __init__(self) -> None:
        self.people = list(subscribers(200, NOW, 7))
        self.traffic = usage_lines(self.people, NOW, 7, RECORDS)
        self.lines = list(self.traffic)
        self.numbers = {"+" + body["logicalResource"]["value"]: body for body in self.people}
        self.offering = {number: body["productOffering"]["id"] for number, body in self.numbers.items()}
        self.good: list[tuple[dict, dict]] = []  # document, its characteristics by name; the first copy of each
        self.found: Counter[str] = Counter()
        first: dict[str, bytes] = {}
        for line in self.lines:
            name, document, values = self.look(line)
            if name == "good":
                key = document["externalIdentifier"][0]["id"]
                if key in first:
                    name = "duplicateSame" if first[key] == line else "duplicateReordered"
                    assert json.loads(first[key]) == document
                else:
                    first[key] = line
                    self.good.append((document, values))
            self.found[name] += 1

    def look(self, line: bytes) -> tuple[str, dict, dict]:
        try:
            document = json.loads(line)
        except ValueError:
            return "cutJson", {}, {}
        values = {item["name"]: item["value"] for item in document["usageCharacteristic"]}
        quantity = values.get(QUANTITY[document["usageType"]])
        checks = {
            "missingCharacteristic": quantity is None,
            "negativeDuration": quantity is not None and quantity < 0,
            "unknownUnit": "volumeUnit" in values,
            "unparsableDate": not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", values["startDateTime"]),
            "unknownSpecification": document["usageSpecification"]["id"] not in KINDS,
            "unknownNumber": values["originatingPhoneNumber"] not in self.numbers,
        }
        return next((name for name, holds in checks.items() if holds), "good"), document, values


@pytest.fixture(scope="module")
def month() -> Month:
    return Month()


@pytest.fixture
def rng() -> Random:
    return Random(5)


def test_each_defect_has_exactly_its_share_and_the_summary_says_so(month):
    assert len(month.lines) == month.traffic.total() == RECORDS
    written = month.traffic.written
    assert {name: written[name] for name in month.found if name != "good"} == {
        name: count for name, count in month.found.items() if name != "good"
    }
    assert month.traffic.total(*DUPLICATES) == DUPLICATE
    assert written["duplicateSame"] == written["duplicateReordered"] == DUPLICATE // 2
    assert month.traffic.total(*BROKEN) == WRONG
    assert {written[name] for name in BROKEN} == {6, 7}
    assert written["unknownNumber"] == UNKNOWN
    assert written["late"] == LATE
    assert set(SUSPENSE) <= set(written)


def test_the_summary_counts_the_good_lines_by_kind(month):
    assert Counter(document["usageType"] for document, _ in month.good) == {
        kind: month.traffic.written[kind] for kind in KINDS
    }
    calls = Counter(values.get("callType") for _, values in month.good)
    assert calls["premium"] == month.traffic.written["premium"] > 0
    assert calls["emergency"] == month.traffic.written["emergency"] > 0
    assert sum("visitedNetwork" in values for _, values in month.good) == month.traffic.written["roaming"]


def test_kinds_have_their_shares(month):
    for kind, percent in KINDS.items():
        assert month.traffic.written[kind] / RECORDS == pytest.approx(percent / 100, abs=0.005)
    calls = month.traffic.total("voice", "sms")
    assert month.traffic.written["international"] / calls == pytest.approx(0.02, abs=0.002)
    assert month.traffic.written["roaming"] / month.traffic.total("voice", "data") == pytest.approx(0.01, abs=0.002)


def test_good_lines_have_the_characteristics_of_their_kind(month):
    for document, values in month.good:
        kind = document["usageType"]
        assert document["@type"] == "ProductUsage"
        assert "product" not in document
        assert document["usageSpecification"] == {"@type": "ProductUsageSpecificationRef", "id": kind}
        assert set(values) - {"visitedNetwork"} == {"originatingPhoneNumber", "startDateTime", *NEEDED[kind]}
        assert re.fullmatch(r"\+491555\d{7}", values["originatingPhoneNumber"])
        assert re.fullmatch(r"\+[1-9]\d{9,13}|112", values.get("destinationPhoneNumber", "112"))
        for item in document["usageCharacteristic"]:
            assert item["@type"] == ("IntegerCharacteristic" if type(item["value"]) is int else "StringCharacteristic")
            assert (item.get("valueType") == "date-time") == item["name"].endswith("DateTime")
        if kind == "voice":
            took = parse_instant(values["endDateTime"]) - parse_instant(values["startDateTime"])
            assert took == timedelta(seconds=values["duration"])
            assert 1 <= values["duration"] <= 7200


def test_everything_happens_in_the_days_before_now_while_the_number_is_somebodys(month):
    for _, values in month.good:
        start = parse_instant(values["startDateTime"])
        assert (
            NOW - timedelta(days=30)
            <= start
            <= parse_instant(values.get("endDateTime", values["startDateTime"]))
            <= NOW
        )
        owner = month.numbers[values["originatingPhoneNumber"]]
        assert "endDateTime" not in owner["validFor"]
        assert parse_instant(owner["validFor"]["startDateTime"]) <= start


def test_records_come_in_order_of_arrival_but_for_the_late_ones(month):
    ids = [document["externalIdentifier"][0]["id"] for document, _ in month.good]
    assert ids == sorted(set(ids))
    latest, behind = NOW - timedelta(days=60), 0
    for document, values in month.good:
        lasted = {"voice": values.get("duration", 0), "tv": values.get("viewingTime", 0) * 60, "data": 3600}
        start = parse_instant(values["startDateTime"])
        behind += latest - start > timedelta(days=1)
        if latest - start < timedelta(days=1):
            end = start + timedelta(seconds=lasted.get(document["usageType"], 0) + 240)
            assert end > latest - timedelta(seconds=1), "arrived before an earlier one"
            latest = max(latest, start)
    assert behind == LATE


def test_defects_are_spread_over_the_month(month):
    names = [month.look(line)[0] for line in month.lines]
    places = [place for place, name in enumerate(names) if name != "good"]
    quarters = Counter(place * 4 // RECORDS for place in places)
    assert all(5 <= quarters[quarter] <= 30 for quarter in range(4))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(month):
    assert list(usage_lines(month.people, NOW, 7, RECORDS)) == month.lines
    assert list(usage_lines(month.people, NOW, 8, 1_000)) != list(usage_lines(month.people, NOW, 7, 1_000))


def test_lines_are_single_and_end_with_a_newline(month):
    assert all(line.index(b"\n") == len(line) - 1 for line in month.lines)


def test_data_only_lines_have_only_data_and_only_postpaid_l_watches(month):
    seen = defaultdict(set)
    for document, values in month.good:
        seen[month.offering[values["originatingPhoneNumber"]]].add(document["usageType"])
    assert seen == {offering: set(kinds) for offering, kinds in MIX.items()}


def test_a_month_of_data_suits_the_plan_and_some_use_most_of_it(month):
    month_of = Counter()
    for document, values in month.good:
        if document["usageType"] == "data":
            assert FLOOR <= values["volume"] <= CAP
            month_of[values["originatingPhoneNumber"]] += values["volume"] / 1e9
    for offering, typical in TYPICAL_GB.items():
        totals = [total for number, total in month_of.items() if month.offering[number] == offering]
        assert 0.7 * typical < median(totals) < 1.4 * typical
        assert any(typical <= total <= 1.4 * typical for total in totals)


def test_calls_are_short_and_the_night_is_quiet(month):
    assert 80 < median(values["duration"] for _, values in month.good if "duration" in values) < 100
    hours = Counter(parse_instant(values["startDateTime"]).astimezone(BERLIN).hour for _, values in month.good)
    night, morning, noon, evening = (sum(hours[hour] for hour in span) / len(span) for span in _SPANS)
    assert night * 10 < noon < morning < evening


_SPANS = (range(1, 5), range(10, 12), range(13, 15), range(18, 20))


def test_messages_come_in_bursts_to_the_same_person(month):
    sent = sorted(
        (values["originatingPhoneNumber"], values["startDateTime"], values["destinationPhoneNumber"])
        for document, values in month.good
        if document["usageType"] == "sms"
    )
    close = sum(
        a[0] == b[0] and a[2] == b[2] and parse_instant(b[1]) - parse_instant(a[1]) <= timedelta(seconds=120)
        for a, b in pairwise(sent)
    )
    assert close > len(sent) / 3


def test_roaming_is_done_by_few_lines_each_in_one_network(month):
    visits = defaultdict(set)
    for _, values in month.good:
        if "visitedNetwork" in values:
            visits[values["originatingPhoneNumber"]].add(values["visitedNetwork"])
    assert len(visits) < len(month.people) / 5
    assert all(len(networks) == 1 for networks in visits.values())


def test_broken_dates_are_broken_for_oxl_too(month):
    garbled = [values for name, _, values in map(month.look, month.lines) if name == "unparsableDate"]
    for values in garbled:
        with pytest.raises(BadValue):
            parse_instant(values["startDateTime"])


@pytest.mark.parametrize("records", [0, 1, 2, 7, 100, 333])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_small_runs_give_just_as_many_lines(count, records):
    traffic = usage_lines(list(subscribers(count, NOW, 1)), NOW, 1, records)
    assert len(list(traffic)) == traffic.total() == records


def test_without_anybody_active_there_is_no_traffic():
    with pytest.raises(ValueError, match="no subscriber"):
        usage_lines([], NOW, 1, 10)


@pytest.mark.parametrize(("sessions", "gigabytes"), [(1, 1.5), (5, 9.9), (40, 8), (60, 119)])
def test_sessions_add_up_to_the_volume_wanted(sessions, gigabytes, rng):
    volumes = session_volumes(sessions, gigabytes * 1e9, rng)
    assert sum(volumes) == pytest.approx(gigabytes * 1e9, rel=0.001)
    assert all(FLOOR <= volume <= CAP for volume in volumes)


def test_sessions_cannot_exceed_their_cap(rng):
    assert session_volumes(3, 100e9, rng) == [CAP] * 3
