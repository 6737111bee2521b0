"""TMF635 Product Usage Management v5.0.0, declared."""

from __future__ import annotations

from oxl.apis.product_usage import actions, exports, intake
from oxl.apis.product_usage.model import ExportJob, ProductUsage
from oxl.apis.standard import Event, face
from oxl.callers import Owner
from oxl.kernel.declare import Api, Field, Resource, Stream, Task

_EVENTS = {  # none of them is in the document
    "create": "ProductUsageCreateEvent",
    "attributeValueChange": "ProductUsageAttributeValueChangeEvent",
    "stateChange": "ProductUsageStateChangeEvent",
    "delete": "ProductUsageDeleteEvent",
}
_EVENTS_4 = {change: event.removeprefix("Product") for change, event in _EVENTS.items()}
PRODUCT_USAGE = Api(
    name="product_usage",
    number="TMF635",
    title="Product Usage Management",
    version="5.0.0",
    generation=5,
    base="/tmf-api/productUsageManagement/v5",
    description="Usage records, guided to a product, rated by its price plan and drawn from its buckets as they come."
    " What describes a record may be patched. Its status goes its own way; from outside it is set to superseded, which"
    " takes the record and its charge out, or from failed to validated, which tries it again.",
    event=Event,
    hub=("create", "retrieve", "delete"),
    resources=(
        Resource(
            name="productUsage",
            type="ProductUsage",
            shape=ProductUsage,
            view="product_usage",
            owner=Owner("account_id"),
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
            server_set=("status", "statusReason", "creationDate", "lastUpdate", "usageProductPrice"),
            streams=(
                Stream(
                    name="import",
                    method="POST",
                    answer=intake.take,
                    takes=intake.MEDIA,
                    gives=intake.MEDIA,
                    summary="Record many usages, one a line; answers with what each line came to, one a line",
                ),
            ),
            patch=actions.patch,
            patchable=("relatedParty", "serviceUsage", "status"),
            delete=actions.remove,
            state="status",
            events=_EVENTS,
            own_events=frozenset(_EVENTS.values()),
            faces={"product_usage_v4": face("usage", "product_usage_4", _EVENTS_4, "status")},
            summary="Record a usage: it is guided and rated at once, and its answer carries status and price",
        ),
        Resource(
            name="exportJob",
            type="ExportJob",
            shape=ExportJob,
            view="export_job_document",
            computed=("url", "errorLog", "recordCount", "recordTotal", "fileSize", "checksum"),
            askable={
                "status": Field("status"),
                "creationDate": Field("created_at", "instant"),
                "completionDate": Field("completed_at", "instant"),
            },
            create=exports.create,
            server_set=(
                "status",
                "creationDate",
                "completionDate",
                "errorLog",
                "recordCount",
                "recordTotal",
                "fileSize",
                "checksum",
            ),
            delete=exports.delete,
            state="status",
            task=Task(final=("Succeeded", "Failed"), flagged=True),
            streams=(
                Stream(
                    name="content", method="GET", answer=exports.content, summary="The file of a job that succeeded"
                ),
            ),
            events={
                "create": "ExportJobCreateEvent",
                "delete": "ExportJobDeleteEvent",
                "stateChange": "ExportJobStateChangeEvent",
            },
            summary="Ask for a file of usage records; a worker makes it",
        ),
    ),
)
