"""Shapes that several of the standard's version 4 documents share. There, schemas are flat and @type may be left out.

The counterpart of standard.py, in whose classes of the same names the version 5 documents differ.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import UNSET

from oxl.apis.standard import Instant, Text, Uri
from oxl.kernel.declare import Api, Resource
from oxl.kernel.shapes import Facts


class _Extensible(
    msgspec.Struct,
    kw_only=True,
    rename={"at_type": "@type", "at_base_type": "@baseType", "at_schema_location": "@schemaLocation",
            "at_referred_type": "@referredType"},
):  # fmt: skip
    at_type: Text = UNSET
    at_base_type: Text = UNSET
    at_schema_location: Uri = UNSET


class _Entity(_Extensible):
    id: Text = UNSET
    href: Text = UNSET


class _Ref(_Extensible):
    id: str
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


Extensible, Entity, Ref = _Extensible, _Entity, _Ref  # bases of shapes, and no schemas of their own


class Quantity(_Extensible):
    """An amount in units; a missing amount is an error, never the document's default of 1."""

    facts = Facts(optional=("amount",))
    amount: Decimal
    units: Text = UNSET


class Money(_Extensible):
    """An amount of money; unit is the ISO 4217 code."""

    facts = Facts(optional=("unit", "value"))
    unit: str
    value: Decimal


class TimePeriod(_Extensible):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class RelatedParty(_Ref):
    """A party with the role it plays."""

    facts = Facts(required=("@referredType",), filled=(("@referredType", "Party"),))
    role: Text = UNSET


class LogicalResourceRef(_Ref):
    """A device."""


class PartyAccountRef(_Ref):
    """Who pays."""

    description: Text = UNSET
    status: Text = UNSET


class ProductRef(_Ref):
    """A product that somebody has."""


class ChannelRef(_Ref):
    """Where something was asked for."""


class BucketRef(_Ref):
    """A balance."""


class PaymentMethodRef(_Ref):
    """How something is paid for."""


class Event(msgspec.Struct, kw_only=True):
    """What surrounds the resource of every event; timeOcurred is the document's spelling."""

    correlationId: Text = UNSET
    domain: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    priority: Text = UNSET
    timeOcurred: Instant = UNSET
    eventId: Text = UNSET
    eventTime: Instant = UNSET
    eventType: Text = UNSET


def newer(api: Api, name: str) -> dict[str, Resource]:
    """A resource of version 5 as a face of the one of version 4 that stands for it."""
    return {api.name: next(each for each in api.resources if each.name == name)}
