"""What is asked of figures and of time: that sums add up, that money moves by what was asked, that tasks end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Any

from oxl.certify.documents import Json
from oxl.certify.rule import DOCUMENT, KITS, SUMS, Blocked, Subject, rule
from oxl.certify.standard import FINAL, RESULTS, Kind, ended

_CENT = Decimal("0.01")


def _has_states(kind: Kind) -> bool:
    return kind.name in FINAL and bool(kind.state)


@rule("task.ends", "A task comes to an end, and says so in its state", DOCUMENT, "create retrieve", when=_has_states)
async def ends(s: Subject) -> AsyncIterator[str]:
    """One that was made and looked at until its state is final."""
    doc = await s.one()
    if not ended(s.kind, doc):
        finals = ", ".join(FINAL[s.kind.name])
        yield f"{doc['id']} is {doc.get(s.kind.state)!r} after {s.patience:g} s, none of {finals}"


@rule("task.stays", "A task that has ended does not change any more", KITS, "create retrieve", when=_has_states)
async def stays(s: Subject) -> AsyncIterator[str]:
    """Read again after its end."""
    doc = await s.one()
    if not ended(s.kind, doc):
        raise Blocked(f"the task {doc['id']} does not end")
    await asyncio.sleep(0.2)
    again = (await s.client.ask("GET", s.place(doc))).doc
    if differ := sorted(name for name in doc.keys() | again.keys() if doc.get(name) != again.get(name)):
        yield f"{doc['id']} has another {', '.join(differ)} after its end"


@rule("task.results", "What a task found is a list, also an empty one", KITS, "create retrieve", " ".join(RESULTS))
async def results(s: Subject) -> AsyncIterator[str]:
    """The results of a task that is done."""
    doc = await s.one()
    name = RESULTS[s.kind.name]
    if doc.get(s.kind.state, "done") != "done":
        raise Blocked(f"the task {doc['id']} is {doc.get(s.kind.state)}, not done")
    if not isinstance(doc.get(name), list):
        yield f"{doc['id']} is done and has {name} {doc.get(name)!r}, no list"


def _amount(value: Any, name: str = "amount") -> Decimal | None:
    found = value.get(name) if isinstance(value, dict) else None
    return Decimal(found) if isinstance(found, (int, Decimal)) and not isinstance(found, bool) else None


async def _bucket(s: Subject, reference: Any) -> Json:
    if not isinstance(reference, dict) or "id" not in reference:
        raise Blocked("the action names no bucket")
    answer = await s.client.ask("GET", f"{s.standard.place.base}/bucket/{reference['id']}")
    if _amount(answer.doc.get("remainingValue")) is None:
        raise Blocked(f"{answer.told} with no remainingValue")
    return answer.doc


def _left(bucket: Json) -> Decimal:
    return _amount(bucket["remainingValue"]) or Decimal(0)


@rule("sum.moved", "A bucket has more, or less, by exactly what was moved", SUMS, "create",
      "topupBalance adjustBalance transferBalance")  # fmt: skip
async def moved(s: Subject) -> AsyncIterator[str]:
    """The bucket before and after an action that is completed; nobody else may move it meanwhile."""
    body = await s.ground.body(s.kind)
    before = await _bucket(s, body.get("bucket"))
    answer = await s.post(body)
    if answer.doc.get("status") != "completed":
        raise Blocked(f"{answer.told} with the status {answer.doc.get('status')}, not completed")
    after, amount = await _bucket(s, body["bucket"]), _amount(body["amount"]) or Decimal(0)
    wanted = -amount if s.kind.name == "transferBalance" else amount
    if body.get("receiverBucket", {}).get("id") == body["bucket"]["id"]:
        raise Blocked("there is only one bucket of its kind: nothing can be transferred")
    if _left(after) - _left(before) != wanted:
        yield f"{s.kind.name} of {amount} took bucket {after['id']} from {_left(before)} to {_left(after)}"


@rule("sum.received", "What is transferred arrives whole", SUMS, "create", "transferBalance")
async def received(s: Subject) -> AsyncIterator[str]:
    """The receiving bucket before and after."""
    body = await s.ground.body(s.kind)
    if body.get("receiverBucket", {}).get("id") == body.get("bucket", {}).get("id"):
        raise Blocked("there is only one bucket of its kind: nothing can be transferred")
    before = await _bucket(s, body["receiverBucket"])
    answer = await s.post(body)
    if answer.doc.get("status") != "completed":
        raise Blocked(f"{answer.told} with the status {answer.doc.get('status')}, not completed")
    after, amount = await _bucket(s, body["receiverBucket"]), _amount(body["amount"])
    if _left(after) - _left(before) != amount:
        yield f"a transfer of {amount} took the receiver {after['id']} from {_left(before)} to {_left(after)}"


@rule("sum.accumulated", "An accumulated balance is the sum of its buckets", SUMS, only="accumulatedBalance")
async def accumulated(s: Subject) -> AsyncIterator[str]:
    """Each of the first five of the list against the buckets that it names."""
    for entry in (await s.entries())[:5]:
        total = _amount(entry.get("totalBalance"))
        buckets = [await _bucket(s, each) for each in entry.get("bucket", ())]
        found = sum(map(_left, buckets), Decimal(0))
        if total is not None and buckets and found != total:
            yield f"{entry.get('id')} has the totalBalance {total}, and its buckets hold {found}"


def _sum(values: Iterable[Any], name: str) -> Decimal:
    found = (_amount(each.get(name), "value") for each in values if isinstance(each, dict))
    return sum((each for each in found if each is not None), Decimal(0))


@rule("sum.taxed", "A bill with tax is the bill without it, and its taxes", SUMS, only="customerBill")
async def taxed(s: Subject) -> AsyncIterator[str]:
    """taxIncludedAmount against taxExcludedAmount and the tax items."""
    for bill in await s.entries():
        gross, net = (_amount(bill.get(name), "value") for name in ("taxIncludedAmount", "taxExcludedAmount"))
        if gross is None or net is None:
            continue
        taxes = _sum(bill.get("taxItem") or (), "taxAmount")
        if abs(net + taxes - gross) > _CENT:
            yield f"{bill.get('id')}: {net} and taxes of {taxes} are not the taxIncludedAmount {gross}"


@rule("sum.open", "What remains of a bill is what is due less what was paid", SUMS, only="customerBill")
async def remaining(s: Subject) -> AsyncIterator[str]:
    """remainingAmount against amountDue and the applied payments."""
    for bill in await s.entries():
        due, left = (_amount(bill.get(name), "value") for name in ("amountDue", "remainingAmount"))
        if due is None or left is None:
            continue
        paid = _sum(bill.get("appliedPayment") or (), "appliedAmount")
        if abs(due - paid - left) > _CENT:
            yield f"{bill.get('id')}: {left} remains of {due} though {paid} was paid"


@rule("sum.billed", "A rate that is billed names its bill, one that is not its account", DOCUMENT,
      only="appliedCustomerBillingRate")  # fmt: skip
async def billed(s: Subject) -> AsyncIterator[str]:
    """isBilled against bill and billingAccount."""
    for rate in await s.entries():
        if not isinstance(rate.get("isBilled"), bool):
            continue
        wanted = "bill" if rate["isBilled"] else "billingAccount"
        if wanted not in rate:
            yield f"{rate.get('id')} has isBilled {rate['isBilled']} and no {wanted}"
