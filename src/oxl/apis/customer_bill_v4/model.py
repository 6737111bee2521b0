"""TMF678 Customer Bill Management v4.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import Flag, Instant, Text
from oxl.apis.standard4 import Entity, Extensible
from oxl.kernel.shapes import Facts, Form

BillState = Annotated[
    Literal["new", "onHold", "validated", "sent", "partiallyPaid", "settled"], Meta(title="stateValue")
]
TaskState = Annotated[Literal["inProgress", "rejected", "done", "terminatedWithError"], Meta(title="StateValues")]
Value = Annotated[Any, Meta(title="Any")]
_ALL_BUT_STATE = (
    "billDate", "billNo", "category", "lastUpdate", "nextBillDate", "paymentDueDate", "runType", "amountDue",
    "appliedPayment", "billDocument", "billingAccount", "billingPeriod", "financialAccount", "paymentMethod",
    "relatedParty", "remainingAmount", "taxExcludedAmount", "taxIncludedAmount", "taxItem",
)  # fmt: skip


class _Reference(Extensible):
    id: str
    href: Text = UNSET
    at_referred_type: Text = UNSET


class _Ref(_Reference):
    name: Text = UNSET


class Quantity(msgspec.Struct, kw_only=True):
    """An amount in units."""

    facts = Facts(optional=("amount",))
    amount: Decimal
    units: Text = UNSET


class Money(msgspec.Struct, kw_only=True):
    """An amount of money; unit is the ISO 4217 code."""

    facts = Facts(optional=("unit", "value"))
    unit: str
    value: Decimal


class TimePeriod(msgspec.Struct, kw_only=True):
    """From start to end; either may be open."""

    startDateTime: Instant = UNSET
    endDateTime: Instant = UNSET


class BillRef(_Reference):
    """A bill."""


class BillingAccountRef(_Ref):
    """The account that is billed."""


class ProductRef(_Ref):
    """A product that somebody has."""


class PaymentRef(_Ref):
    """A payment."""


class PaymentMethodRef(_Ref):
    """How something is paid for."""


class RelatedPartyRef(_Ref):
    """A party with the role it plays."""

    role: Text = UNSET


class AccountBalance(Extensible):
    """What stands on a financial account."""

    balanceType: str
    amount: Money
    validFor: TimePeriod


class FinancialAccountRef(_Ref):
    """The account that bills are settled on."""

    accountBalance: list[AccountBalance] | UnsetType = UNSET


class AppliedPayment(Extensible):
    """What of a payment was used for a bill."""

    appliedAmount: Money | UnsetType = UNSET
    payment: PaymentRef | UnsetType = UNSET


class AttachmentRefOrValue(Entity):
    """A document of a bill."""

    attachmentType: Text = UNSET
    content: Text = UNSET
    description: Text = UNSET
    mimeType: Text = UNSET
    name: Text = UNSET
    url: Text = UNSET
    size: Quantity | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    at_referred_type: Text = UNSET


class TaxItem(Extensible):
    """A tax of a bill; taxRate in percent."""

    taxCategory: Text = UNSET
    taxRate: Decimal | UnsetType = UNSET
    taxAmount: Money | UnsetType = UNSET


class AppliedBillingTaxRate(Extensible):
    """A tax of a line; taxRate in percent."""

    taxCategory: Text = UNSET
    taxRate: Decimal | UnsetType = UNSET
    taxAmount: Money | UnsetType = UNSET


class AppliedBillingRateCharacteristic(Extensible):
    """A named value of a line."""

    name: str
    value: Value
    valueType: Text = UNSET


class CustomerBill(Entity):
    """A bill."""

    facts = Facts(update=Form(without=("id", "href", *_ALL_BUT_STATE)))
    billDate: Instant = UNSET
    billNo: Text = UNSET
    category: Text = UNSET
    lastUpdate: Instant = UNSET
    nextBillDate: Instant = UNSET
    paymentDueDate: Instant = UNSET
    runType: Text = UNSET
    amountDue: Money | UnsetType = UNSET
    appliedPayment: list[AppliedPayment] | UnsetType = UNSET
    billDocument: list[AttachmentRefOrValue] | UnsetType = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    billingPeriod: TimePeriod | UnsetType = UNSET
    financialAccount: FinancialAccountRef | UnsetType = UNSET
    paymentMethod: PaymentMethodRef | UnsetType = UNSET
    relatedParty: list[RelatedPartyRef] | UnsetType = UNSET
    remainingAmount: Money | UnsetType = UNSET
    state: BillState | UnsetType = UNSET
    taxExcludedAmount: Money | UnsetType = UNSET
    taxIncludedAmount: Money | UnsetType = UNSET
    taxItem: list[TaxItem] | UnsetType = UNSET


class CustomerBillOnDemand(Entity):
    """A bill that somebody asked for."""

    facts = Facts(create=Form(without=("id", "href")))
    description: Text = UNSET
    lastUpdate: Text = UNSET
    name: Text = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    customerBill: BillRef | UnsetType = UNSET
    relatedParty: RelatedPartyRef | UnsetType = UNSET
    state: TaskState | UnsetType = UNSET


class AppliedCustomerBillingRate(Entity):
    """A line of a bill, or what will be one."""

    facts = Facts(required=("id",))
    date: Instant = UNSET
    description: Text = UNSET
    isBilled: Flag = UNSET
    name: Text = UNSET
    type: Text = UNSET
    appliedTax: list[AppliedBillingTaxRate] | UnsetType = UNSET
    bill: BillRef | UnsetType = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    characteristic: list[AppliedBillingRateCharacteristic] | UnsetType = UNSET
    periodCoverage: TimePeriod | UnsetType = UNSET
    product: ProductRef | UnsetType = UNSET
    taxExcludedAmount: Money | UnsetType = UNSET
    taxIncludedAmount: Money | UnsetType = UNSET
