"""What the ledger forgets of a party that is erased: what clients said. Transfers and figures stay as they are."""

from __future__ import annotations

from oxl.db.queries import load
from oxl.engines.inventory.erasure import Forgotten, Whose
from oxl.verbs import Work

q = load("oxl.engines.ledger", "erasure.sql")


async def forget(work: Work, of: Whose) -> Forgotten:
    """Forget the words of actions, reservations and buckets, and the sessions of online charging."""
    accounts = list(of.accounts)
    counts = dict(await work.conn.fetchrow(q.forget, accounts, of.words))
    gone = [row["id"] for row in await work.conn.fetch(q.forget_requests, accounts)]
    await work.conn.execute(q.forget_sessions, accounts)
    return Forgotten(counts | {"chargingRequest": len(gone)}, gone)
