"""OXL's operator resources as shapes: provisioning and look-ups, named as TM Forum names them where it does."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from oxl.apis.standard import (
    Entity,
    EntityRef,
    Flag,
    Instant,
    LogicalResourceRef,
    Money,
    Quantity,
    Text,
    TimePeriod,
)

AccountKind = Literal["prepaid", "postpaid"]
SubscriberStatus = Literal["active", "suspended", "terminated"]
LifecycleStatus = Literal["In study", "In design", "In test", "Rejected", "Active", "Launched", "Retired", "Obsolete"]
Number = Annotated[str, msgspec.Meta(pattern=r"^\+?[1-9][0-9]{6,14}$")]


class Party(Entity):
    """A person who is served."""

    name: Text = UNSET
    givenName: Text = UNSET
    familyName: Text = UNSET
    contactMedium: list[dict[str, Any]] | UnsetType = UNSET
    languageAbility: list[dict[str, Any]] | UnsetType = UNSET


class BillingAccount(Entity):
    """Who pays: a prepaid account has a main bucket, a postpaid one is billed."""

    externalId: Text = UNSET
    name: Text = UNSET
    kind: AccountKind | UnsetType = UNSET
    currency: Text = UNSET
    billingDay: Annotated[int, msgspec.Meta(ge=1, le=28)] | UnsetType = UNSET
    relatedParty: list[EntityRef] | UnsetType = UNSET


class DeviceNumber(Entity):
    """A device, by the number it is reached at: digits of E.164."""

    value: Number | UnsetType = UNSET
    status: SubscriberStatus | UnsetType = UNSET
    product: EntityRef | UnsetType = UNSET
    billingAccount: EntityRef | UnsetType = UNSET


class Product(Entity):
    """Something an account has: its subscription, or a pack bought to it."""

    externalId: Text = UNSET
    status: SubscriberStatus | UnsetType = UNSET
    productOffering: EntityRef | UnsetType = UNSET
    pricePlan: EntityRef | UnsetType = UNSET
    billingAccount: EntityRef | UnsetType = UNSET
    logicalResource: LogicalResourceRef | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class Subscriber(Entity):
    """One line with everything that belongs to it; its id is that of its subscription's product."""

    externalId: Text = UNSET
    status: SubscriberStatus | UnsetType = UNSET
    name: Text = UNSET
    party: Party | UnsetType = UNSET
    billingAccount: BillingAccount | UnsetType = UNSET
    logicalResource: DeviceNumber | UnsetType = UNSET
    productOffering: EntityRef | UnsetType = UNSET
    addOn: list[EntityRef] | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class SubscriberChange(Entity):
    """A change of a subscriber: of plan, or its suspension, resumption or leave with its number."""

    subscriber: EntityRef | UnsetType = UNSET
    action: Literal["changePlan", "suspend", "resume", "portOut"] | UnsetType = UNSET
    productOffering: EntityRef | UnsetType = UNSET
    effectiveDate: Instant = UNSET


class OfferingRelationship(Entity):
    """How an offering stands to another."""

    relationshipType: Literal["requires", "excludes", "upgradeOf"] | UnsetType = UNSET
    name: Text = UNSET


class ProductOffering(Entity):
    """What is sold. Where it names no channel, place or segment, it is for all of them; margin is a share of 1."""

    externalId: Text = UNSET
    name: Text = UNSET
    description: Text = UNSET
    category: list[EntityRef] | UnsetType = UNSET
    channel: list[EntityRef] | UnsetType = UNSET
    place: list[EntityRef] | UnsetType = UNSET
    marketSegment: list[EntityRef] | UnsetType = UNSET
    lifecycleStatus: LifecycleStatus | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    isBundle: Flag = UNSET
    isSellable: Flag = UNSET
    bundledProductOffering: list[EntityRef] | UnsetType = UNSET
    productOfferingRelationship: list[OfferingRelationship] | UnsetType = UNSET
    productSpecification: EntityRef | UnsetType = UNSET
    pricePlan: EntityRef | UnsetType = UNSET
    deviceCount: Annotated[int, msgspec.Meta(ge=0, le=1000)] | UnsetType = UNSET
    margin: Decimal | UnsetType = UNSET
    repeatable: Flag = UNSET
    minimumAge: Annotated[int, msgspec.Meta(ge=0, le=150)] | UnsetType = UNSET


class RecommendationItemRef(Entity):
    """An item of an answer to a queryProductRecommendation."""

    id: str  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]


class RecommendationAcceptance(Entity):
    """A recommended item that was ordered, and the product that it became."""

    recommendationItem: RecommendationItemRef | UnsetType = UNSET
    productOffering: EntityRef | UnsetType = UNSET
    product: EntityRef | UnsetType = UNSET
    relatedParty: EntityRef | UnsetType = UNSET
    acceptanceDate: Instant = UNSET


