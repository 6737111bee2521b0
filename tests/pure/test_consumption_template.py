"""A report as a template: which buckets it means, and which devices it names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.apis.usage_consumption.actions import query_of
from oxl.engines.consumption.template import BucketTemplate, Query, may_be, meant, picked
from oxl.verbs import Refusal

KINDS = [("data", "data", "home"), ("data", "data roaming", "roaming-eu"), ("voice", "voice national", "national"),
         ("other", "tv", "home"), ("monetary", "monetary", "")]  # fmt: skip
BUCKETS = st.builds(
    lambda n, kind, shared, status: {
        "id": f"b{n}", "name": f"Bucket {n}", "type": kind[0], "label": kind[1], "shared": shared, "status": status,
        "match": {"service": [kind[1].split()[0]], "zone": [kind[2]]} if kind[2] else {}, "product": f"p{n % 3}",
        "allowance": f"a{n % 2}",
    },
    st.integers(0, 5), st.sampled_from(KINDS), st.booleans(), st.sampled_from(["active", "suspended"]),
)  # fmt: skip
TEMPLATES = st.builds(
    BucketTemplate,
    id=st.none() | st.sampled_from(["b0", "b1", "none"]),
    usage_type=st.none() | st.sampled_from(["data", "data roaming", "voice national", "tv", "pigeon"]),
    shared=st.none() | st.booleans(),
    status=st.none() | st.sampled_from(["active", "suspended"]),
    product=st.none() | st.sampled_from(["p0", "p1"]),
    allowance=st.none() | st.sampled_from(["a0", "a1"]),
)


def told(buckets: list[dict[str, Any]], *templates: BucketTemplate) -> list[dict[str, Any]]:
    snapshot = msgspec.json.encode({"at": "now", "buckets": buckets}).decode()
    return msgspec.json.decode(picked(snapshot, Query(buckets=templates)))["buckets"]


@given(st.lists(BUCKETS, max_size=6), st.lists(TEMPLATES, min_size=1, max_size=3))
def test_alternatives_mean_what_each_of_them_means(buckets, templates) -> None:
    together = told(buckets, *templates)
    assert together == [each for each in buckets if any(each in told(buckets, one) for one in templates)]


@given(st.lists(BUCKETS, max_size=6), TEMPLATES, st.sampled_from(["id", "usage_type", "shared", "status", "product"]))
def test_who_says_less_means_more(buckets, template, left_out: str) -> None:
    wider = msgspec.structs.replace(template, **{left_out: None})
    narrow = told(buckets, template)
    assert all(each in told(buckets, wider) for each in narrow)


@given(st.lists(BUCKETS, max_size=6))
def test_who_says_nothing_means_all(buckets) -> None:
    assert told(buckets) == told(buckets, BucketTemplate()) == buckets


@given(BUCKETS)
def test_a_bucket_meets_what_is_said_of_itself(bucket) -> None:
    template = BucketTemplate(
        id=bucket["id"], name=bucket["name"], usage_type=bucket["label"], shared=bucket["shared"],
        status=bucket["status"], allowance=bucket["allowance"], product=bucket["product"],
    )  # fmt: skip
    assert meant(bucket, template)
    assert may_be(bucket, bucket["type"])


def test_the_devices_of_a_body() -> None:
    devices = [{"id": "d1"}, {"value": "+491"}, {"id": "+492", "value": "+492"}, {"id": "493", "value": "+493"},
               {"id": "d4", "value": "494"}]  # fmt: skip
    found = query_of({"searchCriteria": {"logicalResource": devices}})
    assert (found.ids, found.numbers, found.pairs) == (("d1",), ("491", "492", "493"), ("d4 494",))
    assert found.of_device


def test_accounts_beside_and_inside_must_both_hold() -> None:
    def accounts(*names: str) -> list[dict[str, str]]:
        return [{"id": name} for name in names]

    both = query_of({"partyAccount": accounts("a", "b"), "searchCriteria": {"partyAccount": accounts("b", "c")}})
    assert both.accounts == ("b",)
    none = query_of({"partyAccount": accounts("a"), "searchCriteria": {"partyAccount": accounts("c")}})
    assert (none.accounts, "accounts" in none.criteria) == (("",), True)
    assert not both.of_device


def test_a_period_may_be_open() -> None:
    now = datetime(2026, 6, 15, tzinfo=UTC)
    before, after = now - timedelta(days=30), now + timedelta(days=30)
    assert Query().period(now) == (now, now)
    assert Query(since=before).period(now) == (before, now)
    assert Query(until=before).period(now) == (before, before)
    assert Query(since=after).period(now) == (after, after)
    assert Query(since=before, until=after).period(now) == (before, after)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    period = {"startDateTime": "2026-02-01T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z"}
    with pytest.raises(Refusal, match=r"searchCriteria\.validPeriod\.endDateTime"):
        query_of({"searchCriteria": {"validPeriod": period}})
