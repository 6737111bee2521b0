"""What becomes of a top-up, adjustment or transfer later: described anew, cancelled, reversed, deleted.

A reversal is what was moved, moved back: the first entries stay. It happens once, because the action's status turns
under the locks of its buckets, and it is refused where a bucket no longer has what would be taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.ledger.book import Book, Bucket, may_hold
from oxl.engines.ledger.posting import columns, lock, write
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "action.sql")

_LEG = 10  # legs of a reversal follow those of its action
_REASONS = {
    "insufficientBalance": "the bucket no longer holds what would be taken back",
    "limitExceeded": "a bucket cannot hold that much",
    "illegalTransition": "cannot come to that from here",
}


class Revise(msgspec.Struct, frozen=True, kw_only=True):
    """What an action shall be: of another status or none, described by another body or the same, or gone."""

    id: str
    status: str | None = None  # None: as it is
    body: str | None = None
    reason: str | None = None
    deleted: bool = False  # what was done is taken back, and it is not seen any more


async def revise(work: Work, items: Sequence[Revise]) -> list[Done | Refused]:
    """Cancel, describe or delete each; only what is still `created` or `completed` can be cancelled."""
    ids = [item.id for item in items]
    await work.conn.fetch(q.lock_schedules, ids)
    places = await work.conn.fetch(q.places, ids)
    names = ("bucket_id", "receiver_bucket_id", "cost_bucket_id")
    book = await lock(work, [row[name] for row in places for name in names])
    rows = {row["id"]: dict(row) for row in await work.conn.fetch(q.read, ids)}
    results: list[Done | Refused] = []
    changed: list[dict[str, Any]] = []
    for item in items:
        row = rows[item.id]
        result = _revised(item, row, book)
        results.append(result)
        if isinstance(result, Done):
            row["body"] = item.body if item.body is not None else row["body"]
            row["deleted_at"] = work.now if item.deleted else None
            changed.append(row)
    await write(work, book)
    if changed:
        fields = ("id", "status", "reason", "deleted_at", "body")
        await work.conn.execute(q.change, *columns([[row[field] for field in fields] for row in changed]))
        await work.conn.execute(q.stop_schedules, [row["id"] for row in changed if row["status"] != "created"])
    return results


def _revised(item: Revise, row: dict[str, Any], book: Book) -> Done | Refused:
    wanted = "cancelled" if item.deleted else item.status or row["status"]
    if wanted == row["status"] or (item.deleted and row["status"] == "failed"):
        return Done(item.id, (), row["status"])
    refusal = "" if wanted == "cancelled" and row["status"] in ("created", "completed") else "illegalTransition"
    if not refusal and row["status"] == "completed":
        refusal = _reverse(row, book)
    if refusal:
        field = "status" if refusal == "illegalTransition" else "bucket.id"
        return Refused("conflict", refusal, f"{field}: {_REASONS[refusal]}", field)
    row |= {"status": wanted, "reason": item.reason or "cancelled"}
    return Done(item.id, ("cancel",), wanted)


def _legs(row: dict[str, Any], book: Book) -> list[tuple[Bucket | str, Bucket | str, int]]:
    """What was moved, the other way about: (source, sink, atoms)."""
    bucket = book.buckets[row["bucket_id"]]
    if row["kind"] == "transfer":
        legs: list[tuple[Bucket | str, Bucket | str, int]] = []
        if row["cost"]:
            legs.append(("fee", book.buckets[row["cost_bucket_id"]], row["cost"]))
        return [*legs, (book.buckets[row["receiver_bucket_id"]], bucket, row["amount"])]
    system = "adjust" if row["kind"] == "adjust" else "voucher_liability" if row["by_voucher"] else "topup_clearing"
    return [(bucket, system, row["amount"])] if row["amount"] > 0 else [(system, bucket, -row["amount"])]


def _reverse(row: dict[str, Any], book: Book) -> str:
    legs = _legs(row, book)
    back = {row["cost_bucket_id"]: row["cost"] or 0}
    for source, sink, amount in legs:
        if isinstance(source, Bucket) and source.room + back.get(source.id, 0) < amount:
            return "insufficientBalance"
        if not may_hold(sink, amount):
            return "limitExceeded"
    for leg, (source, sink, amount) in enumerate(legs, _LEG):
        book.move(source, sink, amount, "reversal", row["id"], leg)
    return ""