class RecommendationExposure(Entity):
    """An offering that was shown in an answer, and what came of it; taken: bought within a week, in whatever way."""

    queryProductRecommendation: EntityRef | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    relatedParty: EntityRef | UnsetType = UNSET
    productOffering: EntityRef | UnsetType = UNSET
    logicalResource: EntityRef | UnsetType = UNSET
    segment: Text = UNSET
    variant: Text = UNSET
    source: Text = UNSET
    score: Decimal | UnsetType = UNSET
    isExplored: Flag = UNSET
    exposureDate: Instant = UNSET
    takenDate: Instant = UNSET
    acceptanceDate: Instant = UNSET
    product: EntityRef | UnsetType = UNSET


class RecommendationTakeUp(Entity):
    """How often offerings of one source and place were shown, taken and accepted in the last thirty days."""

    source: Text = UNSET
    priority: int | UnsetType = UNSET
    shown: int | UnsetType = UNSET
    taken: int | UnsetType = UNSET
    accepted: int | UnsetType = UNSET
    takeUp: Decimal | UnsetType = UNSET


class RecommendationConsent(Entity):
    """Whether a party wants recommendations; without a word of theirs they get them."""

    relatedParty: EntityRef | UnsetType = UNSET
    consent: Literal["given", "denied"] | UnsetType = UNSET
    lastUpdate: Instant = UNSET


class RecommendationModel(Entity):
    """A trained model: active, retired by a later one, or refused because it found less. Figures in millionths."""

    version: int | UnsetType = UNSET
    status: Literal["active", "retired", "refused"] | UnsetType = UNSET
    statusReason: Text = UNSET
    creationDate: Instant = UNSET
    metrics: dict[str, Any] | UnsetType = UNSET


class CharacteristicValueSpecification(msgspec.Struct):
    """What a characteristic may hold: a number from a least one on, one of several units, a default."""

    value: Text = UNSET
    isDefault: Flag = UNSET
    valueFrom: Text = UNSET
    unitOfMeasure: Text = UNSET


class CharacteristicSpecification(msgspec.Struct):
    """A characteristic that records of a kind of usage carry; it is required where at least one is."""

    name: str
    valueType: Literal["string", "integer", "number", "date-time"]
    description: Text = UNSET
    minCardinality: Annotated[int, msgspec.Meta(ge=0, le=1)] | UnsetType = UNSET
    maxCardinality: Annotated[int, msgspec.Meta(ge=1, le=1)] | UnsetType = UNSET
    characteristicValueSpecification: list[CharacteristicValueSpecification] | UnsetType = UNSET


class UsageSpecification(Entity):
    """A kind of usage: what its records hold, and which characteristic plays which part in rating.

    Of OXL are: code, which becomes the id; service, that plans price; countryCode, of numbers in national form; and
    role, the names of the characteristics that are number, destination, start, quantity, quantityUnit, visited,
    reservation and version of a record.
    """

    code: Text = UNSET
    name: Text = UNSET
    description: Text = UNSET
    version: Text = UNSET
    service: Text = UNSET
    countryCode: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,2}$")] | UnsetType = UNSET
    role: dict[str, str] | UnsetType = UNSET
    specCharacteristic: list[CharacteristicSpecification] | UnsetType = UNSET


class RatedLine(msgspec.Struct):
    """One line of what a usage cost: included in a bucket, or charged."""

    name: str
    kind: str
    zone: str
    quantity: Quantity
    dutyFreeAmount: Money
    taxIncludedAmount: Money


class UsageHistory(Entity):
    """One change of a usage: from which state to which, by way of which, who did it, when and why."""

    usage: EntityRef | UnsetType = UNSET
    sequence: int | UnsetType = UNSET
    previousStatus: Text = UNSET
    status: Text = UNSET
    via: Text = UNSET
    reason: Text = UNSET
    actor: Text = UNSET
    reference: Text = UNSET
    date: Instant = UNSET
    pricePlan: EntityRef | UnsetType = UNSET
    charge: Money | UnsetType = UNSET
    line: list[RatedLine] | UnsetType = UNSET


class UsageJob(Entity):
    """Work over all usages that fit everything that is given: try those in suspense again, or rate again.

    planVersion is the version that prices, whatever the dates say. acceptLate charges also what came too late.
    """

    kind: Literal["retry", "rerate"] | UnsetType = UNSET
    usageSpecification: EntityRef | UnsetType = UNSET
    product: EntityRef | UnsetType = UNSET
    billingAccount: EntityRef | UnsetType = UNSET
    pricePlan: EntityRef | UnsetType = UNSET
    statusReason: Text = UNSET
    period: TimePeriod | UnsetType = UNSET
    planVersion: Annotated[int, msgspec.Meta(ge=1)] | UnsetType = UNSET
    acceptLate: Flag = UNSET
    state: Text = UNSET
    total: int | UnsetType = UNSET
    outcome: dict[str, int] | UnsetType = UNSET
    creationDate: Instant = UNSET
    lastUpdate: Instant = UNSET


