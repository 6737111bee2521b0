"""TMF677 Usage Consumption v4.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import Flag, Instant, Text, Uri
from oxl.apis.standard4 import Extensible
from oxl.kernel.shapes import EXTENSION, Facts, Form

TaskState = Annotated[Literal["accepted", "terminatedWithError", "inProgress", "done"], Meta(title="TaskStateType")]


class _Entity(Extensible):
    id: Text = UNSET
    href: Uri = UNSET


class _Ref(Extensible):
    id: str
    href: Uri = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class Quantity(msgspec.Struct, kw_only=True):
    """An amount in units."""

    facts = Facts(optional=("amount",))
    amount: Decimal
    units: Text = UNSET


class TimePeriod(msgspec.Struct, kw_only=True):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class _PlainRef(Extensible):
    id: str
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class RelatedParty(_Ref):
    """A party with the role it plays."""

    facts = Facts(required=("@referredType",), filled=(("@referredType", "Party"),))
    role: Text = UNSET


class PartyAccountRef(_PlainRef):
    """Who pays."""

    description: Text = UNSET
    status: Text = UNSET


class ReserveBalanceRef(_Ref):
    """A reservation on a balance."""


class ConsumptionSummary(_Entity):
    """One figure of consumption: what it counts (counterType), for whom (level), how much."""

    counterType: Text = UNSET
    level: Text = UNSET
    valueName: Text = UNSET
    consumptionPeriod: TimePeriod | UnsetType = UNSET
    user: RelatedParty | UnsetType = UNSET
    value: Quantity | UnsetType = UNSET


class UsageConsumptionLogicalResourceRef(_Ref):
    """A device, with figures that belong to it as a whole. value is OXL's extension: its number."""

    value: Annotated[str, EXTENSION] | UnsetType = UNSET
    consumptionSummary: list[ConsumptionSummary] | UnsetType = UNSET


class UsageConsumptionProductRef(_Ref):
    """A product, with figures that belong to it as a whole."""

    consumptionSummary: list[ConsumptionSummary] | UnsetType = UNSET


class UsageConsumptionServiceRef(_Ref):
    """A service, with figures that belong to it as a whole."""

    consumptionSummary: list[ConsumptionSummary] | UnsetType = UNSET


class BucketRelationship(Extensible):
    """A bucket's relation to another one."""

    relationshipType: str
    bucketRefOrValue: BucketRefOrValue


class BucketRefOrValue(Extensible):
    """A bucket with its counters, as a report shows it."""

    id: Text = UNSET
    href: Text = UNSET
    description: Text = UNSET
    isShared: Flag = UNSET
    name: Text = UNSET
    remainingValueName: Text = UNSET
    status: Text = UNSET
    usageType: Text = UNSET
    bucketCounter: list[ConsumptionSummary] | UnsetType = UNSET
    bucketRelationship: list[BucketRelationship] | UnsetType = UNSET
    logicalResource: list[UsageConsumptionLogicalResourceRef] | UnsetType = UNSET
    partyAccount: PartyAccountRef | UnsetType = UNSET
    product: list[UsageConsumptionProductRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    remainingValue: Quantity | UnsetType = UNSET
    reserveBalance: list[ReserveBalanceRef] | UnsetType = UNSET
    reservedValue: Quantity | UnsetType = UNSET
    service: list[UsageConsumptionServiceRef] | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class UsageConsumption(_Entity):
    """What a device has used and has left, at an instant."""

    creationDate: Instant = UNSET
    description: Text = UNSET
    lastUpdate: Instant = UNSET
    name: Text = UNSET
    bucketRefOrValue: list[BucketRefOrValue] | UnsetType = UNSET
    logicalResource: list[UsageConsumptionLogicalResourceRef] | UnsetType = UNSET
    partyAccount: list[PartyAccountRef] | UnsetType = UNSET
    product: list[UsageConsumptionProductRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    service: list[UsageConsumptionServiceRef] | UnsetType = UNSET
    state: TaskState | UnsetType = UNSET
    validPeriod: TimePeriod | UnsetType = UNSET


class QueryUsageConsumption(_Entity):
    """A request for reports; searchCriteria is a report used as a template."""

    facts = Facts(create=Form(without=("id", "href", "usageConsumption")))
    queryUsageConsumptionDate: Instant = UNSET
    partyAccount: list[PartyAccountRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    searchCriteria: UsageConsumption | UnsetType = UNSET
    usageConsumption: list[UsageConsumption] | UnsetType = UNSET
