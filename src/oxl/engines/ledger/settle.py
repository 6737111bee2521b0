"""Reservations seen from usage: what a record's reservation holds or has booked, and letting go what it held.

A record that carries a reservation is charged once: by the reservation, where that was completed, else by its rating.
As everywhere a reservation is read and changed under its bucket's lock.
"""

from __future__ import annotations

from collections.abc import Sequence

from oxl.db.queries import load
from oxl.engines.ledger.reserve import Amend, amend
from oxl.engines.ledger.reserved import Reserved
from oxl.verbs import Refused, Work

q = load("oxl.engines.ledger", "settle.sql")


async def buckets_of(work: Work, ids: Sequence[str]) -> set[str]:
    """The buckets that reservations are of; whoever wants to read them locks these first."""
    return {row["bucket_id"] for row in await work.conn.fetch(q.buckets_of, ids)} if ids else set()


async def reserved(work: Work, ids: Sequence[str]) -> dict[str, Reserved]:
    """The reservations of these ids that are there, their buckets being locked."""
    rows = await work.conn.fetch(q.reserved, ids) if ids else ()
    return {row["id"]: Reserved(*row.values()) for row in rows}


async def let_go(work: Work, ids: Sequence[str]) -> None:
    """Complete open reservations with nothing used: a rating has drawn on what they held."""
    for result in await amend(work, [Amend(id=each, status="completed", amount=0) for each in ids]):
        if isinstance(result, Refused):
            raise ValueError(f"a reservation could not be let go: {result.message}")
