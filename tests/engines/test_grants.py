"""Allowances: once for each period however often they are asked for, by the calendar of the plan's time zone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import NOON, OPERATOR, usage_body
from tests.engines.books import USAGES, available, buckets, fetch, posted, sound, told

from oxl.engines.ledger import grants
from oxl.engines.ledger.grants import next_period
from oxl.kernel.background import once

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def noon(tenant) -> Any:
    """The clock stands at NOON when a test begins."""
    tenant.clock.frozen = NOON
    return tenant.clock


async def swept(tenant: Any) -> int:
    return await once(tenant, grants.grant_due)


async def periods(tenant: Any, account: str, name: str) -> list[tuple[str, str]]:
    """From when to when each bucket of that name is valid, in local time."""
    return [
        tuple(f"{row[edge].astimezone(BERLIN):%Y-%m-%d %H:%M}" for edge in ("valid_from", "valid_to"))
        for row in await buckets(tenant, account)
        if row["name"] == name
    ]  # type: ignore[misc]


def since(text: str) -> dict[str, Any]:
    return {"validFor": {"startDateTime": text}}


async def test_a_new_line_is_granted_every_period_that_has_begun(tenant, subscribe) -> None:
    line = await subscribe("prepaid-m", **since("2026-03-14T23:00:00Z"))
    assert await periods(tenant, line["billingAccount"]["id"], "10 GB data") == [
        ("2026-03-15 00:00", "2026-04-15 00:00"),
        ("2026-04-15 00:00", "2026-05-15 00:00"),
        ("2026-05-15 00:00", "2026-06-15 00:00"),
        ("2026-06-15 00:00", "2026-07-15 00:00"),
    ]
    await sound(tenant)


async def test_a_line_that_anchors_at_a_months_end_keeps_the_day_it_has(tenant, subscribe) -> None:
    line = await subscribe("prepaid-m", **since("2026-01-31T12:00:00+01:00"))
    starts = [start for start, _ in await periods(tenant, line["billingAccount"]["id"], "10 GB data")]
    assert starts == [
        "2026-01-31 12:00",
        "2026-02-28 12:00",
        "2026-03-31 12:00",
        "2026-04-30 12:00",
        "2026-05-31 12:00",
    ]


async def test_a_grant_is_made_once_however_often_and_by_however_many_it_is_asked_for(tenant, subscribe, noon) -> None:
    lines = [await subscribe("prepaid-m") for _ in range(4)]
    await asyncio.gather(*[swept(tenant) for _ in range(6)])
    before = [len(await buckets(tenant, line["billingAccount"]["id"])) for line in lines]
    assert before == [4] * 4
    noon.frozen = datetime(2026, 9, 1, tzinfo=UTC)  # three periods have passed
    calls = [
        posted(
            tenant, USAGES, [usage_body("sms", line["logicalResource"]["value"], destinationPhoneNumber="+4930", n=n)]
        )
        for n in range(3)
        for line in lines
    ]
    await asyncio.gather(*[swept(tenant) for _ in range(6)], *calls)
    for line in lines:
        found = await periods(tenant, line["billingAccount"]["id"], "10 GB data")
        assert [start[:10] for start, _ in found] == ["2026-05-20", "2026-06-20", "2026-07-20", "2026-08-20"]
        assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
    assert await swept(tenant) == 0
    await sound(tenant)


async def test_the_first_record_of_a_new_period_finds_its_allowance(tenant, subscribe, noon) -> None:
    line = await subscribe("prepaid-m")
    noon.frozen = datetime(2026, 7, 1, tzinfo=UTC)
    call = usage_body(
        "voice", line["logicalResource"]["value"], "2026-06-30T10:00:00Z", destinationPhoneNumber="+4930", duration=60
    )
    (answer,) = await posted(tenant, USAGES, [call])
    assert told(answer) == "rated"
    left = await available(tenant, line["billingAccount"]["id"])
    assert (left["100 minutes 05-20"], left["100 minutes 06-20"]) == (6000, 5940)


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        ("2026-02-28T02:30", ["2026-03-28 02:30", "2026-04-28 02:30"]),
        ("2026-02-28T23:59", ["2026-03-28 23:59"]),
        ("2026-03-29T01:30", ["2026-04-29 01:30"]),
        ("2026-02-28T00:00", ["2026-03-28 00:00", "2026-04-28 00:00"]),
        ("2025-09-26T02:30", ["2025-10-26 02:30", "2025-11-26 02:30"]),
        ("2025-10-31T00:00", ["2025-11-30 00:00", "2025-12-31 00:00", "2026-01-31 00:00", "2026-02-28 00:00"]),
        ("2024-01-30T08:00", ["2024-02-29 08:00", "2024-03-30 08:00"]),
    ],
)
def test_a_period_ends_at_the_anchors_local_day_and_time(start: str, ends: list[str]) -> None:
    anchor = at = datetime.fromisoformat(start).replace(tzinfo=BERLIN).astimezone(UTC)
    for end in ends:
        at = next_period(anchor, BERLIN, at)
        assert f"{at.astimezone(BERLIN):%Y-%m-%d %H:%M}" == end


@settings(max_examples=200)
@given(st.integers(0, 4 * 366 * 24 * 12), st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]))
def test_periods_follow_each_other_for_ever_without_a_gap(minutes: int, zone: str) -> None:
    at = anchor = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * minutes)
    lasted = []
    for _ in range(40):
        end = next_period(anchor, ZoneInfo(zone), at)
        lasted.append(end - at)
        at = end
    assert timedelta(days=27, hours=23) <= min(lasted)
    assert max(lasted) <= timedelta(days=31, hours=1)
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    assert 39 <= months <= 41


async def changed(http: Any, line: dict, action: str, at: str | None = None, offering: str | None = None) -> Any:
    body = {"subscriber": {"id": line["id"]}, "action": action}
    body |= {"effectiveDate": at} if at else {}
    body |= {"productOffering": {"id": offering}} if offering else {}
    return await http.post(f"{OPERATOR}/subscriberChange", json=body)


async def test_a_change_of_plan_ends_the_old_buckets_and_starts_new_ones_then(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    account = line["billingAccount"]["id"]
    answer = await changed(http, line, "changePlan", "2026-06-10T10:00:00Z", "prepaid-s")
    assert answer.status_code == 201, answer.text
    assert await periods(tenant, account, "10 GB data") == [("2026-05-20 02:00", "2026-06-10 12:00")]
    assert await periods(tenant, account, "1 GB data") == [("2026-06-10 12:00", "2026-07-10 12:00")]
    assert await swept(tenant) == 0


@pytest.mark.parametrize("at", ["2026-06-01T00:00:00Z", "2026-06-20T00:00:00Z"])
async def test_a_change_from_before_the_present_period_leaves_no_bucket_of_the_old_plan(
    http, tenant, subscribe, noon, at: str
) -> None:
    line = await subscribe("prepaid-m")
    noon.frozen = datetime(2026, 7, 1, tzinfo=UTC)
    await swept(tenant)  # the old plan has granted the period from 20 June
    assert (await changed(http, line, "changePlan", at, "prepaid-s")).status_code == 201
    alive = await fetch(
        tenant,
        "select name from bucket where account_id = $1 and kind = 'allowance' and valid_from <= $2 and valid_to > $2",
        line["billingAccount"]["id"],
        noon.frozen,
    )
    assert [row["name"] for row in alive] == ["1 GB data"]


@pytest.mark.parametrize("at", ["2026-06-20T00:00:00Z", "2026-07-20T00:00:00Z"])
async def test_a_change_of_plan_at_the_beginning_of_a_period_grants_the_new_plans_period(
    http, tenant, subscribe, noon, at: str
) -> None:
    line = await subscribe("prepaid-m")
    noon.frozen = datetime(2026, 7, 25, tzinfo=UTC)
    await swept(tenant)
    assert (await changed(http, line, "changePlan", at, "prepaid-m")).status_code == 201  # the same allowances again
    alive = await fetch(
        tenant,
        "select name, credited - used as left from bucket where account_id = $1 and valid_from <= $2 and valid_to > $2",
        line["billingAccount"]["id"],
        noon.frozen,
    )
    assert sorted(row["left"] for row in alive) == [50, 6000, 10**10]
    await sound(tenant)


async def test_a_line_that_leaves_is_granted_nothing_more(http, tenant, subscribe, noon) -> None:
    line = await subscribe("prepaid-m")
    assert (await changed(http, line, "portOut", "2026-06-10T10:00:00Z")).status_code == 201
    assert await periods(tenant, line["billingAccount"]["id"], "10 GB data") == [
        ("2026-05-20 02:00", "2026-06-10 12:00")
    ]
    noon.frozen = datetime(2026, 9, 1, tzinfo=UTC)
    await swept(tenant)
    assert len(await periods(tenant, line["billingAccount"]["id"], "10 GB data")) == 1


async def test_a_line_with_an_end_is_granted_until_then(tenant, subscribe, noon) -> None:
    line = await subscribe("prepaid-m", validFor={
        "startDateTime": "2026-05-20T00:00:00Z", "endDateTime": "2026-08-01T00:00:00Z"})  # fmt: skip
    noon.frozen = datetime(2026, 12, 1, tzinfo=UTC)
    await swept(tenant)
    assert await periods(tenant, line["billingAccount"]["id"], "10 GB data") == [
        ("2026-05-20 02:00", "2026-06-20 02:00"),
        ("2026-06-20 02:00", "2026-07-20 02:00"),
        ("2026-07-20 02:00", "2026-08-01 02:00"),
    ]


async def test_a_suspended_line_has_suspended_buckets_also_of_a_period_that_begins_then(
    http, tenant, subscribe, noon
) -> None:
    line = await subscribe("prepaid-m")
    account = line["billingAccount"]["id"]
    assert (await changed(http, line, "suspend")).status_code == 201
    noon.frozen = datetime(2026, 7, 1, tzinfo=UTC)
    await swept(tenant)
    found = [(row["kind"], row["status"]) for row in await buckets(tenant, account)]
    assert sorted(found) == [*[("allowance", "suspended")] * 6, ("main", "active")]
    assert (await changed(http, line, "resume")).status_code == 201
    assert {row["status"] for row in await buckets(tenant, account)} == {"active"}


async def test_what_a_family_shares_is_granted_once_and_outlives_a_members_suspension(http, tenant, subscribe) -> None:
    first = await subscribe("family-share")
    account = first["billingAccount"]["id"]
    others = [await subscribe("family-share", billingAccount={"id": account}) for _ in range(3)]
    shared = [row for row in await buckets(tenant, account) if row["name"] == "100 GB data to share"]
    assert [(row["device_id"], row["product_id"], row["credited"]) for row in shared] == [(None, first["id"], 10**11)]
    assert (await changed(http, first, "suspend")).status_code == 201
    data = usage_body("data", others[0]["logicalResource"]["value"], volume=5, volumeUnit="GB")
    (answer,) = await posted(tenant, USAGES, [data])
    assert told(answer) == "rated"
    assert (await available(tenant, account))["100 GB data to share 05-20"] == 95 * 10**9


async def test_a_group_that_touches_more_lines_than_a_sweep_grants_at_once_finds_every_allowance(
    tenant, subscribe, noon, monkeypatch
) -> None:
    monkeypatch.setattr(grants, "_SWEPT_AT_ONCE", 2)
    lines = [await subscribe("prepaid-m") for _ in range(5)]
    noon.frozen = datetime(2026, 7, 1, tzinfo=UTC)
    bodies = [
        usage_body("sms", line["logicalResource"]["value"], "2026-06-30T10:00:00Z", destinationPhoneNumber="+4930")
        for line in lines
    ]
    assert [told(answer) for answer in await posted(tenant, USAGES, bodies)] == ["rated"] * 5