class RatingStep(msgspec.Struct):
    """One step of a rating: what was looked at or counted, and the money that it adds, where it does."""

    name: str
    text: str
    amount: Text = UNSET


class RatingExplanation(Entity):
    """A rating told step by step: of a stored usage, or of a record as a price plan would rate it."""

    usage: EntityRef | UnsetType = UNSET
    record: dict[str, Any] | UnsetType = UNSET
    pricePlan: EntityRef | UnsetType = UNSET
    planVersion: Annotated[int, msgspec.Meta(ge=1)] | UnsetType = UNSET
    creationDate: Instant = UNSET
    step: list[RatingStep] | UnsetType = UNSET


class PlanAllowance(Entity):
    """What a plan grants each period."""

    name: Text = UNSET
    amount: Quantity | UnsetType = UNSET
    isShared: Flag = UNSET


class PlanPrice(Entity):
    """A component of a plan."""

    name: Text = UNSET
    priceType: Text = UNSET
    unitOfMeasure: Text = UNSET
    price: Money | UnsetType = UNSET


class PricePlan(Entity):
    """One version of a price plan; its id is plan.version."""

    name: Text = UNSET
    description: Text = UNSET
    version: int | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    kind: Text = UNSET
    currency: Text = UNSET
    taxIncluded: Flag = UNSET
    allowance: list[PlanAllowance] | UnsetType = UNSET
    productOfferingPrice: list[PlanPrice] | UnsetType = UNSET


class UsageImport(Entity):
    """One import of a usage file: how many records came to what."""

    file: Text = UNSET
    creationDate: Instant = UNSET
    completionDate: Instant = UNSET
    outcome: dict[str, int] | UnsetType = UNSET
    reason: dict[str, int] | UnsetType = UNSET


class EventRecord(Entity):
    """An event as the outbox keeps it, with the resource as it then looked."""

    eventType: Text = UNSET
    eventTime: Instant = UNSET
    api: Text = UNSET
    resource: Text = UNSET
    resourceId: Text = UNSET
    changed: list[str] | UnsetType = UNSET
    event: dict[str, Any] | UnsetType = UNSET


class HubListener(Entity):
    """Who is told of an API's events, how far it has come, and how it answers."""

    api: Text = UNSET
    callback: Text = UNSET
    query: Text = UNSET
    status: Literal["active", "failing", "unreachable", "ended"] | UnsetType = UNSET
    creationDate: Instant = UNSET
    endDate: Instant = UNSET
    endReason: Text = UNSET
    position: Text = UNSET
    failures: int | UnsetType = UNSET
    failingSince: Instant = UNSET
    nextProbe: Instant = UNSET
    waiting: int | UnsetType = UNSET
    dead: int | UnsetType = UNSET


class EventDelivery(Entity):
    """One try to deliver an event, and how it ended; duration in milliseconds."""

    hubListener: EntityRef | UnsetType = UNSET
    eventId: Text = UNSET
    eventType: Text = UNSET
    resource: Text = UNSET
    resourceId: Text = UNSET
    deliveryDate: Instant = UNSET
    attempt: int | UnsetType = UNSET
    outcome: Literal["delivered", "failed", "dead", "gone"] | UnsetType = UNSET
    httpStatus: int | UnsetType = UNSET
    reason: Text = UNSET
    duration: int | UnsetType = UNSET


class DeadLetter(Entity):
    """An event that was given up for a subscription; it can be sent again."""

    hubListener: EntityRef | UnsetType = UNSET
    eventId: Text = UNSET
    resource: Text = UNSET
    resourceId: Text = UNSET
    attempts: int | UnsetType = UNSET
    firstFailure: Instant = UNSET
    deadSince: Instant = UNSET
    httpStatus: int | UnsetType = UNSET
    reason: Text = UNSET


class LedgerInvariant(msgspec.Struct, kw_only=True):
    """Something that must always be true of the ledger: how many were looked at, how many break it, and where."""

    id: Text = UNSET
    name: Text = UNSET
    of: Text = UNSET
    checked: int | UnsetType = UNSET
    faults: int | UnsetType = UNSET
    place: list[str] | UnsetType = UNSET


class LedgerTotal(msgspec.Struct, kw_only=True):
    """What stands on the ledger in one unit, in its atoms."""

    units: Text = UNSET
    buckets: int | UnsetType = UNSET
    credited: int | UnsetType = UNSET
    used: int | UnsetType = UNSET
    debited: int | UnsetType = UNSET
    reserved: int | UnsetType = UNSET
    remaining: int | UnsetType = UNSET


class LedgerProof(Entity):
    """Every invariant of the ledger, held against the live database in one snapshot."""

    status: Literal["holds", "broken"] | UnsetType = UNSET
    creationDate: Instant = UNSET
    invariant: list[LedgerInvariant] | UnsetType = UNSET
    total: list[LedgerTotal] | UnsetType = UNSET
