"""Who pays first, and that nobody pays more than he has: drawing on buckets against a slow reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.engines.ledger.burn import Held, Need, cover, may_pay, take

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CALL = Need("second", "voice", "national", "d1", NOON)


def bucket(bucket_id: str = "b", **changes: Any) -> Held:
    """A bucket of 100 seconds that is good for everything, unless told otherwise."""
    row = {
        "id": bucket_id, "kind": "allowance", "account_id": "a", "device_id": None, "unit": "second",
        "status": "active", "valid_from": NOON - DAY, "valid_to": None, "match": {}, "credit_limit": 0, "used": 0,
        "credited": 100, "debited": 0, "reserved": 0, "version": 1, "priority": 10, "created_at": NOON - DAY,
    }  # fmt: skip
    return Held(row | changes)


@pytest.mark.parametrize(
    ("changes", "pays"),
    [
        ({}, True),
        ({"status": "suspended"}, False),
        ({"unit": "byte"}, False),
        ({"device_id": "d1"}, True),
        ({"device_id": "d2"}, False),
        ({"valid_from": NOON}, True),
        ({"valid_from": NOON + timedelta(microseconds=1)}, False),
        ({"valid_to": NOON}, False),
        ({"valid_to": NOON + timedelta(microseconds=1)}, True),
        ({"match": {"service": ["voice"]}}, True),
        ({"match": {"service": ["sms", "data"]}}, False),
        ({"match": {"zone": ["national", "eu"]}}, True),
        ({"match": {"zone": ["eu"]}}, False),
        ({"match": {"service": ["voice"], "zone": ["eu"]}}, False),
        ({"match": {"service": [], "zone": []}}, True),
    ],
)
def test_a_bucket_pays_only_for_what_it_is_good_for(changes, pays) -> None:
    held = bucket(**changes)
    assert may_pay(held, CALL) is pays
    assert cover([held], CALL, 5) == (([(held, 5)], 0) if pays else ([], 5))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"priority": 5, "valid_to": None}, {"priority": 10, "valid_to": NOON + DAY}),
        ({"valid_to": NOON + DAY}, {"valid_to": NOON + 2 * DAY}),
        ({"valid_to": NOON + 900 * DAY}, {"valid_to": None}),
        ({"created_at": NOON - 3 * DAY}, {"created_at": NOON - 2 * DAY}),
        ({"bucket_id": "a"}, {"bucket_id": "b"}),
    ],
)
def test_priority_pays_before_expiry_before_age_before_name(first, second) -> None:
    one, other = bucket(**({"bucket_id": "z"} | first)), bucket(**({"bucket_id": "zz"} | second))
    for held in ([one, other], [other, one]):
        parts, uncovered = cover(held, CALL, 150)
        assert [(b.id, part) for b, part in parts] == [(one.id, 100), (other.id, 50)]
        assert uncovered == 0


@pytest.mark.parametrize(
    ("figures", "most"),
    [
        ({"credited": 100}, 100),
        ({"credited": 100, "used": 40, "debited": 25}, 35),
        ({"credited": 100, "reserved": 70}, 30),
        ({"credited": 100, "reserved": 100}, 0),
        ({"credited": 0, "credit_limit": 50}, 50),
        ({"credited": 10, "used": 30, "credit_limit": 50}, 30),
        ({"credited": 10, "used": 60, "credit_limit": 50}, 0),
    ],
)
def test_a_bucket_gives_what_is_available_and_its_credit_limit(figures, most) -> None:
    held = bucket(**figures)
    parts, uncovered = cover([held], CALL, 1000)
    assert (sum(part for _, part in parts), uncovered) == (most, 1000 - most)
    take(parts, "u", "d1")
    assert held.available >= -held.credit_limit
    assert cover([held], CALL, 1) == ([], 1)


@pytest.mark.parametrize("wanted", [0, -1])
def test_nothing_wanted_is_nothing_drawn(wanted) -> None:
    assert cover([bucket()], CALL, wanted) == ([], wanted)


def test_covering_takes_nothing_until_it_is_taken() -> None:
    held = bucket()
    cover([held], CALL, 60)
    assert (held.available, held.used, held.version, held.drawn) == (100, 0, 1, 0)
    draws = take(cover([held], CALL, 60)[0], "u1", "d1", first_leg=3)
    assert (held.available, held.posted, held.used, held.version, held.drawn) == (40, 40, 60, 2, 60)
    assert [(d.amount, d.leg, d.posted_after, d.version_after) for d in draws] == [(60, 3, 40, 2)]


ROWS = st.builds(
    dict,
    priority=st.integers(1, 3),
    valid_from=st.sampled_from([NOON - DAY, NOON, NOON + DAY]),
    valid_to=st.sampled_from([None, NOON + 2 * DAY, NOON + 3 * DAY]),
    created_at=st.sampled_from([NOON - DAY, NOON - 2 * DAY]),
    status=st.sampled_from(["active", "active", "active", "suspended"]),
    device_id=st.sampled_from([None, "d1", "d2"]),
    unit=st.sampled_from(["second", "second", "EUR"]),
    match=st.sampled_from([{}, {"zone": ["national"]}, {"zone": ["eu"]}, {"service": ["voice"]}]),
    credited=st.integers(0, 50),
    reserved=st.integers(0, 10),
    credit_limit=st.sampled_from([0, 0, 20]),
)
NEEDS = st.builds(
    Need,
    st.sampled_from(["second", "EUR"]),
    st.sampled_from(["voice", "sms"]),
    st.sampled_from(["national", "eu"]),
    st.sampled_from(["d1", "d2"]),
    st.sampled_from([NOON, NOON + 2 * DAY]),
)


def slow_draw(rows: list[dict[str, Any]], left: list[int], need: Need, wanted: int) -> tuple[list[int], int]:
    """What each row gives, one atom at a time, always from the best one that still can."""
    given = [0] * len(rows)
    for _ in range(wanted):
        able = [
            n
            for n, row in enumerate(rows)
            if left[n] - given[n] > 0
            and row["unit"] == need.unit
            and row["status"] == "active"
            and row["device_id"] in (None, need.device_id)
            and row["valid_from"] <= need.at
            and (row["valid_to"] is None or need.at < row["valid_to"])
            and (not row["match"].get("service") or need.service in row["match"]["service"])
            and (not row["match"].get("zone") or need.zone in row["match"]["zone"])
        ]
        if not able:
            break
        far = NOON + 9999 * DAY
        best = min(able, key=lambda n: (rows[n]["priority"], rows[n]["valid_to"] or far, rows[n]["created_at"], n))
        given[best] += 1
    return given, wanted - sum(given)


@given(st.lists(ROWS, max_size=5), st.lists(st.tuples(NEEDS, st.integers(0, 60)), max_size=6))
def test_a_row_of_draws_is_what_drawing_atom_by_atom_gives(rows, needs) -> None:
    held = [bucket(f"b{n}", **row) for n, row in enumerate(rows)]
    left = [row["credited"] - row["reserved"] + row["credit_limit"] for row in rows]
    for need, wanted in needs:
        parts, uncovered = cover(held, need, wanted)
        drawn = {b.id: part for b, part in parts}
        given_, short = slow_draw(rows, left, need, wanted)
        assert drawn == {f"b{n}": part for n, part in enumerate(given_) if part}
        assert uncovered == short
        take(parts, "u", need.device_id)
        left = [most - part for most, part in zip(left, given_, strict=True)]
        for n, b in enumerate(held):
            assert b.available + b.credit_limit == left[n]
            assert b.posted == rows[n]["credited"] - b.used
