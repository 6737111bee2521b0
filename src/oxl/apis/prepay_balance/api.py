"""TMF654 Prepay Balance Management v4.0.0, declared."""

from __future__ import annotations

from oxl.apis.prepay_balance import actions, reservations
from oxl.apis.prepay_balance.charging import CHARGING
from oxl.apis.prepay_balance.model import AdjustBalance, Bucket, ReserveBalance, TopupBalance
from oxl.apis.standard4 import Event
from oxl.kernel.declare import Api, Field, Resource

_ACTION_FIELDS = {
    "status": Field("status"),
    "usageType": Field("usage_type"),
    "bucket.id": Field("bucket_id"),
    "partyAccount.id": Field("account_id"),
    "requestedDate": Field("requested_at", "instant"),
    "confirmationDate": Field("confirmed_at", "instant"),
}

_SERVER_SET = ("status", "statusReason", "requestedDate", "confirmationDate")

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
        ),
        Resource(
            name="topupBalance",
            type="TopupBalance",
            shape=TopupBalance,
            view="prepay_topup",
            has_body=True,
            computed=("statusReason",),
            askable=_ACTION_FIELDS,
            create=actions.create_topup,
            required=("amount", "bucket"),
            server_set=_SERVER_SET,
            events={"create": "TopupBalanceCreateEvent", "failure": "TopupBalanceFailureEvent"},
            summary="Credit a bucket",
        ),
        Resource(
            name="adjustBalance",
            type="AdjustBalance",
            shape=AdjustBalance,
            view="prepay_adjust",
            has_body=True,
            computed=("statusReason",),
            askable=_ACTION_FIELDS,
            create=actions.create_adjust,
            required=("amount", "bucket"),
            server_set=_SERVER_SET,
            events={"create": "AdjustBalanceCreateEvent", "failure": "AdjustBalanceFailureEvent"},
            summary="Correct a bucket by a signed amount",
        ),
        Resource(
            name="reserveBalance",
            type="ReserveBalance",
            shape=ReserveBalance,
            view="prepay_reservation",
            computed=("statusReason", "confirmationDate", "requestedDate"),
            askable=_ACTION_FIELDS,
            create=reservations.create_reservation,
            required=("bucket",),
            server_set=_SERVER_SET,
            patch=reservations.patch_reservation,
            immutable=("bucket", "usageType", "partyAccount", "product", "logicalResource", "relatedParty"),
            delete=reservations.delete_reservation,
            events={name: f"ReserveBalance{name.capitalize()}Event" for name in ("create", "cancel", "failure")},
            summary="Hold part of a bucket",
        ),
        CHARGING,
    ),
)
