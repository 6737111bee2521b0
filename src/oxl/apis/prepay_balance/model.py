"""TMF654 Prepay Balance Management v4.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import Flag, Instant, Text, Whole
from oxl.apis.standard4 import (
    BucketRef,
    ChannelRef,
    Entity,
    LogicalResourceRef,
    Money,
    PartyAccountRef,
    PaymentMethodRef,
    ProductRef,
    Quantity,
    Ref,
    RelatedParty,
    TimePeriod,
)
from oxl.kernel.shapes import EXTENSION, Facts, Form

ActionStatus = Annotated[Literal["created", "failed", "cancelled", "completed"], Meta(title="ActionStatusType")]
BucketStatus = Annotated[Literal["active", "suspended", "expired"], Meta(title="BucketStatusType")]
UsageType = Annotated[Literal["monetary", "voice", "data", "sms", "other"], Meta(title="UsageType")]
RecurringPeriod = Annotated[Literal["weekly", "fortnightly", "monthly"], Meta(title="RecurringPeriodType")]
CostOwner = Annotated[Literal["originator", "receiver"], Meta(title="CostOwnerType")]
AdjustType = Annotated[Literal["recurring", "oneTime"], Meta(title="AdjustType")]

_COMPUTED = ("id", "href", "status", "statusReason", "requestedDate", "confirmationDate", "relatedParty")
_UPDATE = Form(required=("status",), without=("id", "href", "statusReason"))


class RelatedTopupBalance(Ref):
    """The recurring top-up that a top-up belongs to, or one of its parts."""

    facts = Facts(required=("@referredType",), filled=(("@referredType", "TopupBalance"),))
    role: Text = UNSET


class Bucket(Entity):
    """A balance: how much of one unit an account still has.

    OXL's extensions: creditLimit, how far below nothing it may go; thresholdReached, the percentage used.
    """

    creditLimit: Annotated[Quantity, EXTENSION] | UnsetType = UNSET
    thresholdReached: Annotated[int, EXTENSION] | UnsetType = UNSET
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
    partyAccount: PartyAccountRef | UnsetType = UNSET
    product: list[ProductRef] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET


class _BalanceAction(Entity):
    description: Text = UNSET
    reason: Text = UNSET
    confirmationDate: Instant = UNSET
    requestedDate: Instant = UNSET
    amount: Quantity | UnsetType = UNSET
    bucket: BucketRef | UnsetType = UNSET
    channel: ChannelRef | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET
    partyAccount: PartyAccountRef | UnsetType = UNSET
    product: list[ProductRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    requestor: RelatedParty | UnsetType = UNSET
    status: ActionStatus | UnsetType = UNSET
    statusReason: Annotated[str, EXTENSION] | UnsetType = UNSET
    usageType: UsageType | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET


class TopupBalance(_BalanceAction):
    """A credit to a bucket. statusReason is OXL's extension: why it failed."""

    facts = Facts(
        required=("status",),
        create=Form(required=("amount", "bucket", "partyAccount", "usageType"), without=_COMPUTED),
        update=_UPDATE,
    )
    isAutoTopup: Flag = UNSET
    numberOfPeriods: Whole = UNSET
    recurringPeriod: RecurringPeriod | UnsetType = UNSET
    voucher: Text = UNSET
    balanceTopup: RelatedTopupBalance | UnsetType = UNSET
    paymentMethod: PaymentMethodRef | UnsetType = UNSET


class AdjustBalance(_BalanceAction):
    """A correction of a bucket: a positive amount credits it, a negative one debits it."""

    facts = Facts(
        required=("status",),
        create=Form(required=("amount", "bucket", "usageType"), without=(*_COMPUTED, "partyAccount")),
        update=_UPDATE,
    )
    adjustType: AdjustType | UnsetType = UNSET


class ReserveBalance(_BalanceAction):
    """A part of a bucket that is held for a use; completed with what was used, the rest is free again."""

    facts = Facts(
        required=("status",),
        create=Form(required=("bucket", "partyAccount", "usageType"), without=_COMPUTED),
        update=Form(required=("status", "reason"), without=("id", "href", "statusReason")),
    )


class _BothSides(_BalanceAction):
    costOwner: CostOwner | UnsetType = UNSET
    receiver: RelatedParty | UnsetType = UNSET
    receiverBucket: BucketRef | UnsetType = UNSET
    receiverBucketUsageType: UsageType | UnsetType = UNSET
    receiverLogicalResource: LogicalResourceRef | UnsetType = UNSET
    receiverProduct: ProductRef | UnsetType = UNSET
    transferCost: Money | UnsetType = UNSET


class TransferBalance(_BothSides):
    """From one bucket to another of the same unit, with what that costs."""

    facts = Facts(
        required=("href", "id", "reason", "receiverLogicalResource", "channel", "logicalResource", "status"),
        create=Form(
            required=(
                "reason", "receiverLogicalResource", "channel", "logicalResource", "amount", "usageType", "bucket",
                "receiverBucket", "receiverBucketUsageType",
            ),
            without=(*_COMPUTED, "partyAccount"),
        ),
        update=Form(
            required=("reason", "receiverLogicalResource", "channel", "logicalResource"),
            without=(*_COMPUTED, "partyAccount", "description", "validFor"),
        ),
    )  # fmt: skip
    logicalResource: Annotated[list[LogicalResourceRef], Meta(min_length=1)] | UnsetType = UNSET


class AccumulatedBalance(Entity):
    """What the active buckets of an account hold together, of one usageType and unit."""

    facts = Facts(required=("bucket", "name", "totalBalance"))
    name: Text = UNSET
    description: Text = UNSET
    bucket: Annotated[list[BucketRef], Meta(min_length=1)] | UnsetType = UNSET
    logicalResource: LogicalResourceRef | UnsetType = UNSET
    partyAccount: PartyAccountRef | UnsetType = UNSET
    product: list[ProductRef] | UnsetType = UNSET
    relatedParty: list[RelatedParty] | UnsetType = UNSET
    totalBalance: Quantity | UnsetType = UNSET


class BalanceActionHistory(_BothSides):
    """A top-up, adjustment or transfer as one of many."""

    facts = Facts(required=("status", "receiverLogicalResource"))
    isAutoTopup: Flag = UNSET
    numberOfPeriods: Whole = UNSET
    recurringPeriod: RecurringPeriod | UnsetType = UNSET
    voucher: Text = UNSET
    balanceTopup: RelatedTopupBalance | UnsetType = UNSET
    paymentMethod: PaymentMethodRef | UnsetType = UNSET
    adjustType: AdjustType | UnsetType = UNSET
