"""TMF678 Customer Bill Management v5.0.0, declared."""

from __future__ import annotations

from oxl.apis.customer_bill import actions, documents, model
from oxl.apis.standard import Event, face
from oxl.callers import EVERYONE, Owner
from oxl.kernel.declare import Api, Field, Resource, Task

_BILL_EVENTS = {"create": "CustomerBillCreateEvent", "stateChange": "CustomerBillStateChangeEvent"}
_DEMAND_EVENTS = {"create": "CustomerBillOnDemandCreateEvent", "stateChange": "CustomerBillOnDemandStateChangeEvent"}


BILL = Resource(
    name="customerBill",
    type="CustomerBill",
    shape=model.CustomerBill,
    view="customer_bill",
    owner=Owner("account_id", shown="is_shown"),
    askable={
        "state": Field("state"),
        "category": Field("category"),
        "runType": Field("run_type"),
        "billNo": Field("number"),
        "billDate": Field("bill_date", "instant"),
        "paymentDueDate": Field("due_at", "instant"),
        "billingAccount.id": Field("account_id"),
        "billCycle.id": Field("cycle_id"),
    },
    patch=actions.patch_bill,
    patchable=("state", "billCycle"),
    state="state",
    streams=documents.STREAMS,
    events=_BILL_EVENTS,
    faces={"customer_bill_v4": face("customerBill", "customer_bill_4", _BILL_EVENTS, "state")},
    summary="A bill; a PATCH may change its state and its cycle, nothing else",
)
ON_DEMAND = Resource(
    name="customerBillOnDemand",
    type="CustomerBillOnDemand",
    shape=model.CustomerBillOnDemand,
    view="customer_bill_on_demand",
    owner=Owner("account_id"),
    theirs={"billingAccount.id": "account"},
    has_body=True,
    computed=("lastUpdate", "customerBill"),
    askable={"state": Field("state"), "billingAccount.id": Field("account_id")},
    create=actions.create_on_demand,
    required=("billingAccount",),
    server_set=("state", "lastUpdate"),
    state="state",
    task=Task(final=("rejected", "done", "terminatedWithError")),
    events=_DEMAND_EVENTS,
    faces={"customer_bill_v4": face("customerBillOnDemand", "customer_bill_on_demand_4", _DEMAND_EVENTS, "state")},
    summary="Ask for a bill of what an account owes by now; it is made within seconds",
)

CUSTOMER_BILL = Api(
    name="customer_bill",
    number="TMF678",
    title="Customer Bill Management",
    version="5.0.0",
    generation=5,
    base="/tmf-api/customerBillManagement/v5",
    description="Bills with their lines and taxes, computed to the coin from rated usage and fees."
    " Tax rates are percentages.",
    extra_parameters=frozenset(("before", "after", "sort", "filter")),
    event=Event,
    hub=("create", "delete"),
    resources=(
        BILL,
        ON_DEMAND,
        Resource(
            name="appliedCustomerBillingRate",
            type="AppliedCustomerBillingRate",
            shape=model.AppliedCustomerBillingRate,
            view="applied_customer_billing_rate",
            owner=Owner("account_id"),
            one="applied_customer_billing_rate_one",
            askable={
                "isBilled": Field("is_billed", "boolean"),
                "bill.id": Field("bill_id"),
                "billingAccount.id": Field("account_id"),
                "product.id": Field("product_id"),
                "appliedBillingRateType": Field("rate_type"),
                "name": Field("name"),
            },
            summary="The lines of bills, and what is not billed yet",
        ),
        Resource(
            name="billCycle",
            type="BillCycle",
            shape=model.BillCycle,
            view="bill_cycle_shown",
            owner=EVERYONE,
            askable={"billingDate": Field("cutoff", "instant"), "name": Field("name")},
        ),
    ),
)
