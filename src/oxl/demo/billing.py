"""How the demo operator bills, and which of its month's usage was before the last billing day of its account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from oxl.engines.billing.periods import last_day, local_day, midnight
from oxl.engines.billing.policy import DunningStep, Policy, Seller
from oxl.values import BadValue, parse_instant

OPERATOR_POLICY = Policy(
    time_zone="Europe/Berlin",
    term_days=14,
    series="AM",
    seller=Seller(
        name="Aurora Mobile GmbH",
        street="Polarlichtallee 1",
        city="Berlin",
        postal_code="10115",
        country="DE",
        tax_number="DE999999999",
        iban="DE02120300000000202051",
        bic="BYLADEM1001",
        register="HRB 123456 B, Berlin",
        phone="+49 30 555 0100",
        email="hello@aurora.example",
        web="aurora.example",
        language="de",
    ),
    dunning=(
        DunningStep(name="Reminder", after_days=7),
        DunningStep(name="Second reminder", after_days=21, fee="5.00"),
    ),
)


def split(
    subscribers: Iterable[dict[str, Any]], lines: Iterable[bytes], now: datetime
) -> tuple[list[bytes], list[bytes]]:
    """The usage lines before and since the last billing day of their subscriber's account; odd ones are since."""
    zone = OPERATOR_POLICY.zone
    today = local_day(now, zone)
    cuts = {
        f"+{body['logicalResource']['value']}": midnight(last_day(body["billingAccount"]["billingDay"], today), zone)
        for body in subscribers
    }
    found: tuple[list[bytes], list[bytes]] = ([], [])
    for line in lines:
        found[not _is_before(line, cuts)].append(line)
    return found


def _is_before(line: bytes, cuts: dict[str, datetime]) -> bool:
    try:
        given = msgspec.json.decode(line)["usageCharacteristic"]
        values = {each["name"]: each.get("value") for each in given}
        return parse_instant(values.get("startDateTime")) < cuts[values["originatingPhoneNumber"]]
    except (msgspec.DecodeError, KeyError, TypeError, BadValue):
        return False
