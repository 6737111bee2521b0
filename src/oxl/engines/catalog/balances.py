"""The rules of balance actions as an operator writes them in `balances.yaml`: holds, costs, limits, locks, thresholds.

The file may be left out, and so may anything in it: what is not written is as the defaults here say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from oxl.engines.catalog.document import Field, Listing, Page, Record, amount, currency, unit_code, whole
from oxl.engines.catalog.offering import percent
from oxl.values import MICROS, BadValue, divide_half_up, to_atoms, usage_type

_QUANTA = MappingProxyType({"monetary": 1_000_000, "data": 100_000_000, "voice": 300, "sms": 1, "other": 1})


class Limit(msgspec.Struct, frozen=True):
    """How many atoms of a unit a bucket may give away in one transfer, and on one day (UTC); None: no limit."""

    each: int | None = None
    day: int | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of balance actions; quantities are atoms of the ledger unit, money is micros."""

    hold: timedelta = timedelta(minutes=15)  # how long a reservation lasts that does not say
    quantum: Mapping[str, int] = _QUANTA  # by usageType: what a reservation without an amount is granted at most
    grace: timedelta = timedelta(days=90)  # how long after its end a top-up revives a main bucket
    settle: timedelta = timedelta(days=60)  # how long what expired may still pay for usage that is reported late
    cost_flat: int = 0  # of a transfer, in `cost_currency`
    cost_percent: Decimal = Decimal(0)  # of the money that is transferred
    cost_least: int = 0
    cost_most: int | None = None
    cost_currency: str = "EUR"
    limits: Mapping[str, Limit] = MappingProxyType({})  # by ledger unit
    voucher_attempts: int = 5  # wrong codes of an account in a row, until it is locked
    voucher_lock: timedelta = timedelta(hours=1)
    retries: int = 3  # of one period of a recurring action
    retry_after: timedelta = timedelta(days=1)
    skips: int = 3  # periods in a row that may fail, until a recurring action is given up
    thresholds: tuple[int, ...] = (50, 80, 90, 100)  # percent used of what an allowance was credited

    def cost_of(self, unit: str, atoms: int) -> tuple[str, int]:
        """(currency, micros) that a transfer of so many atoms costs; of units that are no money only the flat part."""
        money = usage_type(unit) == "monetary"
        flat = self.cost_flat if not money or unit == self.cost_currency else 0
        scaled = int(self.cost_percent * MICROS) if money else 0
        cost = max(flat + divide_half_up(atoms * scaled, 100 * MICROS), self.cost_least if flat or scaled else 0)
        most = cost if self.cost_most is None else self.cost_most
        return (unit if money else self.cost_currency), min(cost, most)


POLICY = Policy()


def _share(text: str) -> Decimal:
    found = percent(text)
    if found != round(found, 6):
        raise BadValue("has more than six decimals")
    return found


_LIMIT = Record({"unit": Field(unit_code), "each": Field(amount, None), "day": Field(amount, None)})
_COST = Record(
    {
        "currency": Field(currency),
        "flat": Field(amount, Decimal(0)),
        "percent": Field(_share, Decimal(0)),
        "minimum": Field(amount, Decimal(0)),
        "maximum": Field(amount, None),
    }
)
_QUANTUM = Record({"unit": Field(unit_code), "amount": Field(amount)})
BALANCES = Record(
    {
        "reservation": Field(
            Record({"minutes": Field(whole(1, 44_640), None), "quantum": Field(Listing(_QUANTUM), ())}), {}
        ),
        "transfer": Field(Record({"cost": Field(_COST, None), "limits": Field(Listing(_LIMIT), ())}), {}),
        "voucher": Field(
            Record({"attempts": Field(whole(1, 1000), None), "lockMinutes": Field(whole(1, 44_640), None)}), {}
        ),
        "settleDays": Field(whole(0, 3660), None),
        "thresholds": Field(Listing(whole(1, 100)), None),
    }
)


def policy_of(page: Page, values: dict[str, Any]) -> Policy:
    """The policy that the document describes; what it cannot mean is told on the page."""
    held, moved, voucher = values["reservation"], values["transfer"], values["voucher"]
    found: dict[str, Any] = {}

    def atoms(where: str, value: Decimal | None, code: str) -> int | None:
        try:
            return None if value is None else to_atoms(value, code)[1]
        except BadValue as error:
            page.wrong(where, str(error))
            return None

    quanta = dict(_QUANTA)
    for n, each in enumerate(held.get("quantum") or ()):
        unit = to_atoms(0, each["unit"])[0]
        quanta[usage_type(unit)] = atoms(f"reservation.quantum[{n}]", each["amount"], each["unit"]) or 0
    limits = {}
    for n, each in enumerate(moved.get("limits") or ()):
        where = f"transfer.limits[{n}]"
        pair = [atoms(f"{where}.{name}", each[name], each["unit"]) for name in ("each", "day")]
        limits[to_atoms(0, each["unit"])[0]] = Limit(*pair)
    if cost := moved.get("cost"):
        found["cost_percent"], found["cost_currency"] = cost["percent"], cost["currency"]
        for name, field in (("flat", "cost_flat"), ("minimum", "cost_least"), ("maximum", "cost_most")):
            found[field] = atoms(f"transfer.cost.{name}", cost[name], cost["currency"])
    spans = (
        ("hold", held.get("minutes"), "minutes"),
        ("voucher_lock", voucher.get("lockMinutes"), "minutes"),
        ("settle", values["settleDays"], "days"),
    )
    found |= {name: timedelta(**{unit: value}) for name, value, unit in spans if value is not None}
    if voucher.get("attempts") is not None:
        found["voucher_attempts"] = voucher["attempts"]
    if values["thresholds"] is not None:
        found["thresholds"] = tuple(sorted(set(values["thresholds"])))
    return Policy(quantum=quanta, limits=limits, **found)
