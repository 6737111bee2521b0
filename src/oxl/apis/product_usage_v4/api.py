"""TMF635 Usage Management v4.0.0, declared: the records of version 5, and the specifications that they are read by."""

from __future__ import annotations

from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.product_usage_v4 import actions, model
from oxl.apis.standard4 import newer
from oxl.kernel.declare import Api, Field, Resource

PRODUCT_USAGE_V4 = Api(
    name="product_usage_v4",
    number="TMF635",
    title="Usage Management",
    version="4.0.0",
    generation=4,
    base="/tmf-api/usageManagement/v4",
    description="The usage records of version 5, told as version 4 has them. A specification that is"
    " described here is kept and told of; usage is read by those that the catalog publishes.",
    extra_parameters=frozenset(("before", "after", "sort", "filter")),
    event=model.Event,
    hub=("create", "delete"),
    resources=(
        Resource(
            name="usage",
            type="Usage",
            shape=model.Usage,
            view="product_usage_4",
            computed=("statusReason", "ratedProductUsage"),
            askable={
                "status": Field("status"),
                "usageType": Field("usage_type"),
                "usageSpecification.id": Field("specification_id"),
                "usageDate": Field("used_at", "instant"),
            },
            create=actions.create,
            server_set=("status", "statusReason", "ratedProductUsage"),
            patch=actions.patch,
            patchable=("description", "relatedParty"),
            delete=actions.remove,
            state="status",
            events={
                "create": "UsageCreateEvent",
                "attributeValueChange": "UsageAttributeValueChangeEvent",
                "stateChange": "UsageStateChangeEvent",
                "delete": "UsageDeleteEvent",
            },
            faces=newer(PRODUCT_USAGE, "productUsage"),
            summary="Record a usage: it is guided and rated at once, and its answer carries status and amounts",
        ),
        Resource(
            name="usageSpecification",
            type="UsageSpecification",
            shape=model.UsageSpecification,
            view="product_usage_specification_4",
            askable={"name": Field("name"), "lifecycleStatus": Field("lifecycle_status")},
            create=actions.create_specification,
            patch=actions.patch_specification,
            delete=actions.remove_specification,
            events={
                "create": "UsageSpecificationCreateEvent",
                "attributeValueChange": "UsageSpecificationAttributeValueChangeEvent",
                "delete": "UsageSpecificationDeleteEvent",
            },
            summary="Describe a kind of usage; those that records are read by are published with the catalog",
        ),
    ),
)
