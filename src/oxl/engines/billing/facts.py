"""What the documents of a bill say, gathered once and kept: the same facts give the same bytes, whenever and wherever.

Money is micros. Days are local and inclusive. Nothing here depends on ids that another run would make anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from oxl.engines.billing.policy import Seller

FEES, USAGE, ONCE, CREDITS, PENALTIES = "fees", "usage", "once", "credits", "penalties"
_SECTIONS = {
    "recurringCharge": FEES,
    "usageCharge": USAGE,
    "oneTimeCharge": ONCE,
    "productAlteration": CREDITS,
    "rebate": CREDITS,
    "discount": CREDITS,
    "lateFee": PENALTIES,
}
_CODE, _LONGEST = 2, 200  # letters of a country's code; characters of what a party says
SECTIONS = (FEES, USAGE, ONCE, CREDITS, PENALTIES)  # in the order in which they are read


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays."""

    name: str
    account: str
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the bill, with the product that it is of: 0 for the account, else its place among `products` from 1."""

    rate_type: str
    name: str
    product: int
    unit: str | None
    quantity: int | None
    events: int | None
    of_days: int | None
    first: date
    last: date
    tax_category: str
    tax_rate: int  # ten-thousandths of a percent
    tax_included: bool
    shown: int  # what the price comes to, with tax where that is included
    net: int
    tax: int

    @property
    def section(self) -> str:
        """Where the line is read."""
        return _SECTIONS.get(self.rate_type, ONCE)


class Product(msgspec.Struct, frozen=True):
    """Whose lines stand together: the number of a device, and its plan in the operator's words."""

    number: str
    plan: str


class Tax(msgspec.Struct, frozen=True):
    """A row of the tax table."""

    category: str
    rate: int
    base: int
    tax: int


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """Why lines of a tax category have no tax though others would: exempt (E), or the customer owes it (AE)."""

    category: str
    reason: str
    reason_code: str = ""  # of the list VATEX
    certificate: str = ""
    tax_number: str = ""  # the customer's


class Used(msgspec.Struct, frozen=True):
    """What was used of a unit on each day of the period, from its first."""

    unit: str
    days: tuple[int, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the documents of a bill say."""

    number: str | None
    category: str
    of_number: str | None = None  # of a credit note: the bill that it takes back
    draft: bool = False  # not issued, so that nobody takes it for a bill
    language: str
    currency: str
    issued: date
    due_day: date
    first: date
    last: date
    seller: Seller
    buyer: Buyer
    products: tuple[Product, ...] = ()
    lines: tuple[Line, ...] = ()
    taxes: tuple[Tax, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    used: tuple[Used, ...] = ()
    net: int
    tax: int
    rounding: int
    carried: int
    owed: int
    due: int

    @property
    def shown_with_tax(self) -> bool:
        """Whether every line's price includes tax: amounts are then told as the customer was shown them."""
        return all(line.tax_included for line in self.lines)

    def amount(self, line: Line) -> int:
        """What a line is told as: with tax where every line is, else without."""
        return line.shown if self.shown_with_tax else line.net

    def sections(self) -> list[tuple[str, int]]:
        """The sections that have lines, with what they come to."""
        found = [(name, [line for line in self.lines if line.section == name]) for name in SECTIONS]
        return [(name, self.total(lines)) for name, lines in found if lines]

    def total(self, lines: Iterable[Line]) -> int:
        """What some lines come to, as they are told."""
        return sum(self.amount(line) for line in lines)


def buyer_of(party: dict[str, Any], name: str, account: str, country: str) -> Buyer:
    """Who pays, from a party as TM Forum has it: the first postal address among its contact media, if it has one."""
    media = party.get("contactMedium")
    found = [each for each in media if isinstance(each, dict)] if isinstance(media, list) else []
    inner = [(each.get("characteristic"), each) for each in found]
    flat = [characteristic if isinstance(characteristic, dict) else each for characteristic, each in inner]
    post: dict[str, Any] = next((each for each in flat if "street1" in each or "city" in each), {})
    street = " ".join(filter(None, (_text(post, "street1"), _text(post, "street2"))))
    stated = _text(post, "country").upper()
    return Buyer(
        name=name,
        account=account,
        street=street,
        city=_text(post, "city"),
        postal_code=_text(post, "postCode"),
        country=stated if len(stated) == _CODE and stated.isalpha() else country,
    )


def language_of(party: dict[str, Any]) -> str:
    """The language that a party reads, the favourite first; empty where it has not said."""
    spoken = party.get("languageAbility")
    found = [each for each in spoken if isinstance(each, dict)] if isinstance(spoken, list) else []
    ranked = sorted(found, key=lambda each: each.get("isFavouriteLanguage") is not True)
    return _text(ranked[0], "languageCode") if ranked else ""


def _text(doc: dict[str, Any], name: str) -> str:
    value = doc.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""
