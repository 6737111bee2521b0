"""OXL's operator endpoints of billing, declared: `/oxl/billing/v1/…`."""

from __future__ import annotations

from oxl.apis.billing import actions, model
from oxl.kernel.declare import Api, Field, Resource

RUN = Resource(
    name="billRun",
    type="BillRun",
    shape=model.BillRun,
    view="billing_run",
    computed=("accounts", "pending", "control", "startDate", "completionDate", "cutOff"),
    askable={"kind": Field("kind"), "state": Field("state"), "billCycle.id": Field("cycle_id")},
    create=actions.create_run,
    required=("kind",),
    server_set=("state", "cutOff", "startDate", "completionDate", "accounts", "pending", "control"),
    state="state",
    events={"create": "BillRunCreateEvent", "stateChange": "BillRunStateChangeEvent"},
    summary="Bill a cycle that has ended or accounts now; a trial claims nothing and gives out no numbers",
)
REISSUE = Resource(
    name="billReissue",
    type="BillReissue",
    shape=model.BillReissue,
    view="billing_reissue",
    has_body=True,
    askable={"state": Field("state"), "category": Field("kind"), "bill.id": Field("of_bill")},
    create=actions.create_reissue,
    required=("category", "bill"),
    server_set=("state", "customerBill"),
    state="state",
    events={"create": "BillReissueCreateEvent", "stateChange": "BillReissueStateChangeEvent"},
    summary="A copy of a bill, or a credit note of it or of some of its lines",
)
DUNNING = Resource(
    name="dunningStep",
    type="DunningStep",
    shape=model.DunningStep,
    view="billing_dunning",
    askable={"state": Field("state"), "bill.id": Field("bill_id"), "billingAccount.id": Field("account_id")},
    state="state",
    events={"create": "DunningStepCreateEvent", "stateChange": "DunningStepStateChangeEvent"},
    summary="What was done because a bill was not paid: a reminder, a fee, a suspension that a payment lifts",
)
EXEMPTION = Resource(
    name="accountTaxExemption",
    type="AccountTaxExemption",
    shape=model.AccountTaxExemption,
    view="billing_exemption",
    askable={"billingAccount.id": Field("account_id"), "taxCategory": Field("category")},
    create=actions.create_exemption,
    required=("billingAccount", "taxCategory", "reason"),
    patch=actions.patch_exemption,
    patchable=("validFor",),
    events={"create": "AccountTaxExemptionCreateEvent",
            "attributeValueChange": "AccountTaxExemptionAttributeValueChangeEvent"},
    summary="An account that need not pay tax for a time, and why; a PATCH may change when that ends",
)  # fmt: skip
EXPLANATION = Resource(
    name="billExplanation",
    type="BillExplanation",
    shape=model.BillExplanation,
    view="billing_explanation",
    one="billing_explanation_one",
    askable={"bill.id": Field("bill_id")},
    summary="By a bill's id its lines with their arithmetic; by a line's the usage records behind it",
)

BILLING = Api(
    name="billing",
    number="",
    title="OXL billing endpoints",
    version="1.0.0",
    generation=5,
    base="/oxl/billing/v1",
    description="Run bills, take payments, put items on the next bill, and see how a bill comes to what it says.",
    hub=("create", "retrieve", "delete"),
    resources=(
        RUN,
        Resource(
            name="payment",
            type="Payment",
            shape=model.Payment,
            view="billing_payment",
            askable={"billingAccount.id": Field("account_id"), "paymentReference": Field("reference")},
            create=actions.create_payment,
            required=("paymentReference", "billingAccount", "amount"),
            server_set=("kind", "unusedAmount", "usedFor"),
            events={"create": "PaymentCreateEvent"},
            summary="Record a payment; it is used for what is due first, and what is left for the next bill",
        ),
        Resource(
            name="billItem",
            type="BillItem",
            shape=model.BillItem,
            view="billing_item",
            askable={
                "billingAccount.id": Field("account_id"),
                "bill.id": Field("bill_id"),
                "rateType": Field("rate_type"),
            },
            create=actions.create_item,
            required=("billingAccount", "rateType", "name"),
            server_set=("bill",),
            events={"create": "BillItemCreateEvent"},
            summary="Put a charge, discount, credit or penalty on an account's next bill",
        ),
        REISSUE,
        EXPLANATION,
        DUNNING,
        EXEMPTION,
    ),
)
