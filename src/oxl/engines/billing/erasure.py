"""What billing forgets of a party that is erased: documents and names. Numbers, lines, taxes and payments stay."""

from __future__ import annotations

from oxl.db.queries import load
from oxl.engines.inventory.erasure import Forgotten, Whose
from oxl.verbs import Refused, Work

q = load("oxl.engines.billing", "erasure.sql")
UNSETTLED = Refused(
    "conflict", "notSettled", "party.id: something is owed, or was used and is not billed yet", "party.id"
)


async def is_settled(work: Work, of: Whose) -> bool:
    """Whether nothing is owed any more by the party's accounts, and nothing is left to bill."""
    return not await work.conn.fetchval(q.unsettled, list(of.accounts))


async def forget(work: Work, of: Whose) -> Forgotten:
    """Forget documents, which the worker draws again without the party, and the words of bills and payments."""
    counts = dict(await work.conn.fetchrow(q.forget, list(of.accounts), of.words))
    await work.conn.execute(q.forget_contents, counts.pop("hashes"))
    return Forgotten(counts)
