"""Transfers from bucket to bucket, with what they cost: two legs of one action, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.balances import Limit, Policy
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.ledger.book import Book, Bucket, may_hold
from oxl.engines.ledger.posting import columns, lock, write
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "action.sql")

_NOT_STORED = {  # refusals that are the request's own fault: 400, and nothing is kept
    "unknownBucket": ("bucket.id", "no such bucket"),
    "unknownReceiverBucket": ("receiverBucket.id", "no such bucket"),
    "sameBucket": ("receiverBucket.id", "is the bucket that gives"),
    "unitMismatch": ("amount.units", "one of the buckets counts in another unit"),
    "usageTypeMismatch": ("usageType", "one of the buckets is of another usageType"),
    "costMismatch": ("transferCost", "the transfer costs another amount"),
}
_REASONS = {
    "bucketNotActive": "the bucket is suspended, expired or not yet valid",
    "receiverNotActive": "the receiver's bucket is suspended, expired or not yet valid",
    "insufficientBalance": "the bucket holds less than that",
    "costNotCovered": "who pays for the transfer has not enough money",
    "limitExceeded": "more than may be transferred, at once or on one day",
}


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Move atoms from one bucket to another; `stated_cost` is what the client thinks it costs, (currency, micros)."""

    bucket_id: str
    receiver_id: str
    unit: str  # ledger unit
    amount: int  # atoms
    body: str  # JSON text, the client's document
    cost_owner: Literal["originator", "receiver"] = "originator"
    stated_cost: tuple[str, int] | None = None
    usage_types: tuple[str | None, str | None] = (None, None)  # of giver and receiver, as the client thinks


async def transfer(work: Work, items: Sequence[Transfer]) -> list[Done | Refused]:
    """Move each, as if one after another. A business refusal is stored as a failed action and refers to it."""
    policy = (await catalog_of(work)).balances
    ids = [each for item in items for each in (item.bucket_id, item.receiver_id)]
    mains = {row["account_id"]: row["id"] for row in await work.conn.fetch(q.main_buckets_of, ids)}
    book = await lock(work, [*ids, *mains.values()])
    midnight = work.now.replace(hour=0, minute=0, second=0, microsecond=0)
    limited = sorted({item.bucket_id for item in items if item.unit in policy.limits})
    rows = await work.conn.fetch(q.given_away, limited, midnight) if limited else ()
    given = {row["bucket_id"]: row["amount"] for row in rows}
    results: list[Done | Refused] = []
    kept: list[tuple[Any, ...]] = []
    for item in items:
        source, sink = book.buckets.get(item.bucket_id), book.buckets.get(item.receiver_id)
        cost = policy.cost_of(item.unit, item.amount)
        wrong = _mismatch(item, source, sink, cost)
        if source is None or sink is None or wrong:
            field, message = _NOT_STORED[wrong]
            results.append(Refused("invalid", wrong, f"{field}: {message}", field))
            continue
        payer = _payer(item, source, sink, book, mains)
        refusal = _refusal(item, source, sink, payer, cost, policy, given.get(source.id, 0), work.now)
        action = new_id(work.now)
        if refusal:
            message = f"bucket.id: {_REASONS[refusal]}"
            results.append(Refused("conflict", refusal, message, "bucket.id", action, ("create", "failure")))
        else:
            given[source.id] = given.get(source.id, 0) + item.amount
            book.move(source, sink, item.amount, "transfer", action)
            if cost[1] and payer:
                book.move(payer, "fee", cost[1], "fee", action, 1)
            results.append(Done(action, ("create",), "completed"))
        paid = (payer.id, cost[1], cost[0]) if payer and cost[1] and not refusal else (None, None, None)
        status = "failed" if refusal else "completed"
        kept.append(
            (action, "transfer", source.id, source.account_id, source.unit, item.amount, status, refusal or None,
             sink.id, sink.account_id, *paid, None, None, item.body)
        )  # fmt: skip
    await write(work, book)
    if kept:
        await work.conn.execute(q.keep, work.now, *columns(kept))
    return results


def _mismatch(item: Transfer, source: Bucket | None, sink: Bucket | None, cost: tuple[str, int]) -> str:
    if source is None:
        return "unknownBucket"
    if sink is None:
        return "unknownReceiverBucket"
    if source is sink:
        return "sameBucket"
    if {source.unit, sink.unit} != {item.unit}:
        return "unitMismatch"
    stated = zip(item.usage_types, (source, sink), strict=True)
    if any(usage_type not in (None, bucket.usage_type) for usage_type, bucket in stated):
        return "usageTypeMismatch"
    return "" if item.stated_cost in (None, cost) else "costMismatch"


def _payer(item: Transfer, source: Bucket, sink: Bucket, book: Book, mains: dict[str, str]) -> Bucket | None:
    """Whose bucket the cost is taken from: of money the one that takes part, else the payer's main bucket."""
    party = source if item.cost_owner == "originator" else sink
    if source.usage_type == "monetary":
        return party
    return book.buckets.get(mains.get(party.account_id, ""))


def _refusal(
    item: Transfer, source: Bucket, sink: Bucket, payer: Bucket | None, cost: tuple[str, int], policy: Policy,
    given: int, now: datetime,
) -> str:  # fmt: skip
    """Why the transfer cannot be, or nothing."""
    if not source.is_active(now):
        return "bucketNotActive"
    if not sink.is_active(now):
        return "receiverNotActive"
    limit = policy.limits.get(item.unit, Limit())
    over_each = limit.each is not None and item.amount > limit.each
    if over_each or (limit.day is not None and given + item.amount > limit.day) or not may_hold(sink, item.amount):
        return "limitExceeded"
    if source.room < item.amount:
        return "insufficientBalance"
    if not cost[1]:
        return ""
    if payer is None or payer.unit != cost[0] or not payer.is_active(now):
        return "costNotCovered"
    change = {source.id: -item.amount, sink.id: item.amount}.get(payer.id, 0)
    if payer.room + change >= cost[1]:
        return ""
    return "insufficientBalance" if payer is source else "costNotCovered"
