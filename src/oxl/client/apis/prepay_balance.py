"""TMF654 Prepay Balance Management 4.0.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from typing import Literal, Required, TypedDict

from oxl.client.apis import Referring, Typed
from oxl.client.apis.standard4 import (
    BucketRef,
    ChannelRef,
    LogicalResourceRef,
    Money,
    PartyAccountRef,
    PaymentMethodRef,
    ProductRef,
    Quantity,
    RelatedParty,
    TimePeriod,
)
from oxl.client.operations import Kind

BASE = "/tmf-api/prepayBalanceManagement/v4"


class AccumulatedBalance(Typed, total=False):
    """What the active buckets of an account hold together, of one usageType and unit."""

    id: Required[str]
    href: Required[str]
    name: str
    description: str
    bucket: list[BucketRef]
    logicalResource: LogicalResourceRef
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    relatedParty: list[RelatedParty]
    totalBalance: Quantity


class AdjustBalance(Typed, total=False):
    """A correction of a bucket: a positive amount credits it, a negative one debits it."""

    id: Required[str]
    href: Required[str]
    description: str
    reason: str
    confirmationDate: str
    requestedDate: str
    amount: Quantity
    bucket: BucketRef
    channel: ChannelRef
    logicalResource: list[LogicalResourceRef]
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    relatedParty: list[RelatedParty]
    requestor: RelatedParty
    status: Literal["created", "failed", "cancelled", "completed"]
    statusReason: str
    usageType: Literal["monetary", "voice", "data", "sms", "other"]
    validFor: TimePeriod
    adjustType: Literal["recurring", "oneTime"]


class BalanceActionHistory(Typed, total=False):
    """A top-up, adjustment or transfer as one of many."""

    id: Required[str]
    href: Required[str]
    description: str
    reason: str
    confirmationDate: str
    requestedDate: str
    amount: Quantity
    bucket: BucketRef
    channel: ChannelRef
    logicalResource: list[LogicalResourceRef]
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    relatedParty: list[RelatedParty]
    requestor: RelatedParty
    status: Literal["created", "failed", "cancelled", "completed"]
    statusReason: str
    usageType: Literal["monetary", "voice", "data", "sms", "other"]
    validFor: TimePeriod
    costOwner: Literal["originator", "receiver"]
    receiver: RelatedParty
    receiverBucket: BucketRef
    receiverBucketUsageType: Literal["monetary", "voice", "data", "sms", "other"]
    receiverLogicalResource: LogicalResourceRef
    receiverProduct: ProductRef
    transferCost: Money
    isAutoTopup: bool
    numberOfPeriods: int
    recurringPeriod: Literal["weekly", "fortnightly", "monthly"]
    voucher: str
    balanceTopup: RelatedTopupBalance
    paymentMethod: PaymentMethodRef
    adjustType: Literal["recurring", "oneTime"]


class Bucket(Typed, total=False):
    """A balance: how much of one unit an account still has."""

    id: Required[str]
    href: Required[str]
    creditLimit: Quantity
    thresholdReached: int
    name: str
    description: str
    confirmationDate: str
    requestedDate: str
    isShared: bool
    remainingValueName: str
    remainingValue: Quantity
    reservedValue: Quantity
    status: Literal["active", "suspended", "expired"]
    usageType: Literal["monetary", "voice", "data", "sms", "other"]
    validFor: TimePeriod
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    logicalResource: list[LogicalResourceRef]
    relatedParty: list[RelatedParty]


class ChargingRequest(Typed, total=False):
    """One request of a charging session: units used are reported and the next quotas reserved, in one call."""

    id: Required[str]
    href: Required[str]
    sessionId: str
    requestNumber: int
    isLast: bool
    number: str
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    logicalResource: list[LogicalResourceRef]
    ratingGroup: list[RatingGroup]
    status: Literal["granted", "partlyGranted", "insufficientBalance", "reported"]
    requestedDate: str


class RatingGroup(TypedDict, total=False):
    """One kind of traffic in a session: what was used of its quota, and the next one."""

    id: Required[str]
    service: str
    zone: str
    usedUnits: Quantity
    requestedUnits: Quantity
    result: Literal["granted", "partlyGranted", "insufficientBalance", "reported"]
    grantedUnits: Quantity
    chargedUnits: Quantity
    unchargedUnits: Quantity
    validFor: TimePeriod
    isFinalUnit: bool


class RelatedTopupBalance(Referring, total=False):
    """The recurring top-up that a top-up belongs to, or one of its parts."""

    id: Required[str]
    href: str
    name: str
    role: str


class ReserveBalance(Typed, total=False):
    """A part of a bucket that is held for a use; completed with what was used, the rest is free again."""

    id: Required[str]
    href: Required[str]
    description: str
    reason: str
    confirmationDate: str
    requestedDate: str
    amount: Quantity
    bucket: BucketRef
    channel: ChannelRef
    logicalResource: list[LogicalResourceRef]
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    relatedParty: list[RelatedParty]
    requestor: RelatedParty
    status: Literal["created", "failed", "cancelled", "completed"]
    statusReason: str
    usageType: Literal["monetary", "voice", "data", "sms", "other"]
    validFor: TimePeriod


class TopupBalance(Typed, total=False):
    """A credit to a bucket. statusReason is OXL's extension: why it failed."""

    id: Required[str]
    href: Required[str]
    description: str
    reason: str
    confirmationDate: str
    requestedDate: str
    amount: Quantity
    bucket: BucketRef
    channel: ChannelRef
    logicalResource: list[LogicalResourceRef]
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    relatedParty: list[RelatedParty]
    requestor: RelatedParty
    status: Literal["created", "failed", "cancelled", "completed"]
    statusReason: str
    usageType: Literal["monetary", "voice", "data", "sms", "other"]
    validFor: TimePeriod
    isAutoTopup: bool
    numberOfPeriods: int
    recurringPeriod: Literal["weekly", "fortnightly", "monthly"]
    voucher: str
    balanceTopup: RelatedTopupBalance
    paymentMethod: PaymentMethodRef


