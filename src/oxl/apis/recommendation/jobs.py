"""What happens later in TMF680: queries that nobody waits for are answered, and the model is trained now and then."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from oxl.apis.recommendation.actions import asked_of
from oxl.apis.recommendation.api import RECOMMENDATION
from oxl.db.database import Tenant
from oxl.engines.recommendation import learn
from oxl.engines.recommendation.recommend import answer_claimed, claim, claimed
from oxl.kernel.background import change, once
from oxl.verbs import Done, Work

AT_ONCE = 100  # queries in one transaction
TRAIN_EVERY = timedelta(days=1)
_QUERY = RECOMMENDATION.resources[0]


async def answer_waiting(tenant: Tenant) -> int:
    """Answer queries that wait, each change of state told by an event; how many were answered."""
    count = 0
    while taken := [each.id for each in await change(tenant, RECOMMENDATION, _QUERY, lambda work: claim(work, AT_ONCE))
                    if isinstance(each, Done)]:  # fmt: skip

        async def answered(work: Work, ids: list[str] = taken) -> list[Done]:
            bodies = await claimed(work, ids)
            return await answer_claimed(work, {query_id: asked_of(body) for query_id, body in bodies.items()})

        count += len(await change(tenant, RECOMMENDATION, _QUERY, answered, taken))
    return count


async def train(tenant: Tenant, anyway: bool = False) -> learn.Kept:
    """Train a model on what is owned now and keep it; the database waits for nothing meanwhile.

    anyway: it becomes the active one even if it finds less than that one did.
    """
    data = await once(tenant, learn.gather)
    trained = await asyncio.to_thread(learn.train, data)
    return await once(tenant, lambda work: learn.keep(work, trained, anyway))


async def train_if_due(tenant: Tenant) -> learn.Kept | None:
    """Train when the newest model is a day old or there is none; None when it is not."""
    return await train(tenant) if await once(tenant, lambda work: learn.due(work, TRAIN_EVERY)) else None
