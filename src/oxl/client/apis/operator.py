"""OXL operator endpoints 1.0.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, Required, TypedDict

from oxl.client.apis import Typed
from oxl.client.apis.standard import EntityRef, LogicalResourceRef, Money, Quantity, TimePeriod
from oxl.client.operations import Kind

BASE = "/oxl/v1"


class AuditRecord(Typed, total=False):
    """Who did what to which resource, and what came of it. It never changes; `oxl audit verify` proves that."""

    id: Required[str]
    href: Required[str]
    caller: str
    operation: str
    resourceId: str
    outcome: str
    traceId: str
    creationDate: str


class BillingAccount(Typed, total=False):
    """Who pays: a prepaid account has a main bucket, a postpaid one is billed."""

    id: Required[str]
    href: Required[str]
    externalId: str
    name: str
    kind: Literal["prepaid", "postpaid"]
    currency: str
    billingDay: int
    relatedParty: list[EntityRef]


class CatalogCheck(Typed, total=False):
    """Catalog files, held against the rules as if they were published beside those that are."""

    id: Required[str]
    href: Required[str]
    status: Literal["good", "faulty"]
    creationDate: str
    file: list[CatalogFile]
    problem: list[CatalogProblem]


class CatalogFile(TypedDict, total=False):
    """A file of a catalog: its path in the folder, and its text."""

    path: Required[str]
    text: str


class CatalogProblem(TypedDict, total=False):
    """Something wrong in a file."""

    file: Required[str]
    line: Required[int]
    field: Required[str]
    message: Required[str]


class CharacteristicSpecification(TypedDict, total=False):
    """A characteristic that records of a kind of usage carry; it is required where at least one is."""

    name: Required[str]
    valueType: Required[Literal["string", "integer", "number", "date-time"]]
    description: str
    minCardinality: int
    maxCardinality: int
    characteristicValueSpecification: list[CharacteristicValueSpecification]


class CharacteristicValueSpecification(TypedDict, total=False):
    """What a characteristic may hold: a number from a least one on, one of several units, a default."""

    value: str
    isDefault: bool
    valueFrom: str
    unitOfMeasure: str


class DeadLetter(Typed, total=False):
    """An event that was given up for a subscription; it can be sent again."""

    id: Required[str]
    href: Required[str]
    hubListener: EntityRef
    eventId: str
    resource: str
    resourceId: str
    attempts: int
    firstFailure: str
    deadSince: str
    httpStatus: int
    reason: str


class DeviceNumber(Typed, total=False):
    """A device, by the number it is reached at: digits of E.164."""

    id: Required[str]
    href: Required[str]
    value: str
    status: Literal["active", "suspended", "terminated"]
    product: EntityRef
    billingAccount: EntityRef


class EventDelivery(Typed, total=False):
    """One try to deliver an event, and how it ended; duration in milliseconds."""

    id: Required[str]
    href: Required[str]
    hubListener: EntityRef
    eventId: str
    eventType: str
    resource: str
    resourceId: str
    deliveryDate: str
    attempt: int
    outcome: Literal["delivered", "failed", "dead", "gone"]
    httpStatus: int
    reason: str
    duration: int


class EventRecord(Typed, total=False):
    """An event as the outbox keeps it, with the resource as it then looked."""

    id: Required[str]
    href: Required[str]
    eventType: str
    eventTime: str
    api: str
    resource: str
    resourceId: str
    changed: list[str]
    event: dict[str, Any]


class EventReplay(Typed, total=False):
    """A request to tell a subscription again: all since a time, or what was given up: one dead letter, or all."""

    id: Required[str]
    href: Required[str]
    hubListener: EntityRef
    deadLetter: EntityRef
    startDateTime: str
    number: int
    creationDate: str


class HubListener(Typed, total=False):
    """Who is told of an API's events, how far it has come, and how it answers."""

    id: Required[str]
    href: Required[str]
    api: str
    callback: str
    query: str
    status: Literal["active", "failing", "unreachable", "ended"]
    creationDate: str
    endDate: str
    endReason: str
    position: str
    failures: int
    failingSince: str
    nextProbe: str
    waiting: int
    dead: int


