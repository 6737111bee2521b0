"""TMF677 Usage Consumption v5.1.0, declared."""

from __future__ import annotations

from oxl.apis.standard import Event, face
from oxl.apis.usage_consumption import actions, live
from oxl.apis.usage_consumption.model import QueryUsageConsumption, UsageConsumptionReport, UsageLimit
from oxl.callers import Owner
from oxl.kernel.declare import Api, Field, Resource, Stream, Task

_EVENTS = {"create": "QueryUsageConsumptionCreateEvent", "delete": "QueryUsageConsumptionDeleteEvent"}

USAGE_CONSUMPTION = Api(
    name="usage_consumption",
    number="TMF677",
    title="Usage Consumption",
    version="5.1.0",
    generation=5,
    base="/tmf-api/usageConsumption/v5",
    description="What a device or an account has used and has left, computed from the ledger at the moment it is asked."
    " The report live-{device's id or number, or account's id} is never kept; its stream tells every change.",
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
            task=Task(final=("done", "rejected", "cancelled", "terminatedWithError"), later=actions.create_query_later),
            events=_EVENTS | {"stateChange": "QueryUsageConsumptionStateChangeEvent"},
            faces={"usage_consumption_v4": face("queryUsageConsumption", "usage_consumption_query_4", _EVENTS)},
            summary="Ask for the reports of the devices that a template means; of many a worker answers later",
        ),
        Resource(
            name="usageConsumptionReport",
            type="UsageConsumptionReport",
            shape=UsageConsumptionReport,
            view="usage_consumption_report",
            one="usage_consumption_report_one",
            owner=Owner("account_id"),
            askable={"creationDate": Field("created_at", "instant")},
            create=actions.create_report,
            server_set=("creationDate", "lastUpdate"),
            delete=actions.delete_report,
            streams=(
                Stream(
                    name="stream",
                    method="GET",
                    answer=live.stream,
                    gives="text/event-stream",
                    summary="The report as it is now, and again whenever it changes, as server-sent events",
                ),
            ),
            events={
                "create": "UsageConsumptionReportCreateEvent",
                "delete": "UsageConsumptionReportDeleteEvent",
            },
            summary="Keep a report of a device or an account as it is now",
        ),
        Resource(
            name="usageLimit",
            type="UsageLimit",
            shape=UsageLimit,
            view="usage_consumption_limit",
            owner=Owner("account_id"),
            computed=("usedValue", "remainingValue", "thresholdReached", "consumptionPeriod"),
            askable={
                "creationDate": Field("created_at", "instant"),
                "logicalResource.id": Field("device_id"),
                "partyAccount.id": Field("account_id"),
            },
            create=actions.create_limit,
            required=("logicalResource", "limitValue"),
            server_set=(
                "creationDate",
                "partyAccount",
                "usedValue",
                "remainingValue",
                "thresholdReached",
                "consumptionPeriod",
            ),
            delete=actions.delete_limit,
            own_operations=frozenset({"list", "create", "retrieve", "delete"}),
            events={
                "create": "UsageLimitCreateEvent",
                "delete": "UsageLimitDeleteEvent",
                "threshold": "UsageLimitThresholdEvent",
            },
            own_events=frozenset({"UsageLimitCreateEvent", "UsageLimitDeleteEvent", "UsageLimitThresholdEvent"}),
            summary="Set what a device may spend, or use of a shared allowance, before somebody is told",
        ),
    ),
)
