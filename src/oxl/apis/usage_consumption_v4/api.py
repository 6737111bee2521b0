"""TMF677 Usage Consumption v4.0.0, declared: the queries of version 5."""

from __future__ import annotations

from oxl.apis.standard4 import Event, newer
from oxl.apis.usage_consumption.api import USAGE_CONSUMPTION
from oxl.apis.usage_consumption_v4 import actions, model
from oxl.kernel.declare import Api, Field, Resource

USAGE_CONSUMPTION_V4 = Api(
    name="usage_consumption_v4",
    number="TMF677",
    title="Usage Consumption Management",
    version="4.0.0",
    generation=4,
    base="/tmf-api/usageConsumption/v4",
    description="The queries of version 5, told as version 4 has them.",
    extra_parameters=frozenset(("before", "after", "sort", "filter")),
    event=Event,
    hub=("create", "delete"),
    resources=(
        Resource(
            name="queryUsageConsumption",
            type="QueryUsageConsumption",
            shape=model.QueryUsageConsumption,
            view="usage_consumption_query_4",
            computed=("usageConsumption",),
            askable={"queryUsageConsumptionDate": Field("asked_at", "instant")},
            create=actions.create_query,
            server_set=("usageConsumption",),
            delete=actions.delete_query,
            events={"create": "QueryUsageConsumptionCreateEvent", "delete": "QueryUsageConsumptionDeleteEvent"},
            faces=newer(USAGE_CONSUMPTION, "queryUsageConsumption"),
            summary="Ask for the reports of a device, product, account or party",
        ),
    ),
)
