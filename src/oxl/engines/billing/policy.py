"""How an operator bills: terms, numbers, what is held back, what follows when nobody pays. Every verb reads it."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec


class Seller(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who sends the bills, as documents show it."""

    name: str = "OXL operator"
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = "DE"
    tax_number: str = ""
    iban: str = ""
    bic: str = ""
    register: str = ""  # where the company is registered, and under which number
    phone: str = ""
    email: str = ""
    web: str = ""
    language: str = "en"  # of documents for customers who have not said which they read
    color: str = "#0b5cad"  # in which documents are set


EXEMPT = ("E", "AE")  # the standard's categories of an account that need not pay tax: exempt, reverse charge


class DunningStep(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happens so many days after a bill was due: a reminder, with a fee on the next bill where there is one; the
    account's lines are suspended until the bill is paid where it says so.
    """

    name: str
    after_days: int
    fee: str = "0"  # currency units, without tax
    suspend: bool = False


class Policy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The billing policy of a tenant, with its defaults."""

    time_zone: str = "Europe/Berlin"  # in which billing days begin
    starts: date | None = None  # nothing is charged for days before it: they were billed elsewhere
    term_days: int = 14  # from the bill's date until payment is due
    series: str = "R"  # numbers are <series><year>-<number>
    auto_validate: bool = True  # else bills stay new until somebody looks at them
    hold_above: int = 5  # times the median of the last three bills: more is held for somebody to look at
    penalty_tax_category: str = "O"
    dunning: tuple[DunningStep, ...] = ()
    seller: Seller = Seller()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which billing days begin."""
        return ZoneInfo(self.time_zone)


def policy_from(text: str | bytes) -> Policy:
    """The policy that a JSON text describes; ValueError says what is wrong with it."""
    try:
        policy = msgspec.json.decode(text, type=Policy)
        ZoneInfo(policy.time_zone)
    except (msgspec.ValidationError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"billing policy: {error}") from None
    days = [step.after_days for step in policy.dunning]
    if days != sorted(set(days)) or any(each < 1 for each in days):
        raise ValueError("billing policy: dunning: afterDays must rise from 1 on")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", policy.seller.color):
        raise ValueError("billing policy: seller.color is # and six hexadecimal digits")
    if not 0 <= policy.term_days <= 365 or policy.hold_above < 1:
        raise ValueError("billing policy: termDays is 0 to 365, holdAbove at least 1")
    return policy
