"""Reading a usage record by its specification: what it becomes, and what is refused and how."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oxl
from oxl.engines.catalog.catalog import load_folder
from oxl.engines.catalog.specification import UsageEvent, read
from oxl.verbs import Refusal

DEMO = load_folder(Path(oxl.__file__).parent / "demo" / "catalog")
START = datetime(2026, 6, 4, 10, 0, 30, tzinfo=UTC)
VOICE = {
    "originatingPhoneNumber": "+49 151 1234-5678",
    "destinationPhoneNumber": "+4930123456",
    "startDateTime": "2026-06-04T12:00:30+02:00",
    "duration": 61,
}
SMS = {name: VOICE[name] for name in ("originatingPhoneNumber", "destinationPhoneNumber", "startDateTime")}
DATA = {"originatingPhoneNumber": "+4915112345678", "startDateTime": "2026-06-04T10:00:30Z", "volume": 5}
TV = {"originatingPhoneNumber": "+4915112345678", "startDateTime": "2026-06-04T10:00:30Z", "viewingTime": 90}
BASE: dict[str, dict[str, Any]] = {"voice": VOICE, "sms": SMS, "data": DATA, "tv": TV}


def _record(service: str, changes: dict[str, Any]) -> list[dict[str, Any]]:
    values = {**BASE[service], **changes}
    return [{"name": name, "value": value} for name, value in values.items() if value is not ...]


def _event(service: str, destination: str, quantity: int, unit: str, visited: str = "", reservation: str = ""):
    return UsageEvent(service, "4915112345678", destination, visited, START, quantity, unit, reservation)


@pytest.mark.parametrize(
    ("service", "changes", "event"),
    [
        ("voice", {}, _event("voice", "4930123456", 61, "second")),
        ("voice", {"durationUnit": "min"}, _event("voice", "4930123456", 3660, "second")),
        ("voice", {"duration": Decimal("61.0")}, _event("voice", "4930123456", 61, "second")),
        ("voice", {"duration": 0}, _event("voice", "4930123456", 0, "second")),
        ("voice", {"visitedNetwork": "20801"}, _event("voice", "4930123456", 61, "second", "20801")),
        ("voice", {"visitedNetwork": None}, _event("voice", "4930123456", 61, "second")),
        ("voice", {"reserveBalanceId": "r1"}, _event("voice", "4930123456", 61, "second", reservation="r1")),
        ("voice", {"destinationPhoneNumber": "0033 1 23"}, _event("voice", "33123", 61, "second")),
        ("voice", {"destinationPhoneNumber": "(030) 123/456"}, _event("voice", "4930123456", 61, "second")),
        ("voice", {"destinationPhoneNumber": "112"}, _event("voice", "112", 61, "second")),
        ("voice", {"x-vendor": {"any": ["thing"]}}, _event("voice", "4930123456", 61, "second")),
        ("sms", {}, _event("sms", "4930123456", 1, "message")),
        ("sms", {"messageCount": 3}, _event("sms", "4930123456", 3, "message")),
        ("data", {}, _event("data", "", 5, "byte")),
        ("data", {"volume": Decimal("1.5"), "volumeUnit": "MB"}, _event("data", "", 1_500_000, "byte")),
        ("data", {"volume": 2, "volumeUnit": "GiB"}, _event("data", "", 2 * 2**30, "byte")),
        ("data", {"volume": Decimal("0.5"), "volumeUnit": "KiB"}, _event("data", "", 512, "byte")),
        ("tv", {}, _event("tv", "", 90, "tv-minute")),
    ],
)
def test_a_record_becomes_an_event(service: str, changes: dict[str, Any], event: UsageEvent):
    assert read(DEMO.specifications[service], _record(service, changes)) == event


@pytest.mark.parametrize(
    ("service", "name", "value", "message"),
    [
        ("voice", "originatingPhoneNumber", ..., "is missing"),
        ("voice", "originatingPhoneNumber", None, "is missing"),
        ("voice", "originatingPhoneNumber", " ", "must not be empty"),
        ("voice", "originatingPhoneNumber", 4915112345678, "must be a string"),
        ("voice", "originatingPhoneNumber", "alice@example.org", "not a number of up to 15 digits"),
        ("voice", "originatingPhoneNumber", "+", "not a number of up to 15 digits"),
        ("voice", "originatingPhoneNumber", "+٤٩١٥", "not a number of up to 15 digits"),
        ("voice", "destinationPhoneNumber", "+491234567890123456", "not a number of up to 15 digits"),
        ("voice", "destinationPhoneNumber", ["+49"], "must be a string"),
        ("voice", "duration", ..., "is missing"),
        ("voice", "duration", "61", "must be a number"),
        ("voice", "duration", True, "must be a number"),
        ("voice", "duration", {"amount": 61}, "must be a number"),
        ("voice", "duration", Decimal("61.5"), "must be a whole number"),
        ("voice", "duration", -1, "must be at least 0"),
        ("voice", "duration", 2**64, "number out of range"),
        ("voice", "duration", Decimal("1e30"), "number out of range"),
        ("voice", "duration", 366 * 86400 + 1, "no event lasts more than 366 days"),
        ("voice", "durationUnit", "GB", "unknown unit 'GB'; known are s, min, h"),
        ("voice", "durationUnit", 1, "must be a string"),
        ("voice", "startDateTime", ..., "is missing"),
        ("voice", "startDateTime", "2026-06-04", "not an RFC 3339 date-time"),
        ("voice", "startDateTime", "2026-06-04T12:00:00", "not an RFC 3339 date-time"),
        ("voice", "startDateTime", "2026-02-30T12:00:00Z", "not an RFC 3339 date-time"),
        ("voice", "startDateTime", 1780567230, "not an RFC 3339 date-time"),
        ("voice", "startDateTime", "9999-12-31T23:59:59Z", "9999 is out of range"),
        ("voice", "visitedNetwork", "Vodafone", "MCC and MNC"),
        ("voice", "visitedNetwork", 26201, "must be a string"),
        ("voice", "callType", 1, "must be a string"),
        ("sms", "messageCount", -1, "must be at least 0"),
        ("sms", "messageCount", Decimal("0.5"), "must be a whole number"),
        ("data", "volume", Decimal("0.5"), "finer than the smallest unit"),
        ("data", "volume", Decimal("-0.5"), "must be at least 0"),
        ("data", "volume", "5", "must be a number"),
        ("data", "volume", 2**63, "number out of range"),
        ("data", "volumeUnit", "TB", "unknown unit 'TB'"),
        ("tv", "viewingTime", Decimal("1.5"), "must be a whole number"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(service: str, name: str, value: Any, message: str):
    with pytest.raises(Refusal) as caught:
        read(DEMO.specifications[service], _record(service, {name: value}))
    refused = caught.value.refused
    assert (refused.kind, refused.field) == ("invalid", f"usageCharacteristic.{name}")
    assert message in refused.message


def test_a_quantity_beyond_what_can_be_counted_is_refused():
    with pytest.raises(Refusal, match=r"usageCharacteristic\.volume: amount out of range"):
        read(DEMO.specifications["data"], _record("data", {"volume": 2**60, "volumeUnit": "GB"}))


@pytest.mark.parametrize(
    ("characteristics", "field"),
    [
        (None, "usageCharacteristic"),
        ({"name": "duration", "value": 1}, "usageCharacteristic"),
        (["duration"], "usageCharacteristic"),
        ([{"value": 1}], "usageCharacteristic"),
        ([{"name": ["duration"], "value": 1}], "usageCharacteristic"),
        ([*_record("voice", {}), {"name": "duration", "value": 61}], "usageCharacteristic.duration"),
        ([], "usageCharacteristic.originatingPhoneNumber"),
    ],
)
def test_what_is_no_list_of_characteristics_is_refused(characteristics: Any, field: str):
    with pytest.raises(Refusal) as caught:
        read(DEMO.specifications["voice"], characteristics)
    assert caught.value.refused.field == field


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text("0189+abs -:TZ٤²", max_size=25)
    | st.sampled_from(["+49151", "s"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)


names = sorted({name for specification in DEMO.specifications.values() for name in specification.characteristics})


@given(st.sampled_from(sorted(BASE)), st.dictionaries(st.sampled_from(names), values, max_size=3))
def test_whatever_a_record_holds_is_read_or_refused(service: str, changed: dict[str, Any]):
    specification = DEMO.specifications[service]
    field, event = None, None
    try:
        event = read(specification, _record(service, changed))
    except Refusal as refusal:
        field = refusal.refused.field
    if event is None:
        assert (field or "").removeprefix("usageCharacteristic.") in specification.characteristics
    else:
        assert event.quantity >= 0
        assert event.number.isdigit()
