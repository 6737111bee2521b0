"""Shapes that several of the standard's documents share: references, quantities, periods, characteristics.

They are facts of the documents in our own words; each API's model.py builds its resources from them. Attributes that a
document marks as required only for its own resources are required by the declaration, not here, so that one shape
serves bodies, answers and the published contract.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from oxl.values import BadValue, parse_instant
from oxl.verbs import invalid

Text = str | UnsetType
Flag = bool | UnsetType
Instant = Annotated[datetime, msgspec.Meta(tz=True)] | UnsetType


class Extensible(
    msgspec.Struct,
    kw_only=True,
    rename={"at_type": "@type", "at_base_type": "@baseType", "at_schema_location": "@schemaLocation",
            "at_referred_type": "@referredType"},
):  # fmt: skip
    """What every object may carry: its class, the class it extends, and where the extension is described."""

    at_type: Text = UNSET
    at_base_type: Text = UNSET
    at_schema_location: Text = UNSET


class Entity(Extensible):
    """A resource: what has an identity and an address."""

    id: Text = UNSET
    href: Text = UNSET


class Ref(Extensible):
    """A reference to a resource, here or elsewhere."""

    id: str
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class Quantity(Extensible):
    """An amount in units; a missing amount is an error, never the document's default of 1."""

    amount: Decimal
    units: Text = UNSET


class Money(Extensible):
    """An amount of money; unit is the ISO 4217 code."""

    unit: str
    value: Decimal


class TimePeriod(Extensible):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class Characteristic(Extensible):
    """A named value; what it must be is said by a specification."""

    name: str
    value: Any = UNSET
    id: Text = UNSET
    valueType: Text = UNSET


class PartyRef(Ref):
    """A party, or a role of one; partyId and partyName belong to the role."""

    partyId: Text = UNSET
    partyName: Text = UNSET


class RelatedPartyV5(Extensible):
    """A party with the role it plays, in the form of the version 5 documents."""

    role: Text = UNSET
    partyOrPartyRole: PartyRef | UnsetType = UNSET


class RelatedPartyV4(Ref):
    """A party with the role it plays, in the flat form of the version 4 documents."""

    role: Text = UNSET


class LogicalResourceRef(Extensible):
    """A device's number; the id may be left out where the number itself is known."""

    id: Text = UNSET
    href: Text = UNSET
    name: Text = UNSET
    value: Text = UNSET
    at_referred_type: Text = UNSET


def instant_in(body: dict[str, Any], *names: str) -> datetime | None:
    """The instant at a path of a checked body, None where there is none; Refusal when it is out of range."""
    value: Any = body
    for name in names:
        value = value.get(name)
        if value is None:
            return None
    try:
        return parse_instant(value)
    except BadValue as error:
        raise invalid(".".join(names), str(error)) from None
