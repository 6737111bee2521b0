"""OXL's own resources of billing: runs, payments, items, copies and credit notes, explanations."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from oxl.apis.standard import Entity, EntityRef, Flag, Instant, Money, Number, Text, TimePeriod, Whole


class BillRun(Entity, kw_only=True):
    """A bill run: of a cycle that has ended, of accounts now, or a trial of either that claims nothing."""

    kind: Literal["onCycle", "offCycle", "trial"] | UnsetType = UNSET
    billCycle: EntityRef | UnsetType = UNSET
    billingAccount: list[EntityRef] | UnsetType = UNSET
    state: Text = UNSET
    cutOff: Instant = UNSET
    startDate: Instant = UNSET
    completionDate: Instant = UNSET
    accounts: Whole = UNSET
    pending: Whole = UNSET
    control: dict[str, Any] | UnsetType = UNSET


class UsedFor(msgspec.Struct, kw_only=True):
    """What of a payment went to a bill."""

    bill: EntityRef | UnsetType = UNSET
    amount: Money | UnsetType = UNSET


class Payment(Entity, kw_only=True):
    """Money received for an account. The reference counts once; what is due first is paid first."""

    paymentReference: Text = UNSET
    billingAccount: EntityRef | UnsetType = UNSET
    amount: Money | UnsetType = UNSET
    paymentDate: Instant = UNSET
    kind: Text = UNSET
    unusedAmount: Money | UnsetType = UNSET
    usedFor: list[UsedFor] | UnsetType = UNSET


class BillItem(Entity, kw_only=True):
    """What is to be on an account's next bill: an amount once, or a percentage of its fees on every one while valid."""

    billingAccount: EntityRef | UnsetType = UNSET
    rateType: Literal["oneTimeCharge", "rebate", "productAlteration", "lateFee", "discount"] | UnsetType = UNSET
    name: Text = UNSET
    amount: Money | UnsetType = UNSET
    percentage: Number | UnsetType = UNSET
    taxCategory: Text = UNSET
    taxIncluded: Flag = UNSET
    validFor: TimePeriod | UnsetType = UNSET
    bill: EntityRef | UnsetType = UNSET


class BillReissue(Entity, kw_only=True):
    """A copy of a bill, or a credit note of it or of some of its lines."""

    category: Literal["duplicate", "credit note"] | UnsetType = UNSET
    bill: EntityRef | UnsetType = UNSET
    line: list[EntityRef] | UnsetType = UNSET
    reason: Text = UNSET
    state: Text = UNSET
    customerBill: EntityRef | UnsetType = UNSET


class BillExplanation(Entity, kw_only=True):
    """How a bill, or a line of one, comes to what it says: by a bill's id its lines, by a line's what is behind."""

    arithmetic: list[str] | UnsetType = UNSET
    bill: EntityRef | UnsetType = UNSET
    billNo: Text = UNSET
    name: Text = UNSET
    pricePlan: EntityRef | UnsetType = UNSET
    taxExcludedAmount: Money | UnsetType = UNSET
    tax: Money | UnsetType = UNSET
    droppedAmount: Money | UnsetType = UNSET
    rounding: Money | UnsetType = UNSET
    line: list[dict[str, Any]] | UnsetType = UNSET
    usage: list[dict[str, Any]] | UnsetType = UNSET


class DunningStep(Entity, kw_only=True):
    """A step that was taken because a bill was not paid; while it is suspending it holds lines suspended."""

    name: Text = UNSET
    step: Whole = UNSET
    state: Literal["taken", "suspending", "lifted"] | UnsetType = UNSET
    suspended: list[EntityRef] | UnsetType = UNSET
    liftDate: Instant = UNSET
    bill: EntityRef | UnsetType = UNSET
    billingAccount: EntityRef | UnsetType = UNSET
    billItem: EntityRef | UnsetType = UNSET
    date: Instant = UNSET


class AccountTaxExemption(Entity, kw_only=True):
    """Why an account need not pay tax: it is exempt (E), or the charge is reversed and it owes the tax itself (AE)."""

    billingAccount: EntityRef | UnsetType = UNSET
    taxCategory: Literal["E", "AE"] | UnsetType = UNSET
    reason: Text = UNSET
    reasonCode: Text = UNSET
    certificateNumber: Text = UNSET
    issuingJurisdiction: Text = UNSET
    taxNumber: Text = UNSET
    validFor: TimePeriod | UnsetType = UNSET
