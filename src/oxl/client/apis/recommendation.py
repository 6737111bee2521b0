"""TMF680 Recommendation Management 4.0.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, Required, TypedDict

from oxl.client.apis import Referring, Typed
from oxl.client.apis.standard4 import ChannelRef, RelatedParty
from oxl.client.operations import Kind

BASE = "/tmf-api/recommendationManagement/v4"


class AgreementItemRef(Referring, total=False):
    """A part of an agreement."""

    id: Required[str]
    href: str
    name: str
    agreementItemId: str


class BillingAccountRef(Referring, total=False):
    """Who pays."""

    id: Required[str]
    href: str
    name: str


class CategoryRef(Referring, total=False):
    """A category of the catalog."""

    id: Required[str]
    href: str
    name: str
    version: str


class Characteristic(Typed, total=False):
    """A named value."""

    name: Required[str]
    value: Required[Any]
    id: str
    valueType: str
    characteristicRelationship: list[CharacteristicRelationship]


class CharacteristicRelationship(Typed, total=False):
    """How one characteristic stands to another."""

    id: str
    relationshipType: str


class ItemRef(Referring, total=False):
    """An item of an order or a cart."""

    entityHref: str
    entityId: str
    itemId: str
    name: str


class Money(TypedDict, total=False):
    """An amount of money; unit is the ISO 4217 code."""

    unit: str
    value: Decimal


class Price(Typed, total=False):
    """An amount with its tax."""

    percentage: Decimal
    taxRate: Decimal
    dutyFreeAmount: Money
    taxIncludedAmount: Money


class PriceAlteration(Typed, total=False):
    """A change of a price for some time."""

    priceType: Required[str]
    price: Required[Price]
    applicationDuration: int
    description: str
    name: str
    priority: int
    recurringChargePeriod: str
    unitOfMeasure: str
    productOfferingPrice: ProductOfferingPriceRef


class ProductOfferingPriceRef(Referring, total=False):
    """A price of what is sold."""

    id: Required[str]
    href: str
    name: str


class ProductOfferingRef(Referring, total=False):
    """What is sold."""

    id: Required[str]
    href: str
    name: str


class ProductOrderRef(Referring, total=False):
    """An order."""

    id: Required[str]
    href: str
    name: str


class ProductPrice(Typed, total=False):
    """A component of what a product costs."""

    priceType: Required[str]
    price: Required[Price]
    description: str
    name: str
    recurringChargePeriod: str
    unitOfMeasure: str
    billingAccount: BillingAccountRef
    productOfferingPrice: ProductOfferingPriceRef
    productPriceAlteration: list[PriceAlteration]


class ProductRefOrValue(Referring, total=False):
    """A product, or a reference to one."""

    id: str
    href: str
    description: str
    isBundle: bool
    isCustomerVisible: bool
    name: str
    orderDate: str
    productSerialNumber: str
    startDate: str
    terminationDate: str
    agreement: list[AgreementItemRef]
    billingAccount: BillingAccountRef
    place: list[RelatedPlaceRefOrValue]
    product: list[ProductRefOrValue]
    productCharacteristic: list[Characteristic]
    productOffering: ProductOfferingRef
    productOrderItem: list[RelatedProductOrderItem]
    productPrice: list[ProductPrice]
    productRelationship: list[ProductRelationship]
    productSpecification: ProductSpecificationRef
    productTerm: list[ProductTerm]
    realizingResource: list[ResourceRef]
    realizingService: list[ServiceRef]
    relatedParty: list[RelatedParty]
    status: Literal[
        "created", "pendingActive", "cancelled", "active", "pendingTerminate", "terminated", "suspended", "aborted "
    ]


class ProductRelationship(Typed, total=False):
    """How one product stands to another."""

    relationshipType: Required[str]
    product: Required[ProductRefOrValue]


class ProductSpecificationRef(Referring, total=False):
    """What a product is made after."""

    id: Required[str]
    href: str
    name: str
    version: str
    targetProductSchema: TargetProductSchema


class ProductTerm(Typed, total=False):
    """What somebody has committed to."""

    description: str
    name: str
    duration: Quantity
    validFor: TimePeriod


class Quantity(TypedDict, total=False):
    """An amount in units."""

    amount: Decimal
    units: str


class QueryProductRecommendation(Typed, total=False):
    """A question for what to recommend, with its answer."""

    id: Required[str]
    href: Required[str]
    description: str
    instantSyncRecommendation: bool
    name: str
    recommendationType: str
    category: list[CategoryRef]
    channel: list[ChannelRef]
    place: RelatedPlaceRefOrValue
    productOrder: list[ProductOrderRef]
    productOrderItem: list[ItemRef]
    recommendationItem: list[RecommendationItem]
    relatedParty: RelatedParty
    shoppingCart: list[ShoppingCartRef]
    shoppingCartItem: list[ItemRef]
    state: Literal["accepted", "terminatedWithError", "inProgress", "done"]
    validFor: TimePeriod


class RecommendationItem(Typed, total=False):
    """One thing that is recommended; priority 1 comes first."""

    product: Required[ProductRefOrValue]
    id: str
    priority: int
    productOffering: ProductOfferingRef


class RelatedPlaceRefOrValue(Referring, total=False):
    """A place with the role it plays."""

    role: Required[str]
    id: str
    href: str
    name: str


class RelatedProductOrderItem(Referring, total=False):
    """The item of an order that a product came from."""

    orderItemId: Required[str]
    productOrderId: Required[str]
    orderItemAction: str
    productOrderHref: str
    role: str


class ResourceRef(Referring, total=False):
    """A resource that makes a product real."""

    id: Required[str]
    href: str


class ServiceRef(Referring, total=False):
    """A service that makes a product real."""

    id: Required[str]
    href: str
    name: str


class ShoppingCartRef(Referring, total=False):
    """A shopping cart."""

    id: Required[str]
    href: str


class TargetProductSchema(Typed, total=False):
    """Where the shape of a product is described."""


class TimePeriod(TypedDict, total=False):
    """From start to end; either may be open."""

    startDateTime: str
    endDateTime: str


query_product_recommendation: Kind[QueryProductRecommendation] = Kind(BASE, "queryProductRecommendation")
