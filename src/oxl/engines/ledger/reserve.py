"""Reservations: hold part of a bucket, resize it, complete it with what was used, let it go, let it expire.

A bucket's `reserved` is the sum of its open reservations. Whoever changes one holds the bucket's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.balances import Policy
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.ledger.book import Book, Bucket
from oxl.engines.ledger.expiry import mark
from oxl.engines.ledger.posting import columns, lock, write
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "reserve.sql")

SWEPT_AT_ONCE = 500
LONGEST = timedelta(days=31)
_NOT_STORED = {  # refusals that are the request's own fault: 400, and nothing is kept
    "unknownBucket": ("bucket.id", "no such bucket"),
    "unitMismatch": ("amount.units", "the bucket counts in another unit"),
    "usageTypeMismatch": ("usageType", "the bucket is of another usageType"),
    "accountMismatch": ("partyAccount.id", "the bucket belongs to another account"),
}
_CHANGING = (  # in the order in which the statement takes them
    "id", "amount", "used", "status", "expires_at", "confirmed_at", "ended_at", "reason", "is_told", "deleted_at",
    "body",
)  # fmt: skip
_REASONS = {
    "bucketNotActive": "the bucket is suspended, expired or not yet valid",
    "insufficientBalance": "the bucket holds less than that",
    "usedExceedsReserved": "more was used than is reserved",
    "illegalTransition": "the reservation is no longer open",
}


class Reserve(msgspec.Struct, frozen=True, kw_only=True):
    """Hold part of a bucket. Without an amount, as much as the policy grants at once and the bucket has."""

    bucket_id: str
    body: str  # JSON text, the client's document
    unit: str | None = None  # ledger unit of the amount
    amount: int | None = None  # atoms
    until: datetime | None = None
    account_id: str | None = None  # whom the client thinks the bucket belongs to
    usage_type: str | None = None
    device_id: str | None = None  # who will have used it


class Amend(msgspec.Struct, frozen=True, kw_only=True):
    """What a reservation shall become: still `created` with another size or end, `completed`, or `cancelled`."""

    id: str
    status: str
    body: str | None = None  # the client's document from now on; None: as it is
    unit: str | None = None
    amount: int | None = None  # atoms: the new size, or what was used; None: as it is, or all
    until: datetime | None = None
    reason: str | None = None


async def reserve(work: Work, items: Sequence[Reserve]) -> list[Done | Refused]:
    """Hold each, as if one after another. A business refusal is stored as a failed reservation and refers to it."""
    policy = (await catalog_of(work)).balances
    book = await lock(work, [item.bucket_id for item in items])
    results: list[Done | Refused] = []
    kept: list[tuple[Any, ...]] = []
    for item in items:
        bucket = book.buckets.get(item.bucket_id)
        wrong = _mismatch(item, bucket)
        if bucket is None or wrong:
            field, message = _NOT_STORED[wrong]
            results.append(Refused("invalid", wrong, f"{field}: {message}", field))
            continue
        amount, refusal = _granted(item, bucket, work.now, policy)
        action = new_id(work.now)
        until = item.until or work.now + policy.hold
        if refusal:
            message = f"bucket.id: {_REASONS[refusal]}"
            results.append(Refused("conflict", refusal, message, "bucket.id", action, ("create", "failure")))
        else:
            bucket.hold(amount)
            results.append(Done(action, ("create",), "created"))
        status = "failed" if refusal else "created"
        device = item.device_id or bucket.device_id or ""
        kept.append(
            (
                action,
                bucket.id,
                bucket.account_id,
                device,
                bucket.unit,
                amount,
                status,
                refusal or None,
                until,
                item.body,
            )
        )
    await write(work, book)
    if kept:
        await work.conn.execute(q.keep, work.now, *columns(kept))
    return results


def _mismatch(item: Reserve, bucket: Bucket | None) -> str:
    if bucket is None:
        return "unknownBucket"
    if item.unit not in (None, bucket.unit):
        return "unitMismatch"
    if item.usage_type not in (None, bucket.usage_type):
        return "usageTypeMismatch"
    return "accountMismatch" if item.account_id not in (None, bucket.account_id) else ""


def _granted(item: Reserve, bucket: Bucket, now: datetime, policy: Policy) -> tuple[int, str]:
    """(what is held, "") or (what was asked for, why it is not). What is asked for is granted whole or not at all."""
    wanted = item.amount
    if wanted is None:
        wanted = max(min(policy.quantum[bucket.usage_type], bucket.room), 0)
    if not bucket.is_active(now):
        return wanted, "bucketNotActive"
    return wanted, "" if 0 < wanted <= bucket.room else "insufficientBalance"


async def amend(work: Work, items: Sequence[Amend]) -> list[Done | Refused]:
    """Resize, complete or cancel each; a reservation that is over may only be described anew.

    Completing takes what was used out of the bucket and gives the rest back; it also goes after the bucket's own end.
    """
    book, found = await _opened(work, [item.id for item in items])
    results: list[Done | Refused] = []
    for item in items:
        row = found[item.id]
        result = _amended(work, item, row, book)
        results.append(result)
        if isinstance(result, Done):
            row["body"] = item.body if item.body is not None else row["body"]
            row["is_changed"] = True
    used = sorted({bucket_id for bucket_id, _ in book.uses})
    await _store(work, book, found)
    await mark(work, used)
    return results


def _amended(work: Work, item: Amend, row: dict[str, Any], book: Book) -> Done | Refused:
    bucket = book.buckets[row["bucket_id"]]
    if item.unit not in (None, bucket.unit):
        field, message = _NOT_STORED["unitMismatch"]
        return Refused("invalid", "unitMismatch", f"{field}: {message}", field)
    refusal, changes = "", ()
    if row["status"] != "created":
        same = item.status == row["status"] and item.amount is None and item.until is None
        refusal = "" if same else "illegalTransition"
    elif item.status == "created":
        refusal = _resize(item, row, bucket, work.now)
    elif item.status == "completed":
        refusal = _complete(item, row, bucket, book, work.now)
    elif item.status == "cancelled":
        cancel(row, bucket, work.now, item.reason)
        changes = ("cancel",)
    else:
        refusal = "illegalTransition"
    if refusal:
        field = "status" if refusal == "illegalTransition" else "amount"
        return Refused("conflict", refusal, f"{field}: {_REASONS[refusal]}", field)
    return Done(item.id, changes, row["status"])


def _resize(item: Amend, row: dict[str, Any], bucket: Bucket, now: datetime) -> str:
    amount = row["amount"] if item.amount is None else item.amount
    if amount > row["amount"]:
        if not bucket.is_active(now):
            return "bucketNotActive"
        if amount - row["amount"] > bucket.room:
            return "insufficientBalance"
    bucket.hold(amount - row["amount"])
    row |= {"amount": amount, "expires_at": item.until or row["expires_at"]}
    return ""


def _complete(item: Amend, row: dict[str, Any], bucket: Bucket, book: Book, now: datetime) -> str:
    used = row["amount"] if item.amount is None else item.amount
    if used > row["amount"]:
        return "usedExceedsReserved"
    bucket.hold(-row["amount"])
    if used:
        book.use(bucket, used, row["id"], row["device_id"])
    row |= {"status": "completed", "used": used, "confirmed_at": now, "ended_at": now, "reason": None}
    return ""


def cancel(row: dict[str, Any], bucket: Bucket, now: datetime, reason: str | None) -> None:
    """Let an open reservation go: what it held is free again."""
    bucket.hold(-row["amount"])
    row |= {"status": "cancelled", "ended_at": now, "reason": reason or "cancelled"}


async def remove(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Cancel what is open, and have none of them seen any more. What was used stays used."""
    book, found = await _opened(work, ids)
    results: list[Done | Refused] = []
    for each in ids:
        row = found[each]
        changes = () if row["is_told"] else ("cancel",)
        if row["status"] == "created":
            cancel(row, book.buckets[row["bucket_id"]], work.now, None)
            changes = ("cancel",)
        row |= {"deleted_at": work.now, "is_told": True, "is_changed": True}
        results.append(Done(each, changes, row["status"]))
    await _store(work, book, found)
    return results


async def _opened(work: Work, ids: Sequence[str]) -> tuple[Book, dict[str, dict[str, Any]]]:
    """The reservations as they are once their buckets are locked."""
    places = await work.conn.fetch(q.places, list(ids))
    book = await lock(work, [row["bucket_id"] for row in places])
    rows = await work.conn.fetch(q.read, list(ids))
    return book, {row["id"]: {**row, "is_changed": False} for row in rows}


async def _store(work: Work, book: Book, found: dict[str, dict[str, Any]]) -> None:
    await write(work, book)
    rows = [[row[name] for name in _CHANGING] for row in found.values() if row["is_changed"]]
    if rows:
        await work.conn.execute(q.change, *columns(rows))


async def sweep(work: Work) -> list[Done | Refused]:
    """Let go of reservations that are over, and tell of those that ended by themselves: each once."""
    due = await work.conn.fetch(q.due, work.now, SWEPT_AT_ONCE)
    await lock(work, [row["bucket_id"] for row in due])
    told = await work.conn.fetch(q.tell, SWEPT_AT_ONCE)
    return [Done(row["id"], ("cancel",), "cancelled") for row in told]
