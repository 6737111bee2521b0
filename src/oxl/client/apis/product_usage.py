"""TMF635 Product Usage Management 5.0.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Required

from oxl.client.apis import Referring, Typed
from oxl.client.apis.standard import Characteristic, Money, Quantity, RelatedPartyRefOrPartyRoleRef
from oxl.client.operations import Kind

BASE = "/tmf-api/productUsageManagement/v5"


class BucketRef(Referring, total=False):
    """The bucket that a line was paid from."""

    id: Required[str]
    href: str
    name: str


class ExportJob(Typed, total=False):
    """A file of usage that somebody asked for."""

    id: Required[str]
    href: Required[str]
    completionDate: str
    contentType: str
    creationDate: str
    errorLog: str
    path: str
    query: str
    status: Literal["Not Started", "Running", "Succeeded", "Failed"]
    url: str
    recordCount: int
    recordTotal: int
    fileSize: int
    checksum: str


class ExternalIdentifier(Typed, total=False):
    """What the sender calls the record; by it a record is known again."""

    id: str
    owner: str
    externalIdentifierType: str


class Price(Typed, total=False):
    """A price without tax, with tax, and the tax rate in percent."""

    dutyFreeAmount: Money
    taxIncludedAmount: Money
    taxRate: Decimal
    percentage: Decimal


class PriceAlteration(Typed, total=False):
    """A change to a price, such as a discount."""

    priceType: str
    price: Price
    name: str
    description: str
    applicationDuration: int
    priority: int
    recurringChargePeriod: str
    unitOfMeasure: str
    productOfferingPrice: ProductOfferingPriceRef


class ProductOfferingPriceRef(Referring, total=False):
    """The component of a price plan that a price came from."""

    id: Required[str]
    href: str
    name: str
    version: str


class ProductPrice(Typed, total=False):
    """One line of what a usage costs. quantity, zone and bucket are OXL's extensions: what the line is made of."""

    name: str
    description: str
    priceType: str
    recurringChargePeriod: str
    unitOfMeasure: str
    productOfferingPrice: ProductOfferingPriceRef
    price: Price
    priceAlteration: list[PriceAlteration]
    quantity: Quantity
    zone: str
    bucket: BucketRef


class ProductRef(Referring, total=False):
    """A product that somebody has."""

    id: Required[str]
    href: str
    name: str


class ProductUsage(Typed, total=False):
    """A record of the use of a product. statusReason is OXL's extension: why a record is in suspense."""

    id: Required[str]
    href: Required[str]
    creationDate: str
    lastUpdate: str
    status: Literal["initialized", "rejected", "validated", "rated", "corrected", "superseded", "notRated", "failed"]
    usageType: str
    usageCharacteristic: list[Characteristic]
    serviceUsage: list[ServiceUsageRef]
    relatedParty: list[RelatedPartyRefOrPartyRoleRef]
    usageProductPrice: list[ProductPrice]
    product: ProductRef
    usageSpecification: ProductUsageSpecificationRef
    externalIdentifier: list[ExternalIdentifier]
    statusReason: str


class ProductUsageSpecificationRef(Referring, total=False):
    """The usage specification (TMF767) that says what a record holds."""

    id: Required[str]
    href: str
    name: str
    version: str


class ServiceUsageRef(Referring, total=False):
    """The service usage behind a product usage; its id may be missing."""

    id: str
    href: str
    name: str


product_usage: Kind[ProductUsage] = Kind(BASE, "productUsage")
export_job: Kind[ExportJob] = Kind(BASE, "exportJob")
