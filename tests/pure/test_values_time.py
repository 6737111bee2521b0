"""Instants, months and the ids that carry their time."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.clock import Clock
from oxl.values import BadValue, _Ids, add_months, id_floor, instant_text, parse_instant

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
INSTANTS = st.integers(-4 * 10**9, 10**10).map(lambda n: NOON + n * timedelta(microseconds=271_828))
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-15T12:00:00Z", NOON),
        ("2026-06-15t12:00:00z", NOON),
        ("2026-06-15 12:00:00Z", NOON),
        ("2026-06-15T14:00:00+02:00", NOON),
        ("2026-06-15T14:00:00+0200", NOON),
        ("2026-06-14T22:00:00-14:00", NOON),
        ("2026-06-15T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-06-15T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_with_its_offset(text, instant) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-15", "2026-06-15T12:00:00", "2026-06-15T12:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-06-15T24:00:00Z", "2026-06-15T12:00:60Z", "2026-06-15T12:00:00+25:00", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00", "", "now", None, 0, 1781524800, ["2026-06-15T12:00:00Z"],
        "٢٠٢٦-06-15T12:00:00Z", "2026-06-15T12:00:00.Z", "2026-06-15T12:00:00.1234567890Z",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text) -> None:
    with pytest.raises(BadValue, match="not an RFC 3339 date-time"):
        parse_instant(text)


@given(INSTANTS)
def test_an_instant_is_shown_to_the_millisecond_and_read_back(at) -> None:
    text = instant_text(at)
    assert len(text) == len("2026-06-15T12:00:00.000Z")
    assert at - MILLISECOND < parse_instant(text) <= at


@given(INSTANTS, st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_shown_the_same_from_whatever_offset(at, minutes) -> None:
    assert instant_text(at.astimezone(timezone(timedelta(minutes=minutes)))) == instant_text(at)


@pytest.mark.parametrize(
    ("anchor", "months", "day"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2026, 1, 31), 2, (2026, 3, 31)),
        ((2026, 1, 31), 3, (2026, 4, 30)),
        ((2024, 1, 31), 1, (2024, 2, 29)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
        ((2024, 2, 29), 48, (2028, 2, 29)),
        ((2026, 12, 31), 1, (2027, 1, 31)),
        ((2026, 1, 15), -1, (2025, 12, 15)),
        ((2026, 3, 31), -1, (2026, 2, 28)),
        ((2026, 6, 15), 0, (2026, 6, 15)),
        ((2026, 11, 30), 1, (2026, 12, 30)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_months_last(anchor, months, day) -> None:
    moved = add_months(datetime(*anchor, 10, 30, tzinfo=UTC), months)
    assert moved == datetime(*day, 10, 30, tzinfo=UTC)


@given(INSTANTS, st.integers(-240, 240))
def test_months_move_the_calendar_and_nothing_else(at, months) -> None:
    if not 1 <= at.year + months // 12 <= 9000:
        return
    moved = add_months(at, months)
    assert (moved.year * 12 + moved.month) - (at.year * 12 + at.month) == months
    assert moved.timetz() == at.timetz()
    assert moved.day == at.day or (moved.day < at.day and (moved + timedelta(days=1)).day == 1)


@given(INSTANTS, st.integers(0, 60), st.integers(0, 60))
def test_more_months_are_never_earlier(at, few, more) -> None:
    assert add_months(at, few) <= add_months(at, few + more)


def test_ids_are_uuids_of_version_7_that_carry_their_time() -> None:
    made = UUID(_Ids().new(NOON))
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == int(NOON.timestamp() * 1000)


def test_ids_ascend_while_the_clock_stands_still() -> None:
    ids = _Ids()
    made = [ids.new(NOON) for _ in range(20_000)]  # more than a millisecond's counter can tell apart
    assert made == sorted(set(made))


def test_ids_ascend_when_the_clock_steps_back_a_little() -> None:
    ids = _Ids()
    made = [ids.new(NOON - n * MILLISECOND) for n in range(500)]
    assert made == sorted(made)


def test_ids_follow_a_clock_that_is_set_back_for_good() -> None:
    ids = _Ids()
    ids.new(NOON)
    assert ids.new(NOON - timedelta(days=1)) < id_floor(NOON - timedelta(days=1) + MILLISECOND)


def test_ids_of_one_instant_ascend_whatever_other_clocks_are_asked_for_in_between() -> None:
    ids, made = _Ids(), []
    for n in range(500):
        made.append(ids.new(NOON))
        ids.new(NOON + timedelta(days=n % 3, seconds=n))
    assert made == sorted(made)
    assert made[-1] < id_floor(NOON + timedelta(seconds=2))


def test_no_more_instants_are_remembered_than_a_long_transaction_needs() -> None:
    ids = _Ids()
    for n in range(2 * ids._REMEMBERED):
        ids.new(NOON + n * MILLISECOND)
    assert len(ids._given) == ids._REMEMBERED


_FORKED = """
import os
from datetime import UTC, datetime
from oxl.values import new_id
noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
new_id(noon)
child = os.fork()
os.write(1, f"{new_id(noon)[24:]}\\n".encode())  # at once, lest the two be mixed
if child:
    os.waitpid(child, 0)
"""


def test_ids_of_a_forked_process_are_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", _FORKED], capture_output=True, text=True, check=True)
    assert len(set(told.stdout.split())) == 2


def test_ids_of_many_threads_differ() -> None:
    ids, made = _Ids(), []
    threads = [threading.Thread(target=lambda: made.extend(ids.new(NOON) for _ in range(2000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


@given(INSTANTS)
def test_the_floor_of_an_instant_lies_below_its_ids_and_above_those_before(at) -> None:
    assert id_floor(at) <= _Ids().new(at) < id_floor(at + MILLISECOND * 2)
    assert _Ids().new(at - MILLISECOND * 2) < id_floor(at)


@given(INSTANTS, INSTANTS)
def test_floors_are_in_the_order_of_their_instants(one, other) -> None:
    if one <= other:
        assert id_floor(one) <= id_floor(other)


def test_a_clock_shows_the_machines_time_shifted_or_stands() -> None:
    clock = Clock(source=lambda: NOON)
    assert clock.now() == NOON
    clock.offset = timedelta(days=3)
    assert clock.now() == NOON + timedelta(days=3)
    clock.frozen = NOON - timedelta(days=1)
    assert clock.now() == NOON - timedelta(days=1)
