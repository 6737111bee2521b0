"""Laws of the sums under balance actions: the book balances, schedules keep their anchor, costs keep their bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.engines.catalog.balances import BALANCES, Policy, policy_of
from oxl.engines.catalog.document import read_document
from oxl.engines.ledger.book import Book, Bucket
from oxl.engines.ledger.recurrence import after, due, first
from oxl.values import MAX_ATOMS

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
NAMES = ("a", "b", "c")


def bucket_of(name: str, credited: int = 0) -> Bucket:
    return Bucket(
        {
            "id": name, "kind": "main", "account_id": name, "product_id": None, "device_id": None, "unit": "EUR",
            "display_unit": "EUR", "display_atoms": 1, "usage_type": "monetary", "status": "active",
            "valid_from": NOON, "valid_to": None, "credit_limit": 0, "credited": credited, "used": 0, "debited": 0,
            "reserved": 0, "version": 0,
        }
    )  # fmt: skip


SIDES = st.sampled_from([*NAMES, "topup_clearing", "fee"])


@given(moves=st.lists(st.tuples(SIDES, SIDES, st.integers(1, 10**9)).filter(lambda m: m[0] != m[1])))
def test_every_program_of_moves_adds_up(moves: list[tuple[str, str, int]]) -> None:
    book = Book({name: bucket_of(name) for name in NAMES})
    system = 0
    for n, (source, sink, amount) in enumerate(moves):
        sides = [book.buckets.get(side, side) for side in (source, sink)]
        if not any(isinstance(side, Bucket) for side in sides):
            continue
        book.move(*sides, amount, "transfer", str(n))
        system += (source not in NAMES) * amount - (sink not in NAMES) * amount
    assert sum(bucket.posted for bucket in book.buckets.values()) == system
    for name, bucket in book.buckets.items():
        mine = [entry for entry in book.entries if name in (entry.dr_bucket, entry.cr_bucket)]
        assert bucket.version == len(mine)
        posted = 0
        for entry in mine:
            posted += entry.amount if entry.cr_bucket == name else -entry.amount
            after_, version = (
                (entry.cr_after, entry.cr_version) if entry.cr_bucket == name else (entry.dr_after, entry.dr_version)
            )
            assert posted == after_
            assert version is not None
            assert version <= bucket.version
        assert posted == bucket.posted


def test_a_book_takes_nothing_that_it_cannot_count() -> None:
    book = Book({"a": bucket_of("a", MAX_ATOMS)})
    with pytest.raises(ValueError, match="cannot hold"):
        book.move("adjust", book.buckets["a"], 1, "adjust", "x")
    with pytest.raises(ValueError, match="transfer of 0"):
        book.move(book.buckets["a"], "adjust", 0, "adjust", "x")
    assert book.entries == []


ANCHORS = st.integers(0, 3650 * 24).map(lambda hours: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
PERIODS = st.sampled_from(["weekly", "fortnightly", "monthly"])


@given(anchor=ANCHORS, period=PERIODS)
def test_runs_are_counted_from_the_anchor_and_never_twice_at_once(anchor: datetime, period: str) -> None:
    ats = [due(anchor, period, n) for n in range(30)]
    assert ats == sorted(set(ats))
    if period == "monthly":
        assert all(at.day == anchor.day or at.day < anchor.day for at in ats)
        assert due(anchor, period, 12).day in (anchor.day, 28)
    else:
        assert {b - a for a, b in pairwise(ats)} == {ats[1] - ats[0]}


@given(period=PERIODS, runs=st.integers(1, 8), outcomes=st.lists(st.booleans(), min_size=40, max_size=40))
def test_a_schedule_ends_after_its_runs_or_when_too_many_in_a_row_were_skipped(
    period: str, runs: int, outcomes: list[bool]
) -> None:
    policy, now = Policy(), NOON
    schedule, status, made = first(period, NOON, runs, None), "created", 0
    for succeeded in outcomes:
        if schedule.due_at is None:
            break
        now = max(now, schedule.due_at)
        made += succeeded
        schedule, status = after(schedule, succeeded, now, policy)
    assert made <= runs
    if schedule.due_at is None:
        assert status in ("completed", "failed")
        assert (status == "failed") == (schedule.skips >= policy.skips)
        assert status == "failed" or schedule.period_no == runs


def test_a_schedule_that_ends_before_it_begins_has_no_run() -> None:
    assert first("weekly", NOON, None, NOON).due_at is None
    assert first("weekly", NOON, 1, NOON + timedelta(days=1)).due_at == NOON


@given(atoms=st.integers(1, 10**12), share=st.decimals(0, 100, places=3), flat=st.integers(0, 10**7))
def test_a_cost_keeps_its_bounds(atoms: int, share: Decimal, flat: int) -> None:
    policy = Policy(cost_flat=flat, cost_percent=share, cost_most=5_000_000)
    assert policy.cost_of("EUR", atoms)[1] <= 5_000_000
    exact = flat + Decimal(atoms) * share / 100
    assert abs(min(exact, 5_000_000) - policy.cost_of("EUR", atoms)[1]) <= Decimal("0.5")
    assert policy.cost_of("byte", atoms) == ("EUR", min(flat, 5_000_000))
    assert Policy().cost_of("EUR", atoms) == ("EUR", 0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("reservation: {quantum: [{unit: sms, amount: '0.5'}]}\n", "reservation.quantum[0]"),
        ("transfer: {limits: [{unit: byte, each: '0.5'}]}\n", "transfer.limits[0].each"),
        ("transfer: {cost: {currency: EUR, percent: '101'}}\n", "transfer.cost.percent"),
        ("transfer: {cost: {currency: GB}}\n", "transfer.cost.currency"),
        ("thresholds: [0]\n", "thresholds[0]"),
        ("voucher: {attempt: 3}\n", "voucher.attempt"),
    ],
)
def test_a_policy_that_means_nothing_is_told_by_field(text: str, field: str) -> None:
    page, values = read_document("balances.yaml", text, BALANCES)
    if values:
        policy_of(page, values)
    assert [problem.field for problem in page.problems] == [field]


def test_a_policy_is_read_whole() -> None:
    text = """
        reservation: {minutes: 5, quantum: [{unit: MB, amount: "50"}]}
        transfer:
          cost: {currency: EUR, flat: "0.1", percent: "2.5", minimum: "0.2", maximum: "1"}
          limits: [{unit: EUR, each: "50", day: "100"}]
        voucher: {attempts: 3, lockMinutes: 10}
        settleDays: 7
        thresholds: [90, 50]
    """
    page, values = read_document("balances.yaml", text, BALANCES)
    assert values is not None
    policy = policy_of(page, values)
    assert page.problems == []
    assert (policy.hold, policy.quantum["data"], policy.settle) == (timedelta(minutes=5), 50_000_000, timedelta(days=7))
    assert (policy.voucher_attempts, policy.voucher_lock) == (3, timedelta(minutes=10))
    assert policy.thresholds == (50, 90)
    assert policy.limits["EUR"].day == 100_000_000
    assert policy.cost_of("EUR", 2_000_000) == ("EUR", 200_000)
