"""TMF654 Prepay Balance Management v4.0.0, declared."""

from __future__ import annotations

from oxl.apis.prepay_balance import actions, buckets, reservations, transfers
from oxl.apis.prepay_balance.charging import CHARGING
from oxl.apis.prepay_balance.model import (
    AccumulatedBalance,
    AdjustBalance,
    BalanceActionHistory,
    Bucket,
    ReserveBalance,
    TopupBalance,
    TransferBalance,
)
from oxl.apis.standard4 import Event
from oxl.callers import Owner
from oxl.kernel.declare import Api, Field, Resource

_ACTION_FIELDS = {
    "status": Field("status"),
    "usageType": Field("usage_type"),
    "bucket.id": Field("bucket_id"),
    "partyAccount.id": Field("account_id"),
    "requestedDate": Field("requested_at", "instant"),
    "confirmationDate": Field("confirmed_at", "instant"),
}

_RECEIVER_FIELDS = {"receiverBucket.id": Field("receiver_bucket_id")}
_THEIRS = {"bucket.id": "bucket", "partyAccount.id": "account", "relatedParty.id": "party"}
_COMPUTED = ("statusReason", "confirmationDate", "requestedDate")
_MONEY = ("amount", "bucket", "usageType", "partyAccount", "relatedParty", "adjustType", "voucher", "isAutoTopup",
          "numberOfPeriods", "recurringPeriod", "balanceTopup", "paymentMethod", "validFor", "receiverBucket",
          "receiverBucketUsageType", "costOwner", "transferCost")  # fmt: skip
_SERVER_SET = ("status", "statusReason", "requestedDate", "confirmationDate")


def _events(kind: str) -> dict[str, str]:
    return {change: f"{kind}Balance{change.capitalize()}Event" for change in ("create", "cancel", "failure")}


PREPAY_BALANCE = Api(
    name="prepay_balance",
    number="TMF654",
    title="Prepay Balance Management",
    version="4.0.0",
    generation=4,
    base="/tmf-api/prepayBalanceManagement/v4",
    description="Buckets of money and units on a double-entry ledger, and the actions that move them.",
    event=Event,
    hub=("create", "delete"),
    extra_parameters=frozenset({"before", "after", "sort", "filter"}),
    resources=(
        Resource(
            name="bucket",
            type="Bucket",
            shape=Bucket,
            view="prepay_bucket",
            owner=Owner("account_id"),
            askable={
                "name": Field("name"),
                "status": Field("status"),
                "usageType": Field("usage_type"),
                "isShared": Field("is_shared", "boolean"),
                "partyAccount.id": Field("account_id"),
                "product.id": Field("product_id"),
                "logicalResource.id": Field("device_id"),
                "confirmationDate": Field("created_at", "instant"),
                "requestedDate": Field("created_at", "instant"),
            },
            create=buckets.create_bucket,
            required=("usageType",),
            server_set=(
                "status",
                "reservedValue",
                "remainingValueName",
                "requestedDate",
                "confirmationDate",
                "thresholdReached",
            ),
            own_operations=frozenset({"create"}),
            events={"create": "BucketCreateEvent", "threshold": "BucketThresholdEvent"},
            own_events=frozenset({"BucketCreateEvent", "BucketThresholdEvent"}),
            summary="Open a bucket, as an operator",
        ),
        Resource(
            name="topupBalance",
            type="TopupBalance",
            shape=TopupBalance,
            view="prepay_topup",
            owner=Owner("account_id"),
            theirs=_THEIRS,
            has_body=True,
            computed=_COMPUTED,
            askable=_ACTION_FIELDS,
            create=actions.create_topup,
            server_set=_SERVER_SET,
            patch=transfers.patch_action,
            immutable=_MONEY,
            delete=transfers.delete_action,
            events=_events("Topup"),
            summary="Credit a bucket",
        ),
        Resource(
            name="adjustBalance",
            type="AdjustBalance",
            shape=AdjustBalance,
            view="prepay_adjust",
            owner=Owner("account_id"),
            theirs=_THEIRS,
            has_body=True,
            computed=_COMPUTED,
            askable=_ACTION_FIELDS,
            create=actions.create_adjust,
            required=("amount", "bucket"),
            server_set=_SERVER_SET,
            patch=transfers.patch_action,
            immutable=_MONEY,
            delete=transfers.delete_action,
            events=_events("Adjust"),
            summary="Correct a bucket by a signed amount",
        ),
        Resource(
            name="reserveBalance",
            type="ReserveBalance",
            shape=ReserveBalance,
            view="prepay_reservation",
            owner=Owner("account_id"),
            theirs=_THEIRS,
            computed=_COMPUTED,
            askable=_ACTION_FIELDS,
            create=reservations.create_reservation,
            required=("bucket",),
            server_set=_SERVER_SET,
            patch=reservations.patch_reservation,
            immutable=("bucket", "usageType", "partyAccount", "product", "logicalResource", "relatedParty"),
            delete=reservations.delete_reservation,
            events=_events("Reserve"),
            summary="Hold part of a bucket",
        ),
        Resource(
            name="transferBalance",
            type="TransferBalance",
            shape=TransferBalance,
            view="prepay_transfer",
            owner=Owner("account_id"),
            theirs=_THEIRS,
            computed=("status", *_COMPUTED, "transferCost", "receiverBucketUsageType"),
            askable=_ACTION_FIELDS | _RECEIVER_FIELDS,
            create=transfers.create_transfer,
            required=("amount", "bucket", "receiverBucket"),
            server_set=(*_SERVER_SET, "partyAccount"),
            patch=transfers.patch_action,
            immutable=("description", *_MONEY),
            delete=transfers.delete_action,
            events=_events("Transfer"),
            summary="Transfer from one bucket to another",
        ),
        Resource(
            name="accumulatedBalance",
            type="AccumulatedBalance",
            shape=AccumulatedBalance,
            view="prepay_accumulated",
            owner=Owner("account_id"),
            one="prepay_accumulated_one",
            askable={"partyAccount.id": Field("account_id"), "name": Field("name")},
        ),
        Resource(
            name="balanceActionHistory",
            type="BalanceActionHistory",
            shape=BalanceActionHistory,
            view="prepay_history",
            owner=Owner("account_id"),
            askable=_ACTION_FIELDS | _RECEIVER_FIELDS,
        ),
        CHARGING,
    ),
)
