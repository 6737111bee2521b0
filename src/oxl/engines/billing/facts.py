"""What the documents of a bill say, gathered once and kept: the same facts give the same bytes, whenever and wherever.

Money is micros. Days are local and inclusive. Nothing here depends on ids that another run would make anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

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