class TransferBalance(Typed, total=False):
    """From one bucket to another of the same unit, with what that costs."""

    id: Required[str]
    href: Required[str]
    description: str
    reason: str
    confirmationDate: str
    requestedDate: str
    amount: Quantity
    bucket: BucketRef
    channel: ChannelRef
    logicalResource: list[LogicalResourceRef]
    partyAccount: PartyAccountRef
    product: list[ProductRef]
    relatedParty: list[RelatedParty]
    requestor: RelatedParty
    status: Literal["created", "failed", "cancelled", "completed"]
    statusReason: str
    usageType: Literal["monetary", "voice", "data", "sms", "other"]
    validFor: TimePeriod
    costOwner: Literal["originator", "receiver"]
    receiver: RelatedParty
    receiverBucket: BucketRef
    receiverBucketUsageType: Literal["monetary", "voice", "data", "sms", "other"]
    receiverLogicalResource: LogicalResourceRef
    receiverProduct: ProductRef
    transferCost: Money


bucket: Kind[Bucket] = Kind(BASE, "bucket")
topup_balance: Kind[TopupBalance] = Kind(BASE, "topupBalance")
adjust_balance: Kind[AdjustBalance] = Kind(BASE, "adjustBalance")
reserve_balance: Kind[ReserveBalance] = Kind(BASE, "reserveBalance")
transfer_balance: Kind[TransferBalance] = Kind(BASE, "transferBalance")
accumulated_balance: Kind[AccumulatedBalance] = Kind(BASE, "accumulatedBalance")
balance_action_history: Kind[BalanceActionHistory] = Kind(BASE, "balanceActionHistory")
charging_request: Kind[ChargingRequest] = Kind(BASE, "chargingRequest")
