"""What documents of several APIs share: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Required, TypedDict

from oxl.client.apis import Referring, Typed


class Characteristic(Typed, total=False):
    """A named value; what it must be is said by its class, and by a specification."""

    name: str
    id: str
    valueType: str
    characteristicRelationship: list[CharacteristicRelationship]
    value: (
        bool
        | list[bool]
        | Decimal
        | list[Decimal]
        | int
        | list[int]
        | dict[str, Any]
        | list[dict[str, Any]]
        | str
        | list[str]
    )


class CharacteristicRelationship(Typed, total=False):
    """How one characteristic stands to another."""

    id: str
    relationshipType: str


class EntityRef(Referring, total=False):
    """A reference to a resource, here or elsewhere."""

    id: Required[str]
    href: str
    name: str


class LogicalResourceRef(Referring, total=False):
    """A device, by its id and its number; where only the number is known, it stands for the id."""

    id: str
    href: str
    name: str
    value: str


class Money(TypedDict, total=False):
    """An amount of money; unit is the ISO 4217 code."""

    unit: str
    value: Decimal


class PartyRefOrPartyRoleRef(Referring, total=False):
    """A party, or a role of one."""

    id: Required[str]
    href: str
    name: str
    partyId: str
    partyName: str


class Quantity(TypedDict, total=False):
    """An amount in units; a missing amount is an error, never the document's default of 1."""

    amount: Decimal
    units: str


class RelatedPartyRefOrPartyRoleRef(Typed, total=False):
    """A party with the role it plays."""

    role: str
    partyOrPartyRole: PartyRefOrPartyRoleRef


class TimePeriod(TypedDict, total=False):
    """From start to end; either may be open."""

    startDateTime: str
    endDateTime: str
