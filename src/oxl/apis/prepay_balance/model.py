"""TMF654 Prepay Balance Management v4.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from oxl.apis.standard import Entity, Flag, Instant, LogicalResourceRef, Quantity, Ref, RelatedPartyV4, Text, TimePeriod

ActionStatus = Literal["created", "failed", "cancelled", "completed"]
BucketStatus = Literal["active", "suspended", "expired"]
UsageType = Literal["monetary", "voice", "data", "sms", "other"]
RecurringPeriod = Literal["weekly", "fortnightly", "monthly"]
AdjustType = Literal["recurring", "oneTime"]


class RelatedTopupBalance(Ref):
    """The recurring top-up that a top-up belongs to, or one of its parts."""

    role: Text = UNSET


class Bucket(Entity):
    """A balance: how much of one unit an account still has."""

    name: Text = UNSET
    description: Text = UNSET
    confirmationDate: Instant = UNSET
    requestedDate: Instant = UNSET
    isShared: Flag = UNSET
    remainingValueName: Text = UNSET
    remainingValue: Quantity | UnsetType = UNSET
    reservedValue: Quantity | UnsetType = UNSET
    status: BucketStatus | UnsetType = UNSET
    usageType: UsageType | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    partyAccount: Ref | UnsetType = UNSET
    product: list[Ref] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET
    relatedParty: list[RelatedPartyV4] | UnsetType = UNSET


class BalanceAction(Entity):
    """What top-ups and adjustments have in common. statusReason is OXL's extension: why an action failed."""

    description: Text = UNSET
    reason: Text = UNSET
    confirmationDate: Instant = UNSET
    requestedDate: Instant = UNSET
    amount: Quantity | UnsetType = UNSET
    bucket: Ref | UnsetType = UNSET
    channel: Ref | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET
    partyAccount: Ref | UnsetType = UNSET
    product: list[Ref] | UnsetType = UNSET
    relatedParty: list[RelatedPartyV4] | UnsetType = UNSET
    requestor: RelatedPartyV4 | UnsetType = UNSET
    status: ActionStatus | UnsetType = UNSET
    statusReason: Text = UNSET
    usageType: UsageType | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class TopupBalance(BalanceAction):
    """A credit to a bucket."""

    isAutoTopup: Flag = UNSET
    numberOfPeriods: int | UnsetType = UNSET
    recurringPeriod: RecurringPeriod | UnsetType = UNSET
    voucher: Text = UNSET
    balanceTopup: RelatedTopupBalance | UnsetType = UNSET
    paymentMethod: Ref | UnsetType = UNSET


class AdjustBalance(BalanceAction):
    """A correction of a bucket: a positive amount credits it, a negative one debits it."""

    adjustType: AdjustType | UnsetType = UNSET
