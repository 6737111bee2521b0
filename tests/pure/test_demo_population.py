"""Aurora Mobile's people: shares, dates, numbers and accounts are what the loader and the README count on."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from oxl.demo.population import ADD_ONS, BERLIN, OFFERINGS, TOPUPS, apportion, subscribers
from oxl.values import parse_instant

NOW = datetime(2026, 4, 20, 22, 30, tzinfo=UTC)  # already the next day in Berlin, and past a change to summer time
COUNT = 1_000


@pytest.fixture(scope="module")
def people() -> list[dict]:
    return list(subscribers(COUNT, NOW, 7))


def _by(people, *path):
    groups = defaultdict(list)
    for body in people:
        key = body
        for name in path:
            key = key[name]
        groups[key].append(body)
    return groups


def _start(body):
    return parse_instant(body["validFor"]["startDateTime"])


def _end(body):
    text = body["validFor"].get("endDateTime")
    return parse_instant(text) if text else datetime.max.replace(tzinfo=UTC)


def test_offerings_and_packs_have_exactly_their_shares(people):
    offerings = Counter(body["productOffering"]["id"] for body in people)
    assert offerings == {name: COUNT * percent // 100 for name, percent in OFFERINGS.items()}
    packs = Counter(item["id"] for body in people for item in body.get("addOn", ()))
    assert packs == {name: COUNT * percent // 100 for name, percent in ADD_ONS.items()}


def test_the_same_seed_gives_the_same_people_and_another_seed_others(people):
    assert list(subscribers(COUNT, NOW, 7)) == people
    assert list(subscribers(COUNT, NOW, 8)) != people


def test_kate_comes_first_under_every_seed(people):
    kate = people[0]
    assert next(subscribers(5, NOW, 99)) == kate
    assert (kate["party"]["givenName"], kate["party"]["familyName"]) == ("Kate", "Brandt")
    assert kate["logicalResource"]["value"] == "4915550000001"
    assert kate["productOffering"]["id"] == "prepaid-m"
    assert "addOn" not in kate


@pytest.mark.parametrize("count", range(60))
def test_any_count_is_met(count):
    people = list(subscribers(count, NOW, 3))
    assert [body["externalId"] for body in people] == [f"demo-{place:06d}" for place in range(1, count + 1)]
    assert all(len(lines) > 1 for lines in _families(people).values())


@pytest.mark.parametrize(
    "now", [NOW, datetime(2026, 3, 30, 0, 0, tzinfo=UTC), datetime(2026, 12, 1, 23, 0, tzinfo=UTC)]
)
def test_lines_start_at_a_local_midnight_32_to_75_days_ago(now):
    for body in subscribers(COUNT, now, 7):
        start = _start(body)
        local = start.astimezone(BERLIN)
        assert (local.hour, local.minute, local.second) == (0, 0, 0)
        assert timedelta(days=32) <= now - start <= timedelta(days=75)


def test_numbers_are_german_mobile_numbers_without_a_plus(people):
    assert all(re.fullmatch(r"491555\d{7}", body["logicalResource"]["value"]) for body in people)


def test_reused_numbers_never_overlap_and_the_earlier_owner_is_listed_first(people):
    reused = [owners for owners in _by(people, "logicalResource", "value").values() if len(owners) > 1]
    assert len(reused) == COUNT // 100
    for earlier, later in reused:
        assert _start(earlier) < _end(earlier) < _start(later)
        assert _end(earlier) <= NOW - timedelta(days=40)
        assert _end(later) == datetime.max.replace(tzinfo=UTC)
        assert earlier["externalId"] < later["externalId"]
        assert earlier["billingAccount"]["externalId"] != later["billingAccount"]["externalId"]


def _families(people):
    lines = [body for body in people if body["productOffering"]["id"] == "family-share"]
    return _by(lines, "billingAccount", "externalId")


def test_families_of_two_to_five_share_the_account_their_first_line_opened(people):
    families = _families(people)
    assert {len(lines) for lines in families.values()} == {2, 3, 4, 5}
    for account, lines in families.items():
        first = lines[0]
        assert account.removeprefix("acc-") == first["externalId"].removeprefix("demo-")
        assert all(body["billingAccount"] == first["billingAccount"] for body in lines)
        assert all(body["party"]["familyName"] == first["party"]["familyName"] for body in lines)
        assert all(_start(first) <= _start(body) for body in lines)


def test_every_other_line_has_an_account_of_its_own(people):
    shared = [account for account, lines in _by(people, "billingAccount", "externalId").items() if len(lines) > 1]
    assert set(shared) == set(_families(people))
    assert all(1 <= body["billingAccount"]["billingDay"] <= 28 for body in people)


def test_prepaid_lines_top_up_at_their_start_and_in_the_last_days(people):
    for body in people:
        prepaid = body["productOffering"]["id"] in TOPUPS
        assert body["billingAccount"]["kind"] == ("prepaid" if prepaid else "postpaid")
        assert ("topup" in body) == prepaid
        if prepaid:
            first, *later = [parse_instant(topup["at"]) for topup in body["topup"]]
            assert first == _start(body)
            assert len(later) <= 3
            assert later == sorted(later)
            assert all(max(first, NOW - timedelta(days=40)) <= at < NOW for at in later)
            assert {topup["amount"]["amount"] for topup in body["topup"]} <= {5, 10, 15, 20, 30}
            assert not ("endDateTime" in body["validFor"] and later)


def test_bodies_are_plain_json(people):
    assert json.loads(json.dumps(people)) == people


@pytest.mark.parametrize(
    ("count", "weights", "shares"),
    [
        (10, {"a": 1, "b": 1, "c": 1}, {"a": 4, "b": 3, "c": 3}),
        (1, {"a": 25, "b": 30}, {"a": 0, "b": 1}),
        (0, {"a": 1}, {"a": 0}),
        (7, {"a": 0.5, "b": 0.25, "c": 0.25}, {"a": 3, "b": 2, "c": 2}),
    ],
)
def test_shares_are_whole_and_add_up(count, weights, shares):
    assert apportion(count, weights) == shares
