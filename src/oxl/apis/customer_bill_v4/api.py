"""TMF678 Customer Bill Management v4.0.0, declared: what version 5 has, in the older document's words."""

from __future__ import annotations

from oxl.apis.customer_bill.api import CUSTOMER_BILL
from oxl.apis.customer_bill_v4 import actions, model
from oxl.apis.standard4 import Event, newer
from oxl.kernel.declare import Api, Field, Resource, Task

_BILL_EVENTS = {"create": "CustomerBillCreateEvent", "stateChange": "CustomerBillStateChangeEvent"}
_DEMAND_EVENTS = {"create": "CustomerBillOnDemandCreateEvent", "stateChange": "CustomerBillOnDemandStateChangeEvent"}

CUSTOMER_BILL_V4 = Api(
    name="customer_bill_v4",
    number="TMF678",
    title="Customer Bill Management",
    version="4.0.0",
    generation=4,
    base="/tmf-api/customerBillManagement/v4",
    description="The bills of version 5, told as version 4 has them. Tax rates are percentages.",
    extra_parameters=frozenset(("before", "after", "sort", "filter")),
    event=Event,
    hub=("create", "delete"),
    resources=(
        Resource(
            name="customerBill",
            type="CustomerBill",
            shape=model.CustomerBill,
            view="customer_bill_4",
            askable={
                "state": Field("state"),
                "category": Field("category"),
                "runType": Field("run_type"),
                "billNo": Field("number"),
                "billDate": Field("bill_date", "instant"),
                "paymentDueDate": Field("due_at", "instant"),
                "billingAccount.id": Field("account_id"),
            },
            patch=actions.patch_bill,
            patchable=("state",),
            state="state",
            events=_BILL_EVENTS,
            own_events=frozenset(_BILL_EVENTS.values()),
            faces=newer(CUSTOMER_BILL, "customerBill"),
            summary="A bill; a PATCH may change its state, nothing else",
        ),
        Resource(
            name="customerBillOnDemand",
            type="CustomerBillOnDemand",
            shape=model.CustomerBillOnDemand,
            view="customer_bill_on_demand_4",
            computed=("lastUpdate", "customerBill"),
            askable={"state": Field("state"), "billingAccount.id": Field("account_id")},
            create=actions.create_on_demand,
            required=("billingAccount",),
            server_set=("state", "lastUpdate", "customerBill"),
            state="state",
            task=Task(final=("rejected", "done", "terminatedWithError")),
            events=_DEMAND_EVENTS,
            own_events=frozenset(_DEMAND_EVENTS.values()),
            faces=newer(CUSTOMER_BILL, "customerBillOnDemand"),
            summary="Ask for a bill of what an account owes by now; it is made within seconds",
        ),
        Resource(
            name="appliedCustomerBillingRate",
            type="AppliedCustomerBillingRate",
            shape=model.AppliedCustomerBillingRate,
            view="applied_customer_billing_rate_4",
            one="applied_customer_billing_rate_one_4",
            askable={
                "isBilled": Field("is_billed", "boolean"),
                "bill.id": Field("bill_id"),
                "billingAccount.id": Field("account_id"),
                "product.id": Field("product_id"),
                "type": Field("rate_type"),
                "name": Field("name"),
            },
            summary="The lines of bills, and what is not billed yet",
        ),
    ),
)
