"""TMF680 Recommendation Management v4.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import Flag, Instant, Text, Whole
from oxl.apis.standard4 import ChannelRef, Entity, Extensible, Ref, RelatedParty
from oxl.kernel.shapes import Facts, Form

TaskState = Annotated[Literal["accepted", "terminatedWithError", "inProgress", "done"], Meta(title="TaskStateType")]
ProductStatus = Annotated[
    Literal[
        "created", "pendingActive", "cancelled", "active", "pendingTerminate", "terminated", "suspended", "aborted "
    ],
    Meta(title="ProductStatusType"),
]  # fmt: skip
Value = Annotated[Any, Meta(title="Any")]


class Event(msgspec.Struct, kw_only=True):
    """What surrounds the resource of every event; timeOcurred is the document's spelling."""

    id: Text = UNSET
    href: Text = UNSET
    correlationId: Text = UNSET
    domain: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    priority: Text = UNSET
    timeOcurred: Instant = UNSET
    eventId: Text = UNSET
    eventTime: Instant = UNSET
    eventType: Text = UNSET


class _NamelessRef(Extensible):
    id: str
    href: Text = UNSET
    at_referred_type: Text = UNSET


class Money(msgspec.Struct, kw_only=True):
    """An amount of money; unit is the ISO 4217 code."""

    unit: Text = UNSET
    value: Decimal | UnsetType = UNSET


class Quantity(msgspec.Struct, kw_only=True):
    """An amount in units."""

    amount: Decimal | UnsetType = UNSET
    units: Text = UNSET


class TimePeriod(msgspec.Struct, kw_only=True):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class CategoryRef(Ref):
    """A category of the catalog."""

    version: Text = UNSET


class ProductOfferingRef(Ref):
    """What is sold."""


class ProductOfferingPriceRef(Ref):
    """A price of what is sold."""


class ProductOrderRef(Ref):
    """An order."""


class BillingAccountRef(Ref):
    """Who pays."""


class ServiceRef(Ref):
    """A service that makes a product real."""


class ResourceRef(_NamelessRef):
    """A resource that makes a product real."""


class ShoppingCartRef(_NamelessRef):
    """A shopping cart."""


class AgreementItemRef(Ref):
    """A part of an agreement."""

    agreementItemId: Text = UNSET


class TargetProductSchema(msgspec.Struct, kw_only=True, rename={
    "at_type": "@type", "at_base_type": "@baseType", "at_schema_location": "@schemaLocation"}):  # fmt: skip
    """Where the shape of a product is described."""

    at_type: str
    at_base_type: Text = UNSET
    at_schema_location: str


class ProductSpecificationRef(Ref):
    """What a product is made after."""

    version: Text = UNSET
    targetProductSchema: TargetProductSchema | UnsetType = UNSET


class ItemRef(Extensible):
    """An item of an order or a cart."""

    entityHref: Text = UNSET
    entityId: Text = UNSET
    itemId: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class RelatedPlaceRefOrValue(Extensible):
    """A place with the role it plays."""

    role: str
    id: Text = UNSET
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class RelatedProductOrderItem(Extensible):
    """The item of an order that a product came from."""

    orderItemId: str
    productOrderId: str
    orderItemAction: Text = UNSET
    productOrderHref: Text = UNSET
    role: Text = UNSET
    at_referred_type: Text = UNSET


class CharacteristicRelationship(Extensible):
    """How one characteristic stands to another."""

    id: Text = UNSET
    relationshipType: Text = UNSET


class Characteristic(Extensible):
    """A named value."""

    name: str
    value: Value
    id: Text = UNSET
    valueType: Text = UNSET
    characteristicRelationship: list[CharacteristicRelationship] | UnsetType = UNSET


class Price(Extensible):
    """An amount with its tax."""

    percentage: Decimal | UnsetType = UNSET
    taxRate: Decimal | UnsetType = UNSET
    dutyFreeAmount: Money | UnsetType = UNSET
    taxIncludedAmount: Money | UnsetType = UNSET


class PriceAlteration(Extensible):
    """A change of a price for some time."""

    priceType: str
    price: Price
    applicationDuration: Whole = UNSET
    description: Text = UNSET
    name: Text = UNSET
    priority: Whole = UNSET
    recurringChargePeriod: Text = UNSET
    unitOfMeasure: Text = UNSET
    productOfferingPrice: ProductOfferingPriceRef | UnsetType = UNSET


class ProductPrice(Extensible):
    """A component of what a product costs."""

    priceType: str
    price: Price
    description: Text = UNSET
    name: Text = UNSET
    recurringChargePeriod: Text = UNSET
    unitOfMeasure: Text = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    productOfferingPrice: ProductOfferingPriceRef | UnsetType = UNSET
    productPriceAlteration: list[PriceAlteration] | UnsetType = UNSET


class ProductTerm(Extensible):
    """What somebody has committed to."""

    description: Text = UNSET
    name: Text = UNSET
    duration: Quantity | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class ProductRelationship(Extensible):
    """How one product stands to another."""

    relationshipType: str
    product: ProductRefOrValue


class ProductRefOrValue(Entity):
    """A product, or a reference to one."""

    description: Text = UNSET
    isBundle: Flag = UNSET
    isCustomerVisible: Flag = UNSET
    name: Text = UNSET
    orderDate: Instant = UNSET
    productSerialNumber: Text = UNSET
    startDate: Instant = UNSET
    terminationDate: Instant = UNSET
    agreement: list[AgreementItemRef] | UnsetType = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    place: list[RelatedPlaceRefOrValue] | UnsetType = UNSET
    product: list[ProductRefOrValue] | UnsetType = UNSET
    productCharacteristic: list[Characteristic] | UnsetType = UNSET
    productOffering: ProductOfferingRef | UnsetType = UNSET
    productOrderItem: list[RelatedProductOrderItem] | UnsetType = UNSET
    productPrice: list[ProductPrice] | UnsetType = UNSET
    productRelationship: list[ProductRelationship] | UnsetType = UNSET
    productSpecification: ProductSpecificationRef | UnsetType = UNSET
    productTerm: list[ProductTerm] | UnsetType = UNSET
    realizingResource: list[ResourceRef] | UnsetType = UNSET
    realizingService: list[ServiceRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    status: ProductStatus | UnsetType = UNSET
    at_referred_type: Text = UNSET


class RecommendationItem(Extensible):
    """One thing that is recommended; priority 1 comes first."""

    product: ProductRefOrValue
    id: Text = UNSET
    priority: Whole = UNSET
    productOffering: ProductOfferingRef | UnsetType = UNSET


class QueryProductRecommendation(Entity):
    """A question for what to recommend, with its answer."""

    facts = Facts(create=Form(without=("id", "href", "validFor")))
    description: Text = UNSET
    instantSyncRecommendation: Flag = UNSET
    name: Text = UNSET
    recommendationType: Text = UNSET
    category: list[CategoryRef] | UnsetType = UNSET
    channel: list[ChannelRef] | UnsetType = UNSET
    place: RelatedPlaceRefOrValue | UnsetType = UNSET
    productOrder: list[ProductOrderRef] | UnsetType = UNSET
    productOrderItem: list[ItemRef] | UnsetType = UNSET
    recommendationItem: list[RecommendationItem] | UnsetType = UNSET
    relatedParty: RelatedParty | UnsetType = UNSET
    shoppingCart: list[ShoppingCartRef] | UnsetType = UNSET
    shoppingCartItem: list[ItemRef] | UnsetType = UNSET
    state: TaskState | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
