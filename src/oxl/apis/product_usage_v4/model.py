"""TMF635 Usage Management v4.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import Flag, Instant, Text, Uri, Whole
from oxl.apis.standard4 import Extensible
from oxl.kernel.shapes import EXTENSION, Facts, Form

UsageStatus = Annotated[
    Literal["received", "rejected", "recycled", "guided", "rated", "rerated", "billed"], Meta(title="UsageStatusType")
]
Value = Annotated[Any, Meta(title="Any")]
Base64 = Annotated[str, Meta(extra_json_schema={"type": "string", "format": "base64"})] | UnsetType


class _Entity(Extensible):
    id: Text = UNSET
    href: Uri = UNSET


class _Ref(Extensible):
    id: str
    href: Uri = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class Money(_Entity):
    """An amount of money; unit is the ISO 4217 code."""

    unit: Text = UNSET
    value: Decimal | UnsetType = UNSET


class Quantity(msgspec.Struct, kw_only=True):
    """An amount in units."""

    amount: Decimal | UnsetType = UNSET
    units: Text = UNSET


class TimePeriod(_Entity):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class RelatedParty(_Ref):
    """A party with the role it plays."""

    facts = Facts(required=("@referredType",), filled=(("@referredType", "Party"),))
    role: Text = UNSET


class ProductRef(_Ref):
    """A product that somebody has."""


class UsageSpecificationRef(_Ref):
    """The specification that says what a record holds."""


class ConstraintRef(_Ref):
    """A constraint of a specification."""

    version: Text = UNSET


class AssociationSpecificationRef(_Ref):
    """What kind of relation it is."""


class CharacteristicRelationship(_Entity):
    """How one characteristic stands to another."""

    relationshipType: Text = UNSET


class UsageCharacteristic(Extensible):
    """A named value of a record."""

    name: str
    value: Value
    id: Text = UNSET
    valueType: Text = UNSET
    characteristicRelationship: list[CharacteristicRelationship] | UnsetType = UNSET


class RatedProductUsage(Extensible):
    """One line of what a usage costs."""

    isBilled: Flag = UNSET
    isTaxExempt: Flag = UNSET
    offerTariffType: Text = UNSET
    ratingAmountType: Text = UNSET
    ratingDate: Instant = UNSET
    taxRate: Decimal | UnsetType = UNSET
    usageRatingTag: Text = UNSET
    bucketValueConvertedInAmount: Money | UnsetType = UNSET
    productRef: ProductRef | UnsetType = UNSET
    taxExcludedRatingAmount: Money | UnsetType = UNSET
    taxIncludedRatingAmount: Money | UnsetType = UNSET


class Usage(_Entity):
    """A record of the use of a product. statusReason is OXL's extension: why a record is in suspense."""

    facts = Facts(
        create=Form(without=("id", "href", "statusReason")), update=Form(without=("id", "href", "statusReason"))
    )
    description: Text = UNSET
    usageDate: Instant = UNSET
    usageType: Text = UNSET
    ratedProductUsage: list[RatedProductUsage] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    status: UsageStatus | UnsetType = UNSET
    usageCharacteristic: list[UsageCharacteristic] | UnsetType = UNSET
    usageSpecification: UsageSpecificationRef | UnsetType = UNSET
    statusReason: Annotated[str, EXTENSION] | UnsetType = UNSET


class AttachmentRefOrValue(_Entity):
    """A document that belongs to a specification."""

    attachmentType: Text = UNSET
    content: Base64 = UNSET
    description: Text = UNSET
    mimeType: Text = UNSET
    name: Text = UNSET
    url: Uri = UNSET
    size: Quantity | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    at_referred_type: Text = UNSET


class EntitySpecificationRelationship(Extensible):
    """How one specification stands to another."""

    relationshipType: str
    id: Text = UNSET
    href: Uri = UNSET
    name: Text = UNSET
    role: Text = UNSET
    associationSpec: AssociationSpecificationRef | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    at_referred_type: Text = UNSET


class CharacteristicSpecificationRelationship(_Entity):
    """How one characteristic of a specification stands to another."""

    characteristicSpecificationId: Text = UNSET
    name: Text = UNSET
    parentSpecificationHref: Uri = UNSET
    parentSpecificationId: Text = UNSET
    relationshipType: Text = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class CharacteristicValueSpecification(Extensible):
    """A value that a characteristic may have."""

    isDefault: Flag = UNSET
    rangeInterval: Text = UNSET
    regex: Text = UNSET
    unitOfMeasure: Text = UNSET
    valueFrom: Whole = UNSET
    valueTo: Whole = UNSET
    valueType: Text = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    value: Value = UNSET


class CharacteristicSpecification(Extensible):
    """A characteristic that records of a specification have."""

    id: Text = UNSET
    configurable: Flag = UNSET
    description: Text = UNSET
    extensible: Flag = UNSET
    isUnique: Flag = UNSET
    maxCardinality: Whole = UNSET
    minCardinality: Whole = UNSET
    name: Text = UNSET
    regex: Text = UNSET
    valueType: Text = UNSET
    at_value: Text = msgspec.field(name="@valueSchemaLocation", default=UNSET)
    charSpecRelationship: list[CharacteristicSpecificationRelationship] | UnsetType = UNSET
    characteristicValueSpecification: list[CharacteristicValueSpecification] | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class TargetEntitySchema(msgspec.Struct, kw_only=True, rename={"at_type": "@type", "at_location": "@schemaLocation"}):
    """The schema of what a specification describes."""

    at_type: str
    at_location: str


class Event(msgspec.Struct, kw_only=True):
    """What surrounds the resource of every event. The document has fieldPath in some of them only."""

    correlationId: Text = UNSET
    domain: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    priority: Text = UNSET
    timeOcurred: Instant = UNSET
    eventId: Text = UNSET
    eventTime: Instant = UNSET
    eventType: Text = UNSET
    fieldPath: Annotated[str, EXTENSION] | UnsetType = UNSET


class UsageSpecification(_Entity):
    """What a record of a kind must tell."""

    facts = Facts(create=Form(without=("id", "href")), update=Form(without=("id", "href")))
    description: Text = UNSET
    isBundle: Flag = UNSET
    lastUpdate: Instant = UNSET
    lifecycleStatus: Text = UNSET
    name: Text = UNSET
    version: Text = UNSET
    attachment: list[AttachmentRefOrValue] | UnsetType = UNSET
    constraint: list[ConstraintRef] | UnsetType = UNSET
    entitySpecRelationship: list[EntitySpecificationRelationship] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    specCharacteristic: list[CharacteristicSpecification] | UnsetType = UNSET
    targetEntitySchema: TargetEntitySchema | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
