"""Between the database and the pure book: lock the buckets of a group, and write back what became of them.

Every verb that changes buckets locks them in id order before it reads anything else that hangs on them; a
reservation is changed only under the lock of its bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from oxl.db.queries import load
from oxl.engines.ledger.book import Book, Bucket, Entry
from oxl.values import new_id
from oxl.verbs import Work

q = load("oxl.engines.ledger", "posting.sql")


async def lock(work: Work, bucket_ids: Iterable[str | None]) -> Book:
    """The buckets of those ids that exist, locked, without the reservations that were over by now."""
    ids = sorted({each for each in bucket_ids if each})
    rows = await work.conn.fetch(q.lock, ids) if ids else ()
    freed = await release_overdue(work, rows)
    return Book({row["id"]: Bucket({**row, "reserved": row["reserved"] - freed.get(row["id"], 0)}) for row in rows})


async def release_overdue(work: Work, rows: Iterable[Any]) -> dict[str, int]:
    """Of locked buckets, given as rows, end the reservations that are over; what that freed, by bucket."""
    holding = [row["id"] for row in rows if row["reserved"]]
    freed = await work.conn.fetch(q.release_overdue, work.now, holding) if holding else ()
    return {row["bucket_id"]: row["amount"] for row in freed}


async def write(work: Work, book: Book) -> None:
    """Store the entries, the figures of the buckets that changed, and who used how much: one statement."""
    changed = [bucket for bucket in book.buckets.values() if bucket.changed]
    if changed:
        figures = [(b.id, b.credited, b.used, b.debited, b.reserved, b.version, b.valid_to) for b in changed]
        entries = [(new_id(work.now), *entry) for entry in book.entries]
        uses = [(bucket, device, used) for (bucket, device), used in book.uses.items()]
        await work.conn.execute(
            q.write, work.now, *columns(figures), *columns(entries, 1 + len(Entry._fields)), *columns(uses, 3)
        )
    for bucket in changed:
        bucket.changed = False
    book.entries.clear()
    book.uses.clear()


def columns(rows: Sequence[Sequence[Any]], width: int = 0) -> tuple[list[Any], ...]:
    """Rows as the arrays that statements take; so many empty ones where there are no rows."""
    return tuple(list(column) for column in zip(*rows, strict=True)) or tuple([] for _ in range(width))
