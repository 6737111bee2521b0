"""OXL's operator endpoints, declared: `/oxl/v1/…`."""

from __future__ import annotations

from oxl.apis.operator import actions, model
from oxl.apis.operator.auditing import AUDIT_RECORD
from oxl.apis.operator.selling import SELLING
from oxl.kernel.declare import Api, Field, Resource

OPERATOR = Api(
    name="operator",
    number="",
    title="OXL operator endpoints",
    version="1.0.0",
    generation=5,
    base="/oxl/v1",
    description="Provision subscribers and look at inventory, catalog and imports. Send an Idempotency-Key with every"
    " POST: the same key with the same body is done once, however often it is sent.",
    hub=("create", "retrieve", "delete"),
    resources=(
        Resource(
            name="subscriber",
            type="Subscriber",
            shape=model.Subscriber,
            view="operator_subscriber",
            askable={
                "externalId": Field("external_id"),
                "status": Field("status"),
                "name": Field("name"),
                "logicalResource.value": Field("number"),
                "logicalResource.id": Field("device_id"),
                "billingAccount.id": Field("account_id"),
                "productOffering.id": Field("offering_id"),
            },
            create=actions.create_subscriber,
            required=("party", "logicalResource", "productOffering"),
            events={"create": "SubscriberCreateEvent"},
            summary="Provision a line: party, account, device, product, number, and the buckets its plan grants",
        ),
        Resource(
            name="subscriberChange",
            type="SubscriberChange",
            shape=model.SubscriberChange,
            view="operator_change",
            askable={
                "subscriber.id": Field("product_id"),
                "action": Field("action"),
                "effectiveDate": Field("at", "instant"),
            },
            create=actions.create_change,
            required=("subscriber", "action"),
            events={"create": "SubscriberChangeCreateEvent"},
            summary="Change the plan of a subscriber, suspend, resume or port it out",
        ),
        Resource(
            name="billingAccount",
            type="BillingAccount",
            shape=model.BillingAccount,
            view="operator_account",
            askable={"externalId": Field("external_id"), "kind": Field("kind"), "relatedParty.id": Field("party_id")},
        ),
        Resource(
            name="individual",
            type="Individual",
            shape=model.Party,
            view="operator_party",
            askable={"name": Field("name")},
        ),
        Resource(
            name="logicalResource",
            type="LogicalResource",
            shape=model.DeviceNumber,
            view="operator_device",
            askable={
                "value": Field("value"),
                "billingAccount.id": Field("account_id"),
                "product.id": Field("product_id"),
            },
        ),
        Resource(
            name="product",
            type="Product",
            shape=model.Product,
            view="operator_product",
            askable={
                "status": Field("status"),
                "billingAccount.id": Field("account_id"),
                "logicalResource.id": Field("device_id"),
                "productOffering.id": Field("offering_id"),
            },
        ),
        *SELLING,
        Resource(
            name="usageSpecification",
            type="UsageSpecification",
            shape=model.UsageSpecification,
            view="operator_usage_specification",
            askable={"name": Field("name")},
        ),
        Resource(
            name="pricePlan",
            type="PricePlan",
            shape=model.PricePlan,
            view="operator_price_plan",
            askable={"name": Field("name"), "version": Field("version", "number"), "kind": Field("kind")},
        ),
        Resource(
            name="usageImport",
            type="UsageImport",
            shape=model.UsageImport,
            view="operator_usage_import",
            askable={"file": Field("file"), "creationDate": Field("started_at", "instant")},
        ),
        Resource(
            name="eventRecord",
            type="EventRecord",
            shape=model.EventRecord,
            view="operator_event",
            askable={
                "api": Field("api"),
                "eventType": Field("event_type"),
                "eventTime": Field("at", "instant"),
                "resource": Field("resource"),
                "resourceId": Field("resource_id"),
            },
        ),
        Resource(
            name="hubListener",
            type="HubListener",
            shape=model.HubListener,
            view="operator_subscription",
            askable={"api": Field("api"), "callback": Field("callback"), "status": Field("status")},
        ),
        Resource(
            name="eventDelivery",
            type="EventDelivery",
            shape=model.EventDelivery,
            view="operator_delivery",
            askable={
                "hubListener.id": Field("subscription_id"),
                "eventId": Field("event_id"),
                "eventType": Field("event_type"),
                "resourceId": Field("resource_id"),
                "outcome": Field("outcome"),
                "deliveryDate": Field("at", "instant"),
            },
        ),
        Resource(
            name="deadLetter",
            type="DeadLetter",
            shape=model.DeadLetter,
            view="operator_dead_letter",
            askable={
                "hubListener.id": Field("subscription_id"),
                "eventId": Field("event_id"),
                "resourceId": Field("resource_id"),
                "deadSince": Field("at", "instant"),
            },
        ),
        Resource(
            name="ledgerProof",
            type="LedgerProof",
            shape=model.LedgerProof,
            view="operator_ledger_proof",
            askable={"status": Field("status"), "creationDate": Field("created_at", "instant")},
            create=actions.create_proof,
            server_set=("status", "creationDate", "invariant", "total"),
            events={"create": "LedgerProofCreateEvent"},
            summary="Prove the ledger on the live database, and keep what was found",
        ),
        AUDIT_RECORD,
    ),
)
