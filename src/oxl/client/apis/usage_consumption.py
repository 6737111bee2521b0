"""TMF677 Usage Consumption 5.1.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from typing import Literal, Required

from oxl.client.apis import Referring, Typed
from oxl.client.apis.standard import (
    Characteristic,
    EntityRef,
    LogicalResourceRef,
    Quantity,
    RelatedPartyRefOrPartyRoleRef,
    TimePeriod,
)
from oxl.client.operations import Kind

BASE = "/tmf-api/usageConsumption/v5"


class BucketCounter(Typed, total=False):
    """One figure of consumption: what it counts (counterType), for whom (level), how much."""

    id: str
    href: str
    counterType: str
    level: str
    consumptionPeriod: TimePeriod
    user: RelatedPartyRefOrPartyRoleRef
    value: Quantity
    valueName: str
    characteristic: list[Characteristic]


class BucketRefOrValue(Referring, total=False):
    """A bucket, or a reference to one."""

    id: str
    href: str
    name: str
    description: str
    usageType: str
    isShared: bool
    creationDate: str
    relatedParty: list[RelatedPartyRefOrPartyRoleRef]
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    logicalResource: list[LogicalResourceRef]
    bucketSpecification: BucketSpecificationRef
    bucketRelationship: list[BucketRelationship]
    bucketCounter: list[BucketCounter]
    reserveBalance: list[ReserveBalanceRef]
    reservedValue: Quantity
    remainingValue: Quantity
    remainingValueName: str
    status: Literal["active", "suspended", "expired"]
    validFor: TimePeriod


class BucketRelationship(Referring, total=False):
    """A bucket's relation to another one."""

    id: str
    href: str
    name: str
    role: str
    relationshipType: str
    validFor: TimePeriod
    associationSpec: EntityRef
    bucket: BucketRefOrValue


class BucketSpecificationRef(Referring, total=False):
    """The allowance of a plan that a bucket came from."""

    id: Required[str]
    href: str
    name: str


class ConsumptionSummary(Typed, total=False):
    """A figure of consumption that belongs to a product as a whole."""

    id: str
    href: str
    counterType: str
    level: str
    consumptionPeriod: TimePeriod
    user: RelatedPartyRefOrPartyRoleRef
    value: Quantity
    valueName: str
    characteristic: list[Characteristic]


class ErrorMessage(Typed, total=False):
    """Why a task came to nothing."""

    code: str
    reason: str
    message: str
    status: str
    referenceError: str


class PartyAccountRef(Referring, total=False):
    """Who pays."""

    id: Required[str]
    href: str
    name: str
    description: str
    status: str


class ProductRef(Referring, total=False):
    """A product that somebody has."""

    id: Required[str]
    href: str
    name: str
    consumptionSummary: list[ConsumptionSummary]


class QueryUsageConsumption(Typed, total=False):
    """A request for reports; searchCriteria is a report used as a template."""

    id: Required[str]
    href: Required[str]
    state: Literal["acknowledged", "rejected", "inProgress", "cancelled", "done", "terminatedWithError"]
    errorMessage: list[ErrorMessage]
    creationDate: str
    searchCriteria: UsageConsumptionReport
    usageConsumption: list[UsageConsumptionReport]
    relatedParty: list[RelatedPartyRefOrPartyRoleRef]
    partyAccount: list[PartyAccountRef]


class ReserveBalanceRef(Referring, total=False):
    """A reservation on a balance."""

    id: Required[str]
    href: str
    name: str


class UsageConsumptionProductRef(Referring, total=False):
    """A product with figures that belong to it as a whole."""

    id: Required[str]
    href: str
    name: str
    consumptionSummary: list[ConsumptionSummary]


class UsageConsumptionReport(Typed, total=False):
    """What a device has used and has left, at an instant."""

    id: Required[str]
    href: Required[str]
    name: str
    description: str
    creationDate: str
    lastUpdate: str
    validPeriod: TimePeriod
    bucket: list[BucketRefOrValue]
    relatedParty: list[RelatedPartyRefOrPartyRoleRef]
    partyAccount: list[PartyAccountRef]
    product: list[UsageConsumptionProductRef]
    logicalResource: list[LogicalResourceRef]


class UsageLimit(Typed, total=False):
    """How much a device may spend, or use of an allowance that is shared, before somebody is told (OXL's own)."""

    id: Required[str]
    href: Required[str]
    name: str
    description: str
    creationDate: str
    logicalResource: LogicalResourceRef
    partyAccount: PartyAccountRef
    bucketSpecification: BucketSpecificationRef
    limitValue: Quantity
    usedValue: Quantity
    remainingValue: Quantity
    threshold: list[int]
    thresholdReached: int
    consumptionPeriod: TimePeriod


query_usage_consumption: Kind[QueryUsageConsumption] = Kind(BASE, "queryUsageConsumption")
usage_consumption_report: Kind[UsageConsumptionReport] = Kind(BASE, "usageConsumptionReport")
usage_limit: Kind[UsageLimit] = Kind(BASE, "usageLimit")
