"""Usage specifications: which characteristics a usage record carries, and the reading of a record by them.

The first thing that happens to a usage record: `read` turns its characteristics into a `UsageEvent`, the one form in
which guiding and rating know usage, or refuses it naming the characteristic at fault. A specification is prepared when
the catalog is loaded, so that reading a record is one look-up for each characteristic.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from oxl.engines.catalog.plan import PACE
from oxl.values import MAX_ATOMS, BadValue, parse_instant, to_atoms, to_decimal
from oxl.verbs import invalid

LONGEST_EVENT = timedelta(days=366)  # a longer one is a fault of the switch; it also bounds the walk through windows
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_SEPARATORS = str.maketrans("", "", " -./()")


class UsageEvent(NamedTuple):
    """One use of a service, as guiding and rating know it."""

    service: str
    number: str  # who used it: digits of E.164 without +
    destination: str  # whom it went to, likewise; "" where the service has none
    visited: str  # MCC and MNC of the network it took place in; "" for the home network
    start: datetime  # UTC
    quantity: int  # atoms
    unit: str  # ledger unit
    reservation: str = ""  # id of the balance reservation that already holds its price
    version: int = 0  # of the record: a higher one under the same external identifier supersedes


class Characteristic(msgspec.Struct, frozen=True):
    """One declared characteristic; `convert` takes its value from a record or raises BadValue."""

    name: str
    value_type: str
    required: bool
    minimum: Decimal | None
    units: tuple[str, ...]
    default: Any
    convert: Callable[[Any], Any]
    description: str = ""


class Roles(msgspec.Struct, frozen=True):
    """Which characteristic plays which part in an event; "" for a part that has none."""

    number: str
    destination: str
    start: str
    quantity: str
    quantity_unit: str  # "" where all records count in one unit
    visited: str
    reservation: str
    version: str


class Specification(msgspec.Struct, frozen=True):
    """A usage specification, prepared for reading."""

    id: str
    name: str
    description: str
    service: str
    version: str
    country_code: str  # put before numbers that are written in the national form
    characteristics: dict[str, Characteristic]
    roles: Roles
    unit: str  # ledger unit
    unit_codes: dict[str, int]  # atoms in one of each allowed unit
    fixed_unit: str  # the unit of all quantities, where no characteristic says it
    required: tuple[str, ...]
    defaults: dict[str, Any]
    digest: bytes  # of all that it says: what is read by one of the same, in whatever process, is read by this one


def read(specification: Specification, characteristics: Any) -> UsageEvent:
    """The event that a record's characteristics tell of, or a Refusal naming the one that is wrong."""
    declared = specification.characteristics
    values: dict[str, Any] = {}
    name = ""
    if not isinstance(characteristics, list):
        raise invalid("usageCharacteristic", "must be a list")
    try:
        for item in characteristics:
            name = item.get("name") if isinstance(item, dict) else None
            if not isinstance(name, str):
                raise invalid("usageCharacteristic", "every characteristic must be an object with a name")
            characteristic = declared.get(name)
            if characteristic is None or item.get("value") is None:
                continue
            if name in values:
                raise BadValue("is given twice")
            values[name] = characteristic.convert(item["value"])
        for name in specification.required:
            if name not in values:
                raise BadValue("is missing")
        values = {**specification.defaults, **values}
        roles = specification.roles
        get = values.get
        name = roles.quantity
        quantity = _quantity(specification, get(name, 0), get(roles.quantity_unit, specification.fixed_unit))
        name = roles.start
        start = values[name]
        if not _EARLIEST <= start < _LATEST:
            raise BadValue(f"{start.year} is out of range")
        name = roles.number
        number = _number(values[name], specification.country_code)
        name = roles.destination
        destination = _number(get(name, ""), specification.country_code)
        name = roles.visited
        visited = _network(get(name, ""))
    except BadValue as error:
        raise invalid(f"usageCharacteristic.{name}", str(error)) from None
    service, unit = specification.service, specification.unit
    reservation, version = get(roles.reservation, ""), get(roles.version, 0)
    return UsageEvent(service, number, destination, visited, start, quantity, unit, reservation, version)


def _quantity(specification: Specification, value: Any, code: str) -> int:
    factor = specification.unit_codes.get(code)
    if factor is None:
        raise BadValue(f"unknown unit {code[:40]!r}; known are {', '.join(specification.unit_codes)}")
    if value < 0:
        raise BadValue("must not be negative")
    quantity = value * factor if type(value) is int else to_atoms(value, code)[1]
    if quantity > MAX_ATOMS:
        raise BadValue("amount out of range")
    pace = PACE.get(specification.unit)
    if pace and quantity * pace > LONGEST_EVENT.total_seconds():
        raise BadValue(f"no event lasts more than {LONGEST_EVENT.days} days")
    return quantity


def _number(text: str, country_code: str) -> str:
    """Digits of E.164 from a written number: +49…, 0049…, or 0… where the country is known; short codes as they are."""
    digits = text if text.isdigit() else text.translate(_SEPARATORS)
    if digits.startswith("+"):
        digits = digits[1:]
    elif digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = country_code and country_code + digits[1:]
    if text and not (digits.isdigit() and digits.isascii() and len(digits) <= 15):
        raise BadValue(f"not a number of up to 15 digits: {text[:40]!r}")
    return digits


def _network(text: str) -> str:
    if text and not (text.isdigit() and text.isascii() and 3 <= len(text) <= 6):
        raise BadValue(f"must be the digits of a country code and network code (MCC and MNC), not {text[:40]!r}")
    return text


# ── the value types of characteristics ──


def a_string(value: Any) -> str:
    """Text, as it stands."""
    if not isinstance(value, str):
        raise BadValue("must be a string")
    return value


def a_whole_number(value: Any) -> int:
    """A number without a fraction, as int."""
    if type(value) is int:
        if abs(value) > MAX_ATOMS:
            raise BadValue("number out of range")
        return value
    number = a_number(value)
    if number != number.to_integral_value():
        raise BadValue(f"must be a whole number, not {value}")
    return int(number)


def a_number(value: Any) -> Decimal:
    """Any number, as Decimal."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise BadValue("must be a number")
    return to_decimal(value)


VALUE_TYPES: dict[str, Callable[[Any], Any]] = {
    "string": a_string,
    "integer": a_whole_number,
    "number": a_number,
    "date-time": parse_instant,
}