class LedgerInvariant(TypedDict, total=False):
    """Something that must always be true of the ledger: how many were looked at, how many break it, and where."""

    id: str
    name: str
    of: str
    checked: int
    faults: int
    place: list[str]


class LedgerProof(Typed, total=False):
    """Every invariant of the ledger, held against the live database in one snapshot."""

    id: Required[str]
    href: Required[str]
    status: Literal["holds", "broken"]
    creationDate: str
    invariant: list[LedgerInvariant]
    total: list[LedgerTotal]


class LedgerTotal(TypedDict, total=False):
    """What stands on the ledger in one unit, in its atoms."""

    units: str
    buckets: int
    credited: int
    used: int
    debited: int
    reserved: int
    remaining: int


class LoopStep(Typed, total=False):
    """A step of the loop: when it last did something, what waits to be done by itself, what waits for a person."""

    id: Required[str]
    href: Required[str]
    lastDate: str
    waiting: int
    attention: int
    isBounded: bool


class OfferingRelationship(Typed, total=False):
    """How an offering stands to another."""

    id: str
    href: str
    relationshipType: Literal["requires", "excludes", "upgradeOf"]
    name: str


class Overview(Typed, total=False):
    """What happened in the last 24 hours (`day`) or 30 days (`month`, in days of UTC), step by step."""

    id: Required[str]
    href: Required[str]
    step: Literal["hour", "day"]
    startDateTime: str
    endDateTime: str
    series: list[OverviewSeries]


class OverviewSeries(TypedDict, total=False):
    """One line of a chart: how many in each step and, where there is money, what they came to."""

    name: Required[Literal["usage", "topup", "bill", "event"]]
    label: Required[str]
    unit: str
    number: Required[list[int]]
    amount: list[Decimal]


class Party(Typed, total=False):
    """A person who is served."""

    id: Required[str]
    href: Required[str]
    name: str
    givenName: str
    familyName: str
    contactMedium: list[dict[str, Any]]
    languageAbility: list[dict[str, Any]]


class PartyErasure(Typed, total=False):
    """The erasure of a party: names, numbers and documents go; sums stay, under ids that say nothing."""

    id: Required[str]
    href: Required[str]
    party: EntityRef
    state: str
    stateReason: str
    outcome: dict[str, int]
    creationDate: str
    completionDate: str


class PlanAllowance(Typed, total=False):
    """What a plan grants each period."""

    id: str
    href: str
    name: str
    amount: Quantity
    isShared: bool


class PlanPrice(Typed, total=False):
    """A component of a plan."""

    id: str
    href: str
    name: str
    priceType: str
    unitOfMeasure: str
    price: Money


class PricePlan(Typed, total=False):
    """One version of a price plan; its id is plan.version."""

    id: Required[str]
    href: Required[str]
    name: str
    description: str
    version: int
    validFor: TimePeriod
    kind: str
    currency: str
    taxIncluded: bool
    allowance: list[PlanAllowance]
    productOfferingPrice: list[PlanPrice]


class Product(Typed, total=False):
    """Something an account has: its subscription, or a pack bought to it."""

    id: Required[str]
    href: Required[str]
    externalId: str
    status: Literal["active", "suspended", "terminated"]
    productOffering: EntityRef
    pricePlan: EntityRef
    billingAccount: EntityRef
    logicalResource: LogicalResourceRef
    validFor: TimePeriod


class ProductOffering(Typed, total=False):
    """What is sold. Where it names no channel, place or segment, it is for all of them; margin is a share of 1."""

    id: Required[str]
    href: Required[str]
    externalId: str
    name: str
    description: str
    category: list[EntityRef]
    channel: list[EntityRef]
    place: list[EntityRef]
    marketSegment: list[EntityRef]
    lifecycleStatus: Literal[
        "In study", "In design", "In test", "Rejected", "Active", "Launched", "Retired", "Obsolete"
    ]
    validFor: TimePeriod
    isBundle: bool
    isSellable: bool
    bundledProductOffering: list[EntityRef]
    productOfferingRelationship: list[OfferingRelationship]
    productSpecification: EntityRef
    pricePlan: EntityRef
    deviceCount: int
    margin: Decimal
    repeatable: bool
    minimumAge: int


