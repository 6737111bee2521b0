"""TMF635 Product Usage Management v5.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import (
    Characteristic,
    Entity,
    EntityRef,
    Extensible,
    Instant,
    Money,
    Quantity,
    RelatedPartyRefOrPartyRoleRef,
    Text,
    Uri,
    Whole,
)
from oxl.kernel.shapes import EXTENSION, Facts, Form

UsageStatus = Annotated[
    Literal["initialized", "rejected", "validated", "rated", "corrected", "superseded", "notRated", "failed"],
    Meta(title="ProductUsageStatusType"),
]


class ProductRef(EntityRef):
    """A product that somebody has."""


class ProductUsageSpecificationRef(EntityRef):
    """The usage specification (TMF767) that says what a record holds."""

    version: Text = UNSET


class ProductOfferingPriceRef(EntityRef):
    """The component of a price plan that a price came from."""

    version: Text = UNSET


class ServiceUsageRef(Entity):
    """The service usage behind a product usage; its id may be missing."""

    name: Text = UNSET
    at_referred_type: Text = UNSET


class ExternalIdentifier(Extensible):
    """What the sender calls the record; by it a record is known again."""

    facts = Facts(optional=("id",), create=Form(required=("id",)))
    id: str
    owner: Text = UNSET
    externalIdentifierType: Text = UNSET


class Price(Extensible):
    """A price without tax, with tax, and the tax rate in percent."""

    dutyFreeAmount: Money | UnsetType = UNSET
    taxIncludedAmount: Money | UnsetType = UNSET
    taxRate: Decimal | UnsetType = UNSET
    percentage: Decimal | UnsetType = UNSET


class PriceAlteration(Extensible):
    """A change to a price, such as a discount."""

    facts = Facts(create=Form(required=("priceType", "price")))
    priceType: Text = UNSET
    price: Price | UnsetType = UNSET
    name: Text = UNSET
    description: Text = UNSET
    applicationDuration: Whole = UNSET
    priority: Whole = UNSET
    recurringChargePeriod: Text = UNSET
    unitOfMeasure: Text = UNSET
    productOfferingPrice: ProductOfferingPriceRef | UnsetType = UNSET


class BucketRef(EntityRef):
    """The bucket that a line was paid from."""


class ProductPrice(Extensible):
    """One line of what a usage costs. quantity, zone and bucket are OXL's extensions: what the line is made of."""

    facts = Facts(create=Form(required=("priceType", "price"), without=("quantity", "zone", "bucket")))
    name: Text = UNSET
    description: Text = UNSET
    priceType: Text = UNSET
    recurringChargePeriod: Text = UNSET
    unitOfMeasure: Text = UNSET
    productOfferingPrice: ProductOfferingPriceRef | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    priceAlteration: list[PriceAlteration] | UnsetType = UNSET
    quantity: Annotated[Quantity, EXTENSION] | UnsetType = UNSET
    zone: Annotated[str, EXTENSION] | UnsetType = UNSET
    bucket: Annotated[BucketRef, EXTENSION] | UnsetType = UNSET


class ProductUsage(Entity):
    """A record of the use of a product. statusReason is OXL's extension: why a record is in suspense."""

    facts = Facts(
        create=Form(required=("product", "usageSpecification"), without=("creationDate", "status", "statusReason")),
        update=Form(without=("creationDate", "statusReason")),
        answer=("id", "href"),
    )
    creationDate: Instant = UNSET
    lastUpdate: Instant = UNSET
    status: UsageStatus | UnsetType = UNSET
    usageType: Text = UNSET
    usageCharacteristic: list[Characteristic] | UnsetType = UNSET
    serviceUsage: list[ServiceUsageRef] | UnsetType = UNSET
    relatedParty: list[RelatedPartyRefOrPartyRoleRef] | UnsetType = UNSET
    usageProductPrice: list[ProductPrice] | UnsetType = UNSET
    product: ProductRef | UnsetType = UNSET
    usageSpecification: ProductUsageSpecificationRef | UnsetType = UNSET
    externalIdentifier: list[ExternalIdentifier] | UnsetType = UNSET
    statusReason: Annotated[str, EXTENSION] | UnsetType = UNSET


JobState = Annotated[Literal["Not Started", "Running", "Succeeded", "Failed"], Meta(title="JobStateType")]


class ExportJob(Entity):
    """A file of usage that somebody asked for.

    recordCount (so far), recordTotal, fileSize (bytes) and checksum (of the file, with its algorithm in front) are
    OXL's extensions: how far it is, and what came of it.
    """

    facts = Facts(
        create=Form(
            without=(
                "completionDate",
                "creationDate",
                "errorLog",
                "status",
                "recordCount",
                "recordTotal",
                "fileSize",
                "checksum",
            )
        ),
        answer=("id", "href"),
    )
    completionDate: Instant = UNSET
    contentType: Text = UNSET
    creationDate: Instant = UNSET
    errorLog: Text = UNSET
    path: Text = UNSET
    query: Text = UNSET
    status: JobState | UnsetType = UNSET
    url: Uri = UNSET
    recordCount: Annotated[int, EXTENSION] | UnsetType = UNSET
    recordTotal: Annotated[int, EXTENSION] | UnsetType = UNSET
    fileSize: Annotated[int, EXTENSION] | UnsetType = UNSET
    checksum: Annotated[str, EXTENSION] | UnsetType = UNSET
