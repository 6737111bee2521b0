"""Values every hall shares: quantities as integer atoms, money as micros, instants in UTC, ids that carry their time.

Nothing here does I/O. The scale of a unit is fixed for ever: stored atoms cannot be rescaled.
"""

from __future__ import annotations

import os
import re
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

MICROS = 1_000_000  # one currency unit, in ledger atoms
MAX_ATOMS = 2**63 - 1  # a stored quantity is a bigint
_CURRENCIES = frozenset(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP"
    " CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF"
    " IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD"
    " MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB"
    " RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU"
    " UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG".split()
)


class Unit(NamedTuple):
    """What one API unit is in the ledger: its ledger unit, and how many atoms one of it holds."""

    ledger: str
    atoms: int


# The API's unit codes; each money code of ISO 4217 is its own ledger unit (see unit_of).
UNITS: dict[str, Unit] = {
    **dict.fromkeys(("byte", "bytes", "B"), Unit("byte", 1)),
    **dict.fromkeys(("kB", "KB"), Unit("byte", 10**3)),
    **dict.fromkeys(("MB", "Mo"), Unit("byte", 10**6)),
    **dict.fromkeys(("GB", "Go"), Unit("byte", 10**9)),
    "TB": Unit("byte", 10**12),
    "KiB": Unit("byte", 2**10),
    "MiB": Unit("byte", 2**20),
    "GiB": Unit("byte", 2**30),
    **dict.fromkeys(("s", "sec", "second", "seconds"), Unit("second", 1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), Unit("second", 60)),
    **dict.fromkeys(("h", "hour", "hours"), Unit("second", 3600)),
    **dict.fromkeys(("sms", "message", "messages"), Unit("message", 1)),
    "mms": Unit("mms", 1),
    "points": Unit("points", 1),
    "tv-minute": Unit("tv-minute", 1),
    "tv-hour": Unit("tv-minute", 60),
}
USAGE_TYPES = {
    "byte": "data",
    "second": "voice",
    "message": "sms",
}  # ledger unit → TMF654 usageType; else see usage_type


_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)"
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*:"
    rf"(?://(?:(?:(?!@){_PCHAR})*@)?{_HOST}(?::[0-9]*)?(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*|)"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
)


class BadValue(ValueError):  # noqa: N818 – named for what it says
    """A value that cannot be taken as what it should be; the text says why, in the client's terms."""


def unit_of(code: Any) -> Unit:
    """The ledger unit behind an API unit code; BadValue when no such unit is known."""
    if isinstance(code, str):
        if code in _CURRENCIES:
            return Unit(code, MICROS)
        if code in UNITS:
            return UNITS[code]
    raise BadValue(f"unknown unit {code!r}")


def usage_type(ledger_unit: str) -> str:
    """The TMF654 usageType of a ledger unit: monetary, data, voice, sms or other."""
    return "monetary" if ledger_unit in _CURRENCIES else USAGE_TYPES.get(ledger_unit, "other")


