"""Shapes that several of the standard's version 5 documents share: references, quantities, periods, characteristics.

They are facts of the documents in our own words, each class named as its schema is; each API's model.py builds its
resources from them. Those of the version 4 documents are in standard4.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from oxl.kernel.declare import Resource
from oxl.kernel.shapes import Facts, Form
from oxl.values import BadValue, parse_instant
from oxl.verbs import invalid

Text = str | UnsetType
Flag = bool | UnsetType
Whole = int | UnsetType
Instant = Annotated[datetime, msgspec.Meta(tz=True)] | UnsetType
Uri = Annotated[str, msgspec.Meta(extra_json_schema={"type": "string", "format": "uri"})] | UnsetType
Number = Annotated[Decimal, msgspec.Meta(extra_json_schema={"type": "number"})]


class _Annotations(
    msgspec.Struct,
    kw_only=True,
    rename={"at_type": "@type", "at_base_type": "@baseType", "at_schema_location": "@schemaLocation",
            "at_referred_type": "@referredType"},
):  # fmt: skip
    at_type: Text = UNSET
    at_base_type: Text = UNSET
    at_schema_location: Text = UNSET


Annotations = _Annotations  # for shapes of which the document does not ask a class; no schema of its own


class Extensible(_Annotations):
    """What every object may carry: its class, the class it extends, and where the extension is described."""

    facts = Facts(required=("@type",), abstract=True)


class Addressable(msgspec.Struct, kw_only=True):
    """What has an identity and an address."""

    facts = Facts(abstract=True)
    href: Text = UNSET
    id: Text = UNSET


class Entity(Extensible):
    """A resource: what has an identity and an address."""

    facts = Facts(abstract=True, also=(Extensible, Addressable))
    id: Text = UNSET
    href: Text = UNSET


class EntityRef(Extensible):
    """A reference to a resource, here or elsewhere."""

    facts = Facts(abstract=True, also=(Extensible, Addressable), filled=(("@type", "EntityRef"),))
    id: str
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


Ref = EntityRef


class Quantity(msgspec.Struct, kw_only=True):
    """An amount in units; a missing amount is an error, never the document's default of 1."""

    facts = Facts(optional=("amount",))
    amount: Decimal
    units: Text = UNSET


class Money(msgspec.Struct, kw_only=True):
    """An amount of money; unit is the ISO 4217 code."""

    facts = Facts(optional=("unit", "value"))
    unit: str
    value: Decimal


class TimePeriod(msgspec.Struct, kw_only=True):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class CharacteristicRelationship(Extensible):
    """How one characteristic stands to another."""

    facts = Facts(create=Form(required=("id", "relationshipType")))
    id: Text = UNSET
    relationshipType: Text = UNSET


class Characteristic(Extensible):
    """A named value; what it must be is said by its class, and by a specification."""

    facts = Facts(optional=("name",), create=Form(required=("name",)))
    name: str
    id: Text = UNSET
    valueType: Text = UNSET
    characteristicRelationship: list[CharacteristicRelationship] | UnsetType = UNSET


def _characteristic(name: str, kind: Any) -> type[msgspec.Struct]:
    facts = Facts(create=Form(required=("value",)))
    words = {"__doc__": "A characteristic whose value is of the kind that its name says.", "facts": facts}
    fields = [("value", kind | UnsetType, UNSET)]
    return msgspec.defstruct(name, fields, bases=(Characteristic,), kw_only=True, module=__name__, namespace=words)


_VALUES: dict[str, Any] = {
    "Boolean": bool, "Float": Decimal, "Integer": int, "Number": Number, "Object": dict[str, Any], "String": str,
}  # fmt: skip
CHARACTERISTICS = tuple(
    _characteristic(f"{name}{many}Characteristic", list[kind] if many else kind)
    for name, kind in _VALUES.items()
    for many in ("", "Array")
)


class PartyRef(EntityRef):
    """A party."""

    at_type: Literal["PartyRef"] | UnsetType = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]


class PartyRoleRef(EntityRef):
    """A role of a party; partyId and partyName are the party's."""

    at_type: Literal["PartyRoleRef"] | UnsetType = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]
    partyId: Text = UNSET
    partyName: Text = UNSET


class PartyRefOrPartyRoleRef(EntityRef):
    """A party, or a role of one."""

    facts = Facts(one_of=(PartyRef, PartyRoleRef))
    at_type: Literal["PartyRef", "PartyRoleRef"] | UnsetType = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]
    partyId: Text = UNSET
    partyName: Text = UNSET


class RelatedPartyRefOrPartyRoleRef(Extensible):
    """A party with the role it plays."""

    facts = Facts(create=Form(required=("role",)))
    role: Text = UNSET
    partyOrPartyRole: PartyRefOrPartyRoleRef | UnsetType = UNSET


class LogicalResourceRef(EntityRef):
    """A device, by its id and its number; where only the number is known, it stands for the id."""

    facts = Facts(required=("id",), copied=(("id", "value"),))
    id: Text = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]
    value: Text = UNSET


class Event(Extensible):
    """What surrounds the resource of every event."""

    facts = Facts(abstract=True)
    id: Text = UNSET
    href: Text = UNSET
    correlationId: Text = UNSET
    domain: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    priority: Text = UNSET
    timeOccurred: Instant = UNSET
    source: EntityRef | UnsetType = UNSET
    reportingSystem: EntityRef | UnsetType = UNSET
    relatedParty: list[RelatedPartyRefOrPartyRoleRef] | UnsetType = UNSET
    analyticCharacteristic: list[Characteristic] | UnsetType = UNSET
    eventId: Text = UNSET
    eventTime: Instant = UNSET
    eventType: Text = UNSET
    event: dict[str, Any] | UnsetType = UNSET


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


def face(name: str, view: str, events: Mapping[str, str], state: str = "") -> Resource:
    """What a resource is in another version of its API: as much of it as its events are told by."""
    shape = msgspec.Struct  # nothing is read by it
    return Resource(name=name, type=name[:1].upper() + name[1:], shape=shape, view=view, state=state, events=events)
