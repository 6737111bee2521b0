"""TMF677 Usage Consumption v5.1.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import (
    Annotations,
    Characteristic,
    Entity,
    EntityRef,
    Extensible,
    Flag,
    Instant,
    LogicalResourceRef,
    Quantity,
    RelatedPartyRefOrPartyRoleRef,
    Text,
    TimePeriod,
    Whole,
)
from oxl.kernel.shapes import Facts, Form

TaskState = Annotated[
    Literal["acknowledged", "rejected", "inProgress", "cancelled", "done", "terminatedWithError"],
    Meta(title="TaskStateType"),
]
BucketStatus = Annotated[Literal["active", "suspended", "expired"], Meta(title="BucketStatusType")]


class PartyAccountRef(EntityRef):
    """Who pays."""

    facts = Facts(also=(EntityRef, Entity))
    description: Text = UNSET
    status: Text = UNSET


class BucketCounter(Entity):
    """One figure of consumption: what it counts (counterType), for whom (level), how much."""

    facts = Facts(create=Form())
    counterType: Text = UNSET
    level: Text = UNSET
    consumptionPeriod: TimePeriod | UnsetType = UNSET
    user: RelatedPartyRefOrPartyRoleRef | UnsetType = UNSET
    value: Quantity | UnsetType = UNSET
    valueName: Text = UNSET
    characteristic: list[Characteristic] | UnsetType = UNSET


class ConsumptionSummary(BucketCounter):
    """A figure of consumption that belongs to a product as a whole."""

    facts = Facts(create=Form())


class ProductRef(EntityRef):
    """A product that somebody has."""

    facts = Facts(create=Form())


class UsageConsumptionProductRef(ProductRef):
    """A product with figures that belong to it as a whole."""

    facts = Facts(create=Form())
    consumptionSummary: list[ConsumptionSummary] | UnsetType = UNSET


class BucketSpecificationRef(EntityRef):
    """The allowance of a plan that a bucket came from."""


class BalanceActionRef(EntityRef):
    """Something done to a balance."""


class ReserveBalanceRef(BalanceActionRef):
    """A reservation on a balance."""


class BucketRef(EntityRef):
    """A bucket, told by its id."""

    facts = Facts(create=Form(required=("@referredType",)))
    usageType: Text = UNSET


class EntityRelationship(Annotations):
    """How one thing stands to another."""

    facts = Facts(typed=True, create=Form(required=("relationshipType", "id", "@referredType", "@type")))
    id: Text = UNSET
    href: Text = UNSET
    name: Text = UNSET
    role: Text = UNSET
    relationshipType: Text = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    associationSpec: EntityRef | UnsetType = UNSET
    at_referred_type: Text = UNSET


class BucketRelationship(EntityRelationship):
    """A bucket's relation to another one."""

    facts = Facts(create=Form(required=("bucket",)))
    bucket: BucketRefOrValue | UnsetType = UNSET


class Bucket(Entity):
    """A bucket with its counters, as a report shows it."""

    facts = Facts(create=Form())
    name: Text = UNSET
    description: Text = UNSET
    usageType: Text = UNSET
    isShared: Flag = UNSET
    creationDate: Instant = UNSET
    relatedParty: list[RelatedPartyRefOrPartyRoleRef] | UnsetType = UNSET
    partyAccount: PartyAccountRef | UnsetType = UNSET
    product: list[ProductRef] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET
    bucketSpecification: BucketSpecificationRef | UnsetType = UNSET
    bucketRelationship: list[BucketRelationship] | UnsetType = UNSET
    bucketCounter: list[BucketCounter] | UnsetType = UNSET
    reserveBalance: list[ReserveBalanceRef] | UnsetType = UNSET
    reservedValue: Quantity | UnsetType = UNSET
    remainingValue: Quantity | UnsetType = UNSET
    remainingValueName: Text = UNSET
    status: BucketStatus | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class BucketRefOrValue(Bucket):
    """A bucket, or a reference to one."""

    facts = Facts(create=Form(), one_of=(Bucket, BucketRef))
    at_referred_type: Text = UNSET


class UsageConsumptionReport(Entity):
    """What a device has used and has left, at an instant."""

    facts = Facts(create=Form(), answer=("id", "href"))
    name: Text = UNSET
    description: Text = UNSET
    creationDate: Instant = UNSET
    lastUpdate: Instant = UNSET
    validPeriod: TimePeriod | UnsetType = UNSET
    bucket: list[BucketRefOrValue] | UnsetType = UNSET
    relatedParty: list[RelatedPartyRefOrPartyRoleRef] | UnsetType = UNSET
    partyAccount: list[PartyAccountRef] | UnsetType = UNSET
    product: list[UsageConsumptionProductRef] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET


class ErrorMessage(Extensible):
    """Why a task came to nothing."""

    code: Text = UNSET
    reason: Text = UNSET
    message: Text = UNSET
    status: Text = UNSET
    referenceError: Text = UNSET


class TaskResource(Entity):
    """Something that is asked for, and done now or later."""

    facts = Facts(create=Form(without=("state",)))
    state: TaskState | UnsetType = UNSET
    errorMessage: list[ErrorMessage] | UnsetType = UNSET


class QueryUsageConsumption(TaskResource):
    """A request for reports; searchCriteria is a report used as a template."""

    facts = Facts(create=Form(), answer=("id", "href"))
    creationDate: Instant = UNSET
    searchCriteria: UsageConsumptionReport | UnsetType = UNSET
    usageConsumption: list[UsageConsumptionReport] | UnsetType = UNSET
    relatedParty: list[RelatedPartyRefOrPartyRoleRef] | UnsetType = UNSET
    partyAccount: list[PartyAccountRef] | UnsetType = UNSET


class UsageLimit(Entity):
    """How much a device may spend, or use of an allowance that is shared, before somebody is told (OXL's own)."""

    facts = Facts(create=Form(), answer=("id", "href"))
    name: Text = UNSET
    description: Text = UNSET
    creationDate: Instant = UNSET
    logicalResource: LogicalResourceRef | UnsetType = UNSET
    partyAccount: PartyAccountRef | UnsetType = UNSET
    bucketSpecification: BucketSpecificationRef | UnsetType = UNSET
    limitValue: Quantity | UnsetType = UNSET
    usedValue: Quantity | UnsetType = UNSET
    remainingValue: Quantity | UnsetType = UNSET
    threshold: list[int] | UnsetType = UNSET
    thresholdReached: Whole = UNSET
    consumptionPeriod: TimePeriod | UnsetType = UNSET
