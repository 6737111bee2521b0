"""TMF678 Customer Bill Management v5.0.0: its resources as shapes, in the standard's names."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from oxl.apis.standard import (
    Annotations,
    Characteristic,
    Flag,
    Instant,
    Money,
    Number,
    Quantity,
    Text,
    TimePeriod,
)
from oxl.kernel.shapes import Facts, Form

# This document has forms of its own for what it builds on, where the others use the shapes themselves everywhere.

BillState = Annotated[
    Literal["new", "onHold", "validated", "sent", "settled", "partiallyPaid"], Meta(title="CustomerBillStateType")
]
RunType = Annotated[Literal["onCycle", "offCycle"], Meta(title="CustomerBillRunType")]
OnDemandState = Annotated[
    Literal["inProgress", "rejected", "done", "terminatedWithError"], Meta(title="CustomerBillOnDemandStateType")
]
Percent = Annotated[Number, Meta(extra_json_schema={"type": "number", "format": "float"})] | UnsetType
Base64 = Annotated[str, Meta(extra_json_schema={"type": "string", "format": "base64"})] | UnsetType


class Extensible(Annotations):
    """What every object may carry: its class, the class it extends, and where the extension is described."""

    facts = Facts(required=("@type",), abstract=True, create=Form(required=("@type",)))


class Addressable(msgspec.Struct, kw_only=True):
    """What has an identity and an address."""

    facts = Facts(abstract=True, create=Form(without=("href",)), update=Form(without=("id", "href")))
    href: Text = UNSET
    id: Text = UNSET


class Entity(Extensible):
    """A resource: what has an identity and an address."""

    facts = Facts(
        abstract=True, also=(Extensible, Addressable), create=Form(without=("id", "href")),
        update=Form(without=("id", "href")),
    )  # fmt: skip
    id: Text = UNSET
    href: Text = UNSET


class EntityRef(Extensible):
    """A reference to a resource, here or elsewhere."""

    facts = Facts(
        abstract=True, also=(Extensible, Addressable), filled=(("@type", "EntityRef"),), create=Form(required=("id",))
    )
    id: str
    href: Text = UNSET
    name: Text = UNSET
    at_referred_type: Text = UNSET


class PartyRef(EntityRef):
    """A party."""

    facts = Facts(create=Form())


class PartyRoleRef(EntityRef):
    """A role of a party; partyId and partyName are the party's."""

    facts = Facts(create=Form())
    partyId: Text = UNSET
    partyName: Text = UNSET


class PartyRefOrPartyRoleRef(EntityRef):
    """A party, or a role of one."""

    facts = Facts(one_of=(PartyRef, PartyRoleRef), create=Form())
    partyId: Text = UNSET
    partyName: Text = UNSET


class RelatedPartyRefOrPartyRoleRef(Extensible):
    """A party with the role it plays."""

    facts = Facts(create=Form(required=("role",)))
    role: Text = UNSET
    partyOrPartyRole: PartyRefOrPartyRoleRef | UnsetType = UNSET


class BillingAccountRef(EntityRef):
    """The account that is billed."""

    facts = Facts(create=Form(required=("id",)))
    ratingType: Text = UNSET


class CustomerBillRef(EntityRef):
    """A bill."""

    facts = Facts(create=Form())


class BillCycleRef(EntityRef):
    """A bill cycle."""

    facts = Facts(update=Form())


class BillCycleSpecificationRef(EntityRef):
    """What a bill cycle is made after."""

    description: Text = UNSET


class FinancialAccountRef(EntityRef):
    """An account in the books."""


class PaymentMethodRef(EntityRef):
    """A way to pay."""


class PaymentRef(EntityRef):
    """A payment."""


class ProductRef(EntityRef):
    """A product that somebody has."""


class AppliedPayment(msgspec.Struct, kw_only=True):
    """The part of a payment that went to a bill."""

    appliedAmount: Money | UnsetType = UNSET
    payment: PaymentRef | UnsetType = UNSET


class TaxItem(Extensible):
    """A row of a bill's tax table; the rate is a percentage."""

    taxAmount: Money | UnsetType = UNSET
    taxCategory: Text = UNSET
    taxRate: Percent = UNSET


