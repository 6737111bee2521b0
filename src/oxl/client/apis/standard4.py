"""What documents of several APIs share: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Required

from oxl.client.apis import Referring, Typed


class BucketRef(Referring, total=False):
    """A balance."""

    id: Required[str]
    href: str
    name: str


class ChannelRef(Referring, total=False):
    """Where something was asked for."""

    id: Required[str]
    href: str
    name: str


class LogicalResourceRef(Referring, total=False):
    """A device."""

    id: Required[str]
    href: str
    name: str


class Money(Typed, total=False):
    """An amount of money; unit is the ISO 4217 code."""

    unit: str
    value: Decimal


class PartyAccountRef(Referring, total=False):
    """Who pays."""

    id: Required[str]
    href: str
    name: str
    description: str
    status: str


class PaymentMethodRef(Referring, total=False):
    """How something is paid for."""

    id: Required[str]
    href: str
    name: str


class ProductRef(Referring, total=False):
    """A product that somebody has."""

    id: Required[str]
    href: str
    name: str


class Quantity(Typed, total=False):
    """An amount in units; a missing amount is an error, never the document's default of 1."""

    amount: Decimal
    units: str


class RelatedParty(Referring, total=False):
    """A party with the role it plays."""

    id: Required[str]
    href: str
    name: str
    role: str


class TimePeriod(Typed, total=False):
    """From start to end; either may be open."""

    startDateTime: str
    endDateTime: str
