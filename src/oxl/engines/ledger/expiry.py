"""What happens to a bucket in time: marks as it is used up, what it carries on to the next period, what is lost."""

from __future__ import annotations

from collections.abc import Sequence

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.ledger.posting import lock, write
from oxl.verbs import Done, Work

q = load("oxl.engines.ledger", "expiry.sql")

SWEPT_AT_ONCE = 500


async def tell_marks(work: Work) -> list[Done]:
    """The buckets that have crossed a threshold of use, once for each threshold."""
    rows = await work.conn.fetch(q.tell_marks, SWEPT_AT_ONCE)
    return [Done(row["bucket_id"], ("threshold",)) for row in rows]


async def carry(work: Work) -> int:
    """Carry the rests of allowances that are over on to the buckets of the next period, up to their limits; how many.

    What is reserved is waited for, since it may still be used or come back.
    """
    due = await work.conn.fetch(q.carrying, work.now, SWEPT_AT_ONCE)
    if not due:
        return 0
    book = await lock(work, [each for row in due for each in (row["id"], row["next_id"])])
    done: list[str] = []
    for row in due:
        old, new = book.buckets[row["id"]], book.buckets[row["next_id"]]
        if old.reserved:
            continue
        rest = min(old.available, row["carry_limit"])
        if rest > 0:
            book.move(old, new, rest, "carry_forward", old.id, 1)
        done.append(old.id)
    await write(work, book)
    await work.conn.execute(q.carried, work.now, done)
    return len(done)


async def end(work: Work) -> int:
    """Write off what is left in buckets that are over for good; how many."""
    policy = (await catalog_of(work)).balances
    due = await work.conn.fetch(q.ending, work.now, policy.grace, policy.settle, SWEPT_AT_ONCE)
    if not due:
        return 0
    book = await lock(work, [row["id"] for row in due])
    done: list[str] = []
    for bucket in book.buckets.values():
        if bucket.reserved or bucket.valid_to is None or bucket.valid_to > work.now - policy.settle:
            continue  # a top-up has extended it since it was found
        if bucket.available > 0:
            book.move(bucket, "breakage", bucket.available, "breakage", bucket.id, 2)
        done.append(bucket.id)
    await write(work, book)
    await work.conn.execute(q.ended, work.now, done)
    return len(done)


async def mark(work: Work, bucket_ids: Sequence[str]) -> None:
    """Mark the thresholds that these buckets' use has reached; the sweep tells of new ones."""
    if bucket_ids:
        thresholds = (await catalog_of(work)).balances.thresholds
        await work.conn.execute(q.mark, work.now, list(bucket_ids), list(thresholds))
