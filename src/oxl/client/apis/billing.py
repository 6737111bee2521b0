"""OXL billing endpoints 1.0.0: what the client knows of it.

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, Required, TypedDict

from oxl.client.apis import Typed
from oxl.client.apis.standard import EntityRef, Money, TimePeriod
from oxl.client.operations import Kind

BASE = "/oxl/billing/v1"


class AccountTaxExemption(Typed, total=False):
    """Why an account need not pay tax: it is exempt (E), or the charge is reversed and it owes the tax itself (AE)."""

    id: Required[str]
    href: Required[str]
    billingAccount: EntityRef
    taxCategory: Literal["E", "AE"]
    reason: str
    reasonCode: str
    certificateNumber: str
    issuingJurisdiction: str
    taxNumber: str
    validFor: TimePeriod


class BillExplanation(Typed, total=False):
    """How a bill, or a line of one, comes to what it says: by a bill's id its lines, by a line's what is behind."""

    id: Required[str]
    href: Required[str]
    arithmetic: list[str]
    bill: EntityRef
    billNo: str
    name: str
    pricePlan: EntityRef
    taxExcludedAmount: Money
    tax: Money
    droppedAmount: Money
    rounding: Money
    line: list[dict[str, Any]]
    usage: list[dict[str, Any]]


class BillItem(Typed, total=False):
    """What is to be on an account's next bill: an amount once, or a percentage of its fees on every one while valid."""

    id: Required[str]
    href: Required[str]
    billingAccount: EntityRef
    rateType: Literal["oneTimeCharge", "rebate", "productAlteration", "lateFee", "discount"]
    name: str
    amount: Money
    percentage: Decimal
    taxCategory: str
    taxIncluded: bool
    validFor: TimePeriod
    bill: EntityRef


class BillReissue(Typed, total=False):
    """A copy of a bill, or a credit note of it or of some of its lines."""

    id: Required[str]
    href: Required[str]
    category: Literal["duplicate", "credit note"]
    bill: EntityRef
    line: list[EntityRef]
    reason: str
    state: str
    customerBill: EntityRef


class BillRun(Typed, total=False):
    """A bill run: of a cycle that has ended, of accounts now, or a trial of either that claims nothing."""

    id: Required[str]
    href: Required[str]
    kind: Literal["onCycle", "offCycle", "trial"]
    billCycle: EntityRef
    billingAccount: list[EntityRef]
    state: str
    cutOff: str
    startDate: str
    completionDate: str
    accounts: int
    pending: int
    control: dict[str, Any]


class DunningStep(Typed, total=False):
    """A step that was taken because a bill was not paid; while it is suspending it holds lines suspended."""

    id: Required[str]
    href: Required[str]
    name: str
    step: int
    state: Literal["taken", "suspending", "lifted"]
    suspended: list[EntityRef]
    liftDate: str
    bill: EntityRef
    billingAccount: EntityRef
    billItem: EntityRef
    date: str


class Payment(Typed, total=False):
    """Money received for an account. The reference counts once; what is due first is paid first."""

    id: Required[str]
    href: Required[str]
    paymentReference: str
    billingAccount: EntityRef
    amount: Money
    paymentDate: str
    kind: str
    unusedAmount: Money
    usedFor: list[UsedFor]


class UsedFor(TypedDict, total=False):
    """What of a payment went to a bill."""

    bill: EntityRef
    amount: Money


bill_run: Kind[BillRun] = Kind(BASE, "billRun")
payment: Kind[Payment] = Kind(BASE, "payment")
bill_item: Kind[BillItem] = Kind(BASE, "billItem")
bill_reissue: Kind[BillReissue] = Kind(BASE, "billReissue")
bill_explanation: Kind[BillExplanation] = Kind(BASE, "billExplanation")
dunning_step: Kind[DunningStep] = Kind(BASE, "dunningStep")
account_tax_exemption: Kind[AccountTaxExemption] = Kind(BASE, "accountTaxExemption")