class AppliedBillingTaxRate(Entity):
    """A line's share of the tax of its category; the rate is a percentage."""

    taxAmount: Money | UnsetType = UNSET
    taxCategory: Text = UNSET
    taxRate: Percent = UNSET


class Attachment(Entity):
    """A document, with where it is or what it holds."""

    name: Text = UNSET
    description: Text = UNSET
    url: Text = UNSET
    content: Base64 = UNSET
    size: Quantity | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    attachmentType: Text = UNSET
    mimeType: Text = UNSET


class AttachmentRef(EntityRef):
    """A document that is elsewhere."""

    description: Text = UNSET
    url: Text = UNSET


class AttachmentRefOrValue(Attachment):
    """A document, or a reference to one."""

    facts = Facts(one_of=(Attachment, AttachmentRef))
    at_referred_type: Text = UNSET


class CustomerBill(Entity):
    """A bill: what an account owes for a period, its taxes, and what has been paid."""

    facts = Facts(
        update=Form(
            without=(
                "id", "href", "amountDue", "appliedPayment", "billDate", "billDocument", "billNo", "billingAccount",
                "billingPeriod", "category", "financialAccount", "lastUpdate", "nextBillDate", "paymentDueDate",
                "paymentMethod", "relatedParty", "remainingAmount", "runType", "taxExcludedAmount",
                "taxIncludedAmount", "taxItem",
            )
        )
    )  # fmt: skip
    amountDue: Money | UnsetType = UNSET
    appliedPayment: list[AppliedPayment] | UnsetType = UNSET
    billDate: Instant = UNSET
    billDocument: list[AttachmentRefOrValue] | UnsetType = UNSET
    billNo: Text = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    billingPeriod: TimePeriod | UnsetType = UNSET
    billCycle: BillCycleRef | UnsetType = UNSET
    category: Text = UNSET
    financialAccount: FinancialAccountRef | UnsetType = UNSET
    lastUpdate: Instant = UNSET
    nextBillDate: Instant = UNSET
    paymentDueDate: Instant = UNSET
    paymentMethod: PaymentMethodRef | UnsetType = UNSET
    relatedParty: list[RelatedPartyRefOrPartyRoleRef] | UnsetType = UNSET
    remainingAmount: Money | UnsetType = UNSET
    runType: RunType | UnsetType = UNSET
    taxExcludedAmount: Money | UnsetType = UNSET
    taxIncludedAmount: Money | UnsetType = UNSET
    taxItem: list[TaxItem] | UnsetType = UNSET
    state: BillState | UnsetType = UNSET


class CustomerBillOnDemand(Entity):
    """A request for a bill before the cycle ends."""

    facts = Facts(create=Form(required=("billingAccount",)))
    name: Text = UNSET
    description: Text = UNSET
    state: OnDemandState | UnsetType = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    customerBill: CustomerBillRef | UnsetType = UNSET
    lastUpdate: Text = UNSET
    relatedParty: RelatedPartyRefOrPartyRoleRef | UnsetType = UNSET


class AppliedCustomerBillingRate(Entity):
    """A line: a charge, a credit or a penalty, on a bill or not billed yet."""

    appliedTax: list[AppliedBillingTaxRate] | UnsetType = UNSET
    bill: CustomerBillRef | UnsetType = UNSET
    date: Instant = UNSET
    description: Text = UNSET
    isBilled: Flag = UNSET
    name: Text = UNSET
    periodCoverage: TimePeriod | UnsetType = UNSET
    taxExcludedAmount: Money | UnsetType = UNSET
    taxIncludedAmount: Money | UnsetType = UNSET
    appliedBillingRateType: Text = UNSET
    billingAccount: BillingAccountRef | UnsetType = UNSET
    product: ProductRef | UnsetType = UNSET
    characteristic: list[Characteristic] | UnsetType = UNSET


class BillCycle(Entity):
    """What ends on one day, for the accounts of that billing day."""

    billingDate: Instant = UNSET
    billingPeriod: Text = UNSET
    chargeDate: Instant = UNSET
    creditDate: Instant = UNSET
    description: Text = UNSET
    mailingDate: Instant = UNSET
    name: Text = UNSET
    paymentDueDate: Instant = UNSET
    BillCycleSpecification: BillCycleSpecificationRef | UnsetType = UNSET
    validFor: TimePeriod | UnsetType = UNSET
