"""What is forgotten of the consumption of a party that is erased: questions, kept reports, limits."""

from __future__ import annotations

from oxl.db.queries import load
from oxl.engines.inventory.erasure import Forgotten, Whose
from oxl.verbs import Work

q = load("oxl.engines.consumption", "erasure.sql")


async def forget(work: Work, of: Whose) -> Forgotten:
    """Forget queries, with all that they came to, kept reports and limits."""
    row = await work.conn.fetchrow(q.forget, list(of.accounts), list(of.devices), of.words)
    names = {"reports": "usageConsumptionReport", "queries": "queryUsageConsumption", "limits": "usageLimit"}
    counts = {name: len(row[column]) for column, name in names.items()}
    return Forgotten(counts, [each for column in names for each in row[column]])
