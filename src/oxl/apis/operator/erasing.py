"""Erasing a party for good: asked for over HTTP or the command line, done by whoever works, in one transaction.

Each engine forgets its part; the outbox forgets what was told of it. What has been told already lies with listeners:
they hear of the erasure by its own event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from oxl.apis.standard import Entity, EntityRef, Instant, Text
from oxl.db.queries import load
from oxl.engines.billing import erasure as bills
from oxl.engines.consumption import erasure as consumption
from oxl.engines.inventory import erasure
from oxl.engines.inventory.erasure import Whose
from oxl.engines.ledger import erasure as ledger
from oxl.engines.recommendation import erasure as recommendation
from oxl.engines.usage import erasure as usage
from oxl.identity import keys
from oxl.kernel.declare import Field, Resource, Task
from oxl.outbox import outbox
from oxl.verbs import Done, Refused, Work

q = load("oxl.apis.operator", "erasing.sql")
_FORGET = (recommendation.forget, consumption.forget, bills.forget, usage.forget, ledger.forget, erasure.forget)


class PartyErasure(Entity):
    """The erasure of a party: names, numbers and documents go; sums stay, under ids that say nothing."""

    party: EntityRef | UnsetType = UNSET
    state: Text = UNSET
    stateReason: Text = UNSET  # noqa: N815 - as elsewhere in the standard
    outcome: dict[str, int] | UnsetType = UNSET
    creationDate: Instant = UNSET  # noqa: N815
    completionDate: Instant = UNSET  # noqa: N815


async def create_erasure(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /partyErasure: kept for a worker to do; refused for a party that is served, or has not settled."""
    parties = [body["party"]["id"] for body in bodies]
    found = [await _checked(work, each) for each in await erasure.whose(work, parties)]
    done = iter(await erasure.keep(work, [each.party for each in found if isinstance(each, Whose)]))
    return [next(done) if isinstance(each, Whose) else each for each in found]


async def _checked(work: Work, found: Whose | Refused) -> Whose | Refused:
    if isinstance(found, Whose) and not await bills.is_settled(work, found):
        return bills.UNSETTLED
    return found


async def erase_next(work: Work) -> list[Done]:
    """Do one erasure that was asked for; nothing when there is none."""
    due = await erasure.due(work)
    if due is None:
        return []
    erasure_id, party = due
    (found,) = await erasure.whose(work, [party])
    found = await _checked(work, found)
    if isinstance(found, Refused):
        return [await erasure.finish(work, erasure_id, "terminatedWithError", found.message, {})]
    return [await erasure.finish(work, erasure_id, "done", None, await _forget(work, found))]


async def _forget(work: Work, of: Whose) -> dict[str, int]:
    """Forget a party everywhere; how many of which resource were changed or removed."""
    counts: Counter[str] = Counter()
    gone = [of.party, *of.accounts, *of.devices, *of.products]
    for forget in _FORGET:
        forgotten = await forget(work, of)
        counts.update(forgotten.counts)
        gone += forgotten.gone
    counts["eventRecord"] = await outbox.forget(work.conn, gone, of.ids, PARTY_ERASURE.name)
    counts["key"] = await keys.forget(work.conn, of.party, work.now)
    await work.conn.execute(q.forget_answers, of.words)
    return {name: count for name, count in sorted(counts.items()) if count}


PARTY_ERASURE = Resource(
    name="partyErasure",
    type="PartyErasure",
    shape=PartyErasure,
    view="operator_erasure",
    askable={
        "party.id": Field("party_id"),
        "state": Field("state"),
        "creationDate": Field("created_at", "instant"),
    },
    create=create_erasure,
    required=("party",),
    server_set=("state", "stateReason", "outcome", "creationDate", "completionDate"),
    state="state",
    task=Task(final=("done", "terminatedWithError")),
    events={"create": "PartyErasureCreateEvent", "stateChange": "PartyErasureStateChangeEvent"},
    summary="Erase a party: a worker forgets its names, numbers, documents and events; sums stay",
)
