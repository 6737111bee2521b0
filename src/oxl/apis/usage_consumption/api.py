"""TMF677 Usage Consumption v5.1.0, declared."""

from __future__ import annotations

from oxl.apis.standard import Event
from oxl.apis.usage_consumption import actions
from oxl.apis.usage_consumption.model import QueryUsageConsumption, UsageConsumptionReport
from oxl.callers import Owner
from oxl.kernel.declare import Api, Field, Resource

USAGE_CONSUMPTION = Api(
    name="usage_consumption",
    number="TMF677",
    title="Usage Consumption",
    version="5.1.0",
    generation=5,
    base="/tmf-api/usageConsumption/v5",
    description="What a device has used and has left, computed from the ledger at the moment it is asked.",
    event=Event,
    hub=("create", "retrieve", "delete"),
    resources=(
        Resource(
            name="queryUsageConsumption",
            type="QueryUsageConsumption",
            shape=QueryUsageConsumption,
            view="usage_consumption_query",
            has_body=True,
            computed=("usageConsumption", "errorMessage"),
            askable={"state": Field("state"), "creationDate": Field("created_at", "instant")},
            create=actions.create_query,
            server_set=("state", "creationDate", "usageConsumption", "errorMessage"),
            delete=actions.delete_query,
            owner=Owner("party_id", "party"),
            state="state",
            events={"create": "QueryUsageConsumptionCreateEvent", "delete": "QueryUsageConsumptionDeleteEvent"},
            summary="Ask for the reports of a device, product, account or party; answered at once",
        ),
        Resource(
            name="usageConsumptionReport",
            type="UsageConsumptionReport",
            shape=UsageConsumptionReport,
            view="usage_consumption_report",
            one="usage_consumption_report_one",
            owner=Owner("party_id", "party"),
            askable={"creationDate": Field("created_at", "instant")},
        ),
    ),
)
