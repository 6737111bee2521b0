"""TMF635 Product Usage Management v5.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import UNSET, UnsetType

from oxl.apis.standard import (
    Characteristic,
    Entity,
    Extensible,
    Instant,
    Money,
    Quantity,
    Ref,
    RelatedPartyV5,
    Text,
)

UsageStatus = Literal[
    "initialized", "rejected", "validated", "rated", "corrected", "superseded", "notRated", "failed"
]  # fmt: skip


class UsageSpecificationRef(Ref):
    """The usage specification (TMF767) that says what a record holds."""

    version: Text = UNSET


class ProductOfferingPriceRef(Ref):
    """The component of a price plan that a price came from."""

    version: Text = UNSET


class ServiceUsageRef(Entity):
    """The service usage behind a product usage; its id may be missing."""

    name: Text = UNSET
    at_referred_type: Text = UNSET


class ExternalIdentifier(Extensible):
    """What the sender calls the record; by it a record is known again."""

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

    priceType: Text = UNSET
    price: Price | UnsetType = UNSET
    name: Text = UNSET
    description: Text = UNSET
    applicationDuration: int | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    recurringChargePeriod: Text = UNSET
    unitOfMeasure: Text = UNSET
    productOfferingPrice: ProductOfferingPriceRef | UnsetType = UNSET


class ProductPrice(Extensible):
    """One line of what a usage costs. quantity, zone and bucket are OXL's extensions: what the line is made of."""

    name: Text = UNSET
    description: Text = UNSET
    priceType: Text = UNSET
    recurringChargePeriod: Text = UNSET
    unitOfMeasure: Text = UNSET
    productOfferingPrice: ProductOfferingPriceRef | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    priceAlteration: list[PriceAlteration] | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    zone: Text = UNSET
    bucket: Ref | UnsetType = UNSET


class ProductUsage(Entity):
    """A record of the use of a product. statusReason is OXL's extension: why a record is in suspense."""

    creationDate: Instant = UNSET
    lastUpdate: Instant = UNSET
    status: UsageStatus | UnsetType = UNSET
    usageType: Text = UNSET
    usageCharacteristic: list[Characteristic] | UnsetType = UNSET
    serviceUsage: list[ServiceUsageRef] | UnsetType = UNSET
    relatedParty: list[RelatedPartyV5] | UnsetType = UNSET
    usageProductPrice: list[ProductPrice] | UnsetType = UNSET
    product: Ref | UnsetType = UNSET
    usageSpecification: UsageSpecificationRef | UnsetType = UNSET
    externalIdentifier: list[ExternalIdentifier] | UnsetType = UNSET
    statusReason: Text = UNSET
