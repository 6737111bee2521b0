"""TMF678 Customer Bill Management 5.0.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Required, TypedDict

from oxl.client.apis import Referring, Typed
from oxl.client.apis.standard import Characteristic, Money, Quantity, TimePeriod
from oxl.client.operations import Kind

BASE = "/tmf-api/customerBillManagement/v5"


class AppliedBillingTaxRate(Typed, total=False):
    """A line's share of the tax of its category; the rate is a percentage."""

    id: str
    href: str
    taxAmount: Money
    taxCategory: str
    taxRate: Decimal


class AppliedCustomerBillingRate(Typed, total=False):
    """A line: a charge, a credit or a penalty, on a bill or not billed yet."""

    id: Required[str]
    href: Required[str]
    appliedTax: list[AppliedBillingTaxRate]
    bill: CustomerBillRef
    date: str
    description: str
    isBilled: bool
    name: str
    periodCoverage: TimePeriod
    taxExcludedAmount: Money
    taxIncludedAmount: Money
    appliedBillingRateType: str
    billingAccount: BillingAccountRef
    product: ProductRef
    characteristic: list[Characteristic]


class AppliedPayment(TypedDict, total=False):
    """The part of a payment that went to a bill."""

    appliedAmount: Money
    payment: PaymentRef


class AttachmentRefOrValue(Referring, total=False):
    """A document, or a reference to one."""

    id: str
    href: str
    name: str
    description: str
    url: str
    content: str
    size: Quantity
    validFor: TimePeriod
    attachmentType: str
    mimeType: str


class BillCycle(Typed, total=False):
    """What ends on one day, for the accounts of that billing day."""

    id: Required[str]
    href: Required[str]
    billingDate: str
    billingPeriod: str
    chargeDate: str
    creditDate: str
    description: str
    mailingDate: str
    name: str
    paymentDueDate: str
    BillCycleSpecification: BillCycleSpecificationRef
    validFor: TimePeriod


class BillCycleRef(Referring, total=False):
    """A bill cycle."""

    id: Required[str]
    href: str
    name: str


class BillCycleSpecificationRef(Referring, total=False):
    """What a bill cycle is made after."""

    id: Required[str]
    href: str
    name: str
    description: str


class BillingAccountRef(Referring, total=False):
    """The account that is billed."""

    id: Required[str]
    href: str
    name: str
    ratingType: str


class CustomerBill(Typed, total=False):
    """A bill: what an account owes for a period, its taxes, and what has been paid."""

    id: Required[str]
    href: Required[str]
    amountDue: Money
    appliedPayment: list[AppliedPayment]
    billDate: str
    billDocument: list[AttachmentRefOrValue]
    billNo: str
    billingAccount: BillingAccountRef
    billingPeriod: TimePeriod
    billCycle: BillCycleRef
    category: str
    financialAccount: FinancialAccountRef
    lastUpdate: str
    nextBillDate: str
    paymentDueDate: str
    paymentMethod: PaymentMethodRef
    relatedParty: list[RelatedPartyRefOrPartyRoleRef]
    remainingAmount: Money
    runType: Literal["onCycle", "offCycle"]
    taxExcludedAmount: Money
    taxIncludedAmount: Money
    taxItem: list[TaxItem]
    state: Literal["new", "onHold", "validated", "sent", "settled", "partiallyPaid"]


class CustomerBillOnDemand(Typed, total=False):
    """A request for a bill before the cycle ends."""

    id: Required[str]
    href: Required[str]
    name: str
    description: str
    state: Literal["inProgress", "rejected", "done", "terminatedWithError"]
    billingAccount: BillingAccountRef
    customerBill: CustomerBillRef
    lastUpdate: str
    relatedParty: RelatedPartyRefOrPartyRoleRef


class CustomerBillRef(Referring, total=False):
    """A bill."""

    id: Required[str]
    href: str
    name: str


class FinancialAccountRef(Referring, total=False):
    """An account in the books."""

    id: Required[str]
    href: str
    name: str


class PartyRefOrPartyRoleRef(Referring, total=False):
    """A party, or a role of one."""

    id: Required[str]
    href: str
    name: str
    partyId: str
    partyName: str


class PaymentMethodRef(Referring, total=False):
    """A way to pay."""

    id: Required[str]
    href: str
    name: str


class PaymentRef(Referring, total=False):
    """A payment."""

    id: Required[str]
    href: str
    name: str


class ProductRef(Referring, total=False):
    """A product that somebody has."""

    id: Required[str]
    href: str
    name: str


class RelatedPartyRefOrPartyRoleRef(Typed, total=False):
    """A party with the role it plays."""

    role: str
    partyOrPartyRole: PartyRefOrPartyRoleRef


class TaxItem(Typed, total=False):
    """A row of a bill's tax table; the rate is a percentage."""

    taxAmount: Money
    taxCategory: str
    taxRate: Decimal


customer_bill: Kind[CustomerBill] = Kind(BASE, "customerBill")
customer_bill_on_demand: Kind[CustomerBillOnDemand] = Kind(BASE, "customerBillOnDemand")
applied_customer_billing_rate: Kind[AppliedCustomerBillingRate] = Kind(BASE, "appliedCustomerBillingRate")
bill_cycle: Kind[BillCycle] = Kind(BASE, "billCycle")
