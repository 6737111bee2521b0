"""TMF635 Product Usage Management v5.0.0, declared."""

from __future__ import annotations

from oxl.apis.product_usage import actions
from oxl.apis.product_usage.model import ProductUsage
from oxl.kernel.declare import Api, Field, HubDeclaration, Resource

PRODUCT_USAGE = Api(
    name="product_usage",
    number="TMF635",
    title="Product Usage Management",
    version="5.0.0",
    generation=5,
    base="/tmf-api/productUsageManagement/v5",
    description="Usage records, guided to a product, rated by its price plan and drawn from its buckets as they come.",
    hub=HubDeclaration(read=True),
    resources=(
        Resource(
            name="productUsage",
            type="ProductUsage",
            shape=ProductUsage,
            view="product_usage",
            has_body=True,
            computed=("statusReason", "usageProductPrice"),
            askable={
                "status": Field("status"),
                "usageType": Field("usage_type"),
                "usageSpecification.id": Field("specification_id"),
                "product.id": Field("product_id"),
                "creationDate": Field("created_at", "instant"),
                "lastUpdate": Field("updated_at", "instant"),
            },
            create=actions.create,
            required=("usageSpecification",),
            events={"create": "ProductUsageCreateEvent"},
            vendor_events=("create",),
            summary="Record a usage: it is guided and rated at once, and its answer carries status and price",
        ),
    ),
)
