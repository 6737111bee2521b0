"""The sums of a quota, without a database: any program of reports and grants against a model of whole numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oxl.engines.ledger.book import Book, Bucket
from oxl.engines.ledger.burn import Held
from oxl.engines.ledger.quota import HOLD, Group, Purse, Turn

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
STEP = st.tuples(st.one_of(st.none(), st.integers(0, 40)), st.one_of(st.none(), st.integers(1, 40)))


def bucket_row(n: int, credited: int, limit: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": f"b{n}", "kind": "main", "account_id": "a", "product_id": None, "device_id": None, "unit": "EUR",
        "display_unit": "EUR", "display_atoms": 1, "usage_type": "monetary", "match": {}, "priority": n,
        "status": "active", "valid_from": NOW - timedelta(days=1), "valid_to": None, "credit_limit": limit,
        "credited": credited, "used": 0, "debited": 0, "reserved": 0, "version": 1, "created_at": NOW,
    } | more  # fmt: skip


def turn_on(*rows: dict[str, Any]) -> Turn:
    book = Book({row["id"]: Bucket(row) for row in rows})
    return Turn(book, [Purse(book.buckets[row["id"]], Held(row)) for row in rows], "d", "r", NOW)


def of(used: int | None = None, wanted: int | None = None) -> Group:
    return Group(id="1", unit="EUR", units="EUR", per=1, used=used, wanted=wanted)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 20), st.lists(STEP, max_size=12))
def test_what_is_charged_granted_and_free_adds_up(opening: list[int], limit: int, program: list[Any]) -> None:
    turn = turn_on(*[bucket_row(n, credited, limit if n == 0 else 0) for n, credited in enumerate(opening)])
    ids, held = (f"r{n}" for n in count()), []
    left = sum(opening) + limit
    for used, wanted in program:
        charged, uncharged = turn.report(of(used, wanted), held)
        assert charged == min(used or 0, left)
        assert charged + uncharged == (used or 0)
        left -= charged
        assert all(row["status"] in ("completed", "cancelled") for row in held)
        held, told = turn.grant(of(used, wanted), ids)
        assert told.granted == sum(row["amount"] for row in held) == min(wanted or 0, left)
        assert told.is_final == (wanted is not None and left - told.granted == 0)
        buckets = turn.book.buckets.values()
        assert sum(bucket.reserved for bucket in buckets) == told.granted
        assert sum(bucket.room for bucket in buckets) == left - told.granted
        assert all(bucket.room >= 0 and bucket.reserved >= 0 for bucket in buckets)
    legs = [(entry.action_id, entry.leg) for entry in turn.book.entries]
    assert len(legs) == len(set(legs))


def test_the_first_in_order_pays_first_and_what_does_not_fit_pays_nothing() -> None:
    turn = turn_on(
        bucket_row(3, 10), bucket_row(1, 5), bucket_row(0, 50, device_id="another"), bucket_row(2, 50, unit="byte"),
        bucket_row(4, 50, status="suspended"), bucket_row(5, 50, valid_to=NOW),
    )  # fmt: skip
    rows, told = turn.grant(of(wanted=12), iter("xyz"))
    assert [(row["bucket_id"], row["amount"]) for row in rows] == [("b1", 5), ("b3", 7)]
    assert (told.result, told.is_final) == ("granted", False)


def test_a_quota_ends_with_the_first_bucket_that_pays_for_it() -> None:
    soon = NOW + timedelta(minutes=5)
    rows, _ = turn_on(bucket_row(0, 5, valid_to=soon), bucket_row(1, 5)).grant(of(wanted=7), iter("xy"))
    assert [row["expires_at"] for row in rows] == [soon, soon]
    rows, _ = turn_on(bucket_row(0, 9)).grant(of(wanted=7), iter("xy"))
    assert [row["expires_at"] for row in rows] == [NOW + HOLD]
