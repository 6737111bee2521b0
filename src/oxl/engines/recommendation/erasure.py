"""What is forgotten of recommendations to a party that is erased: what was asked, shown and taken, and consent."""

from __future__ import annotations

from oxl.db.queries import load
from oxl.engines.inventory.erasure import Forgotten, Whose
from oxl.verbs import Work

q = load("oxl.engines.recommendation", "erasure.sql")


async def forget(work: Work, of: Whose) -> Forgotten:
    """Forget queries with their answers, what was shown, and consent."""
    row = await work.conn.fetchrow(q.forget, of.party, of.words)
    await work.conn.execute(q.forget_queries, row["ids"])
    await work.conn.execute(q.forget_consent, of.party)
    counts = {"queryProductRecommendation": len(row["ids"]), "recommendationExposure": row["recommendationExposure"]}
    return Forgotten(counts, row["ids"])
