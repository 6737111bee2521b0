"""TMF677 Usage Consumption v5.1.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from oxl.apis.standard import (
    Characteristic,
    Entity,
    Extensible,
    Flag,
    Instant,
    LogicalResourceRef,
    Quantity,
    Ref,
    RelatedPartyV5,
    Text,
    TimePeriod,
)

TaskState = Literal["acknowledged", "rejected", "inProgress", "cancelled", "done", "terminatedWithError"]
BucketStatus = Literal["active", "suspended", "expired"]


class ConsumptionCounter(Entity):
    """One figure of consumption: what it counts (counterType), for whom (level), how much."""

    counterType: Text = UNSET
    level: Text = UNSET
    consumptionPeriod: TimePeriod | UnsetType = UNSET
    user: RelatedPartyV5 | UnsetType = UNSET
    value: Quantity | UnsetType = UNSET
    valueName: Text = UNSET
    characteristic: list[Characteristic] | UnsetType = UNSET


class BucketRelationship(Entity):
    """A bucket's relation to another one."""

    relationshipType: Text = UNSET
    at_referred_type: Text = UNSET
    bucket: Ref | UnsetType = UNSET


class ConsumptionBucket(Entity):
    """A bucket with its counters, as a report shows it."""

    name: Text = UNSET
    description: Text = UNSET
    usageType: Text = UNSET
    isShared: Flag = UNSET
    creationDate: Instant = UNSET
    relatedParty: list[RelatedPartyV5] | UnsetType = UNSET
    partyAccount: Ref | UnsetType = UNSET
    product: list[Ref] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET
    bucketSpecification: Ref | UnsetType = UNSET
    bucketRelationship: list[BucketRelationship] | UnsetType = UNSET
    bucketCounter: list[ConsumptionCounter] | UnsetType = UNSET
    reserveBalance: list[Ref] | UnsetType = UNSET
    reservedValue: Quantity | UnsetType = UNSET
    remainingValue: Quantity | UnsetType = UNSET
    remainingValueName: Text = UNSET
    status: BucketStatus | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    at_referred_type: Text = UNSET


class ConsumptionProductRef(Extensible):
    """A product with figures that belong to it as a whole."""

    id: Text = UNSET
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET
    consumptionSummary: list[ConsumptionCounter] | UnsetType = UNSET


class UsageConsumptionReport(Entity):
    """What a device has used and has left, at an instant."""

    name: Text = UNSET
    description: Text = UNSET
    creationDate: Instant = UNSET
    lastUpdate: Instant = UNSET
    validPeriod: TimePeriod | UnsetType = UNSET
    bucket: list[ConsumptionBucket] | UnsetType = UNSET
    relatedParty: list[RelatedPartyV5] | UnsetType = UNSET
    partyAccount: list[Ref] | UnsetType = UNSET
    product: list[ConsumptionProductRef] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET


class ErrorMessage(Extensible):
    """Why a task came to nothing."""

    code: Text = UNSET
    reason: Text = UNSET
    message: Text = UNSET
    status: Text = UNSET
    referenceError: Text = UNSET


class QueryUsageConsumption(Entity):
    """A request for reports; searchCriteria is a report used as a template."""

    state: TaskState | UnsetType = UNSET
    errorMessage: list[ErrorMessage] | UnsetType = UNSET
    creationDate: Instant = UNSET
    searchCriteria: UsageConsumptionReport | UnsetType = UNSET
    usageConsumption: list[UsageConsumptionReport] | UnsetType = UNSET
    relatedParty: list[RelatedPartyV5] | UnsetType = UNSET
    partyAccount: list[Ref] | UnsetType = UNSET