def to_decimal(value: Any) -> Decimal:
    """A JSON number as Decimal, bounded before any arithmetic so that no huge exponent is ever expanded."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise BadValue(f"expected a number, got {value!r}" if len(repr(value)) < 80 else "expected a number")
    if isinstance(value, int):
        if abs(value) > MAX_ATOMS:
            raise BadValue("number out of range")
        return Decimal(value)
    return bounded_decimal(str(value))


_NUMBER = re.compile(r"-?\d{1,38}(\.\d{1,38})?([eE][+-]?\d{1,2})?")


def bounded_decimal(text: str) -> Decimal:
    """A decimal from text of at most 38 digits a side and an exponent within ±18; BadValue otherwise."""
    if len(text) <= 90 and _NUMBER.fullmatch(text):
        number = Decimal(text)
        if not number or -19 <= number.adjusted() <= 18:
            return number
    raise BadValue(f"number out of range: {text[:40]}")


def to_atoms(amount: Any, code: Any) -> tuple[str, int]:
    """(ledger unit, atoms) of an API quantity; BadValue when the amount is no whole number of atoms."""
    unit = unit_of(code)
    scaled = to_decimal(amount) * unit.atoms
    if scaled != scaled.to_integral_value():
        raise BadValue(f"{amount} {code} is finer than the smallest unit OXL counts")
    if abs(scaled) > MAX_ATOMS:
        raise BadValue("amount out of range")
    return unit.ledger, int(scaled)


def from_atoms(atoms: int, code: str) -> int | Decimal:
    """Atoms as an amount in API unit `code`: an int where whole, else an exact or 6-decimal Decimal."""
    factor = unit_of(code).atoms
    whole, rest = divmod(atoms, factor)
    if not rest:
        return whole
    exact = Decimal(atoms) / Decimal(factor)
    return exact if exact * factor == atoms else exact.quantize(Decimal("0.000001"))


def divide_half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero: the one rounding rule for money (domain rule, HALF_UP)."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    quotient, rest = divmod(abs(numerator), abs(denominator))
    return sign * (quotient + (2 * rest >= abs(denominator)))


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)")


def parse_instant(text: Any) -> datetime:
    """An RFC 3339 date-time with its offset, as UTC; BadValue otherwise. Finer than a microsecond is cut."""
    if isinstance(text, str) and _INSTANT.fullmatch(text):
        try:
            if len(text) == 20 and text[19] == "Z":
                return datetime.fromisoformat(text)
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise BadValue(f"not an RFC 3339 date-time with offset: {str(text)[:40]!r}")


def instant_text(at: datetime) -> str:
    """UTC `Z` text to the millisecond, the one way OXL shows an instant."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def add_months(anchor: datetime, months: int) -> datetime:
    """`anchor` moved by whole months, its day clamped to the month's end (31 Jan → 28 Feb → 31 Mar)."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    first_after = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=anchor.tzinfo)
    last_day = (first_after - timedelta(days=1)).day
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last_day))


class _Ids:
    """UUIDv7 text, ascending within a process also while its clock stands still or steps back by under a second.

    Ids of one instant ascend whatever is asked for in between: a transaction goes by the instant at which it began, and
    the clock of one tenant may stand while those of others go on.
    """

    _REMEMBERED = 10_000  # instants
    _DRAWN = 4096  # random bytes that are asked of the system at a time; one id takes eight

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._random: Iterator[int] = iter(())
        os.register_at_fork(after_in_child=self._draw)
        self._last = 0
        self._given: dict[int, int] = {}  # the last of each instant, those longest unused first

    def _draw(self) -> None:
        self._random = iter(struct.unpack(f"{self._DRAWN // 8}Q", os.urandom(self._DRAWN)))

    def new(self, at: datetime) -> str:
        instant = stamp = int(at.timestamp() * 1000) << 12
        with self._lock:
            stamp = self._given.pop(instant, stamp - 1) + 1
            if 0 <= self._last - stamp < 1000 << 12:
                stamp = self._last + 1
            self._last = self._given[instant] = stamp
            if len(self._given) > self._REMEMBERED:
                del self._given[next(iter(self._given))]
            random = next(self._random, None)
            if random is None:
                self._draw()
                random = next(self._random)
        bits = (stamp >> 12 << 80) | (7 << 76) | ((stamp & 0xFFF) << 64) | (2 << 62) | random >> 2
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


new_id = _Ids().new


def id_floor(at: datetime) -> str:
    """The least id that `new_id` can give at `at`: the border between two partitions keyed by id."""
    text = f"{int(at.timestamp() * 1000):012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-000000000000"


def is_uri(text: str) -> bool:
    """Whether the text is an absolute address as RFC 3986 writes it: with a scheme, nothing unescaped."""
    return bool(_URI.fullmatch(text))