class RatedLine(TypedDict, total=False):
    """One line of what a usage cost: included in a bucket, or charged."""

    name: Required[str]
    kind: Required[str]
    zone: Required[str]
    quantity: Required[Quantity]
    dutyFreeAmount: Required[Money]
    taxIncludedAmount: Required[Money]


class RatingExplanation(Typed, total=False):
    """A rating told step by step: of a stored usage, or of a record as a price plan would rate it."""

    id: Required[str]
    href: Required[str]
    usage: EntityRef
    record: dict[str, Any]
    pricePlan: EntityRef
    planVersion: int
    creationDate: str
    step: list[RatingStep]


class RatingStep(TypedDict, total=False):
    """One step of a rating: what was looked at or counted, and the money that it adds, where it does."""

    name: Required[str]
    text: Required[str]
    amount: str


class RecommendationAcceptance(Typed, total=False):
    """A recommended item that was ordered, and the product that it became."""

    id: Required[str]
    href: Required[str]
    recommendationItem: RecommendationItemRef
    productOffering: EntityRef
    product: EntityRef
    relatedParty: EntityRef
    acceptanceDate: str


class RecommendationConsent(Typed, total=False):
    """Whether a party wants recommendations; without a word of theirs they get them."""

    id: Required[str]
    href: Required[str]
    relatedParty: EntityRef
    consent: Literal["given", "denied"]
    lastUpdate: str


class RecommendationExposure(Typed, total=False):
    """An offering that was shown in an answer, and what came of it; taken: bought within a week, in whatever way."""

    id: Required[str]
    href: Required[str]
    queryProductRecommendation: EntityRef
    priority: int
    relatedParty: EntityRef
    productOffering: EntityRef
    logicalResource: EntityRef
    segment: str
    variant: str
    source: str
    score: Decimal
    isExplored: bool
    exposureDate: str
    takenDate: str
    acceptanceDate: str
    product: EntityRef


class RecommendationItemRef(Typed, total=False):
    """An item of an answer to a queryProductRecommendation."""

    id: Required[str]
    href: str


class RecommendationModel(Typed, total=False):
    """A trained model: active, retired by a later one, or refused because it found less. Figures in millionths."""

    id: Required[str]
    href: Required[str]
    version: int
    status: Literal["active", "retired", "refused"]
    statusReason: str
    creationDate: str
    metrics: dict[str, Any]


class RecommendationTakeUp(Typed, total=False):
    """How often offerings of one source and place were shown, taken and accepted in the last thirty days."""

    id: Required[str]
    href: Required[str]
    source: str
    priority: int
    shown: int
    taken: int
    accepted: int
    takeUp: Decimal


class Sandbox(Typed, total=False):
    """The tenant's clock, how many seconds it is ahead, what goes wrong on purpose, and whether it is marked."""

    id: Required[str]
    href: Required[str]
    now: str
    timeZone: str
    ahead: int
    frozen: str
    isMarked: bool
    faults: SandboxFaults


class SandboxAction(Typed, total=False):
    """Something done to a sandbox: its clock moved, faults set, or everything put back to the demo."""

    id: Required[str]
    href: Required[str]
    kind: Literal["moveClock", "setFaults", "resetDemo"]
    until: str
    faults: SandboxFaults
    subscribers: int
    records: int
    state: str
    note: str
    creationDate: str


class SandboxFaults(TypedDict, total=False):
    """What goes wrong on purpose: shares of 1, milliseconds. What is not said does not go wrong."""

    errorShare: Decimal
    errorStatus: int
    requestDelay: int
    eventDelay: int
    duplicateShare: Decimal


class Subscriber(Typed, total=False):
    """One line with everything that belongs to it; its id is that of its subscription's product."""

    id: Required[str]
    href: Required[str]
    externalId: str
    status: Literal["active", "suspended", "terminated"]
    name: str
    party: Party
    billingAccount: BillingAccount
    logicalResource: DeviceNumber
    productOffering: EntityRef
    addOn: list[EntityRef]
    validFor: TimePeriod


class SubscriberChange(Typed, total=False):
    """A change of a subscriber: of plan, or its suspension, resumption or leave with its number."""

    id: Required[str]
    href: Required[str]
    subscriber: EntityRef
    action: Literal["changePlan", "suspend", "resume", "portOut"]
    productOffering: EntityRef
    effectiveDate: str


