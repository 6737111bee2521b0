"""OXL's operator endpoints, declared: `/oxl/v1/…`."""

from __future__ import annotations

from oxl.apis.operator import actions, model
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
        Resource(
            name="productOffering",
            type="ProductOffering",
            shape=model.ProductOffering,
            view="operator_offering",
            askable={"name": Field("name"), "lifecycleStatus": Field("status")},
        ),
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
    ),
)
