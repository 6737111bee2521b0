"""What POST means in billing's operator endpoints. Bills are made and changed by the worker, later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.apis.standard import instant_in
from oxl.engines.billing import bill, demand, exemptions, receivable, run
from oxl.engines.billing.bill import NewItem
from oxl.engines.billing.demand import Demand
from oxl.engines.billing.exemptions import Exemption, NewEnd
from oxl.engines.billing.receivable import Payment
from oxl.engines.billing.run import NewRun
from oxl.engines.billing.sums import rate_of
from oxl.kernel.declare import Change
from oxl.values import BadValue, to_atoms
from oxl.verbs import Done, Refused, Work, each_read, invalid

_VAT_NUMBER = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}")
_REASON_CODE = re.compile(r"VATEX-[A-Z]{2}-[0-9A-Z-]{1,20}")
_BODY = msgspec.json.Encoder(decimal_format="number")


async def create_run(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /billRun: started, its windows closed; the worker makes the bills."""
    return await run.start(
        work,
        [
            NewRun(
                body["kind"],
                body.get("billCycle", {}).get("id"),
                tuple(dict.fromkeys(each["id"] for each in body.get("billingAccount", ()))),
            )
            for body in bodies
        ],
    )


def _money(body: dict[str, Any], name: str) -> tuple[str, int]:
    try:
        return to_atoms(body[name]["value"], body[name]["unit"])
    except BadValue as error:
        raise invalid(name, str(error)) from None


def payment_of(body: dict[str, Any], work: Work) -> Payment:
    """The payment that a checked body describes."""
    currency, amount = _money(body, "amount")
    received = instant_in(body, "paymentDate") or work.now
    return Payment(body["paymentReference"], body["billingAccount"]["id"], currency, amount, received)


def item_of(body: dict[str, Any], work: Work) -> NewItem:
    """The item that a checked body describes."""
    if ("amount" in body) == ("percentage" in body):
        raise invalid("amount", "either an amount or a percentage is required", "missingAttribute")
    currency, amount = _money(body, "amount") if "amount" in body else ("", None)
    try:
        percent = rate_of(body["percentage"] * 1) if "percentage" in body else None
    except ValueError as error:
        raise invalid("percentage", str(error)) from None
    start = instant_in(body, "validFor", "startDateTime") or work.now
    end = instant_in(body, "validFor", "endDateTime")
    if end is not None and end <= start:
        raise invalid("validFor.endDateTime", "must be later than the start")
    return NewItem(
        body["billingAccount"]["id"], body["rateType"], body["name"], currency, amount, percent,
        body.get("taxCategory", "S"), body.get("taxIncluded", False), start, end,
    )  # fmt: skip


async def create_payment(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /payment: taken once by its reference; the worker uses it for what is owed."""
    return await each_read(work, bodies, lambda body: payment_of(body, work), receivable.pay)


async def create_item(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /billItem: on the account's next bill."""
    return await each_read(work, bodies, lambda body: item_of(body, work), bill.put)


async def create_reissue(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /billReissue: taken, and made by the worker."""
    return await demand.ask(
        work, [Demand(body["category"], None, body["bill"]["id"], _BODY.encode(body).decode()) for body in bodies]
    )


def exemption_of(body: dict[str, Any], work: Work) -> Exemption:
    """The exemption that a checked body describes."""
    category, number, code = body["taxCategory"], body.get("taxNumber"), body.get("reasonCode")
    if not body["reason"].strip():
        raise invalid("reason", "says why the account need not pay tax")
    if category == "AE" and not number:
        raise invalid("taxNumber", "is required where the charge is reversed", "missingAttribute")
    if number is not None and not _VAT_NUMBER.fullmatch(number):
        raise invalid("taxNumber", "is a VAT number: the country's two letters, then letters and digits without spaces")
    if code is not None and not _REASON_CODE.fullmatch(code):
        raise invalid("reasonCode", "is a code of the list VATEX, such as VATEX-EU-151")
    start, end = instant_in(body, "validFor", "startDateTime") or work.now, instant_in(body, "validFor", "endDateTime")
    if end is not None and end <= start:
        raise invalid("validFor.endDateTime", "must be later than the start")
    return Exemption(body["billingAccount"]["id"], category, body["reason"], code, body.get("certificateNumber"),
                     body.get("issuingJurisdiction"), number, start, end)  # fmt: skip


async def create_exemption(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /accountTaxExemption: nothing that is billed in its time has tax."""
    return await each_read(work, bodies, lambda body: exemption_of(body, work), exemptions.exempt)


def _end_of(change: Change) -> NewEnd:
    if instant_in(change.after, "validFor", "startDateTime") != instant_in(change.before, "validFor", "startDateTime"):
        raise invalid("validFor.startDateTime", "does not change: bills may rely on it")
    return NewEnd(change.id, instant_in(change.after, "validFor", "endDateTime"))


async def patch_exemption(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /accountTaxExemption/{id}: when it ends."""
    return await each_read(work, changes, _end_of, exemptions.change_end)