class UsageHistory(Typed, total=False):
    """One change of a usage: from which state to which, by way of which, who did it, when and why."""

    id: Required[str]
    href: Required[str]
    usage: EntityRef
    sequence: int
    previousStatus: str
    status: str
    via: str
    reason: str
    actor: str
    reference: str
    date: str
    pricePlan: EntityRef
    charge: Money
    line: list[RatedLine]


class UsageImport(Typed, total=False):
    """One import of a usage file: how many records came to what."""

    id: Required[str]
    href: Required[str]
    file: str
    creationDate: str
    completionDate: str
    outcome: dict[str, int]
    reason: dict[str, int]


class UsageJob(Typed, total=False):
    """Work over all usages that fit everything that is given: try those in suspense again, or rate again."""

    id: Required[str]
    href: Required[str]
    kind: Literal["retry", "rerate"]
    usageSpecification: EntityRef
    product: EntityRef
    billingAccount: EntityRef
    pricePlan: EntityRef
    statusReason: str
    period: TimePeriod
    planVersion: int
    acceptLate: bool
    state: str
    total: int
    outcome: dict[str, int]
    creationDate: str
    lastUpdate: str


class UsageSpecification(Typed, total=False):
    """A kind of usage: what its records hold, and which characteristic plays which part in rating."""

    id: Required[str]
    href: Required[str]
    code: str
    name: str
    description: str
    version: str
    service: str
    countryCode: str
    role: dict[str, str]
    specCharacteristic: list[CharacteristicSpecification]


subscriber: Kind[Subscriber] = Kind(BASE, "subscriber")
subscriber_change: Kind[SubscriberChange] = Kind(BASE, "subscriberChange")
billing_account: Kind[BillingAccount] = Kind(BASE, "billingAccount")
individual: Kind[Party] = Kind(BASE, "individual")
logical_resource: Kind[DeviceNumber] = Kind(BASE, "logicalResource")
product: Kind[Product] = Kind(BASE, "product")
product_offering: Kind[ProductOffering] = Kind(BASE, "productOffering")
recommendation_acceptance: Kind[RecommendationAcceptance] = Kind(BASE, "recommendationAcceptance")
recommendation_consent: Kind[RecommendationConsent] = Kind(BASE, "recommendationConsent")
recommendation_model: Kind[RecommendationModel] = Kind(BASE, "recommendationModel")
recommendation_exposure: Kind[RecommendationExposure] = Kind(BASE, "recommendationExposure")
recommendation_take_up: Kind[RecommendationTakeUp] = Kind(BASE, "recommendationTakeUp")
usage_specification: Kind[UsageSpecification] = Kind(BASE, "usageSpecification")
usage_history: Kind[UsageHistory] = Kind(BASE, "usageHistory")
usage_job: Kind[UsageJob] = Kind(BASE, "usageJob")
rating_explanation: Kind[RatingExplanation] = Kind(BASE, "ratingExplanation")
price_plan: Kind[PricePlan] = Kind(BASE, "pricePlan")
usage_import: Kind[UsageImport] = Kind(BASE, "usageImport")
event_record: Kind[EventRecord] = Kind(BASE, "eventRecord")
hub_listener: Kind[HubListener] = Kind(BASE, "hubListener")
event_delivery: Kind[EventDelivery] = Kind(BASE, "eventDelivery")
dead_letter: Kind[DeadLetter] = Kind(BASE, "deadLetter")
ledger_proof: Kind[LedgerProof] = Kind(BASE, "ledgerProof")
audit_record: Kind[AuditRecord] = Kind(BASE, "auditRecord")
party_erasure: Kind[PartyErasure] = Kind(BASE, "partyErasure")
overview: Kind[Overview] = Kind(BASE, "overview")
loop_step: Kind[LoopStep] = Kind(BASE, "loopStep")
event_replay: Kind[EventReplay] = Kind(BASE, "eventReplay")
catalog_check: Kind[CatalogCheck] = Kind(BASE, "catalogCheck")
sandbox: Kind[Sandbox] = Kind(BASE, "sandbox")
sandbox_action: Kind[SandboxAction] = Kind(BASE, "sandboxAction")
