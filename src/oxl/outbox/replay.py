"""Has a subscription told again, by request of an operator: what was given up, or everything from a time on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from oxl.clock import system_now
from oxl.db.queries import load
from oxl.outbox import outbox
from oxl.values import id_floor, new_id

q = load("oxl.outbox", "replay.sql")


class Wanted(NamedTuple):
    """What is to be told again: everything since an instant; else one dead letter by its event, or all of them."""

    subscription_id: str
    since: datetime | None
    event_id: str | None


async def replay(conn: Any, wanted: Wanted, now: datetime) -> str | None:
    """The id of the replay, which is kept; None where no such subscription stands."""
    api = await conn.fetchval(q.api_of, wanted.subscription_id)
    if api is None:
        return None
    number = None
    if wanted.since is not None:
        position = await outbox.first_since(conn, api, id_floor(wanted.since))
        if position is not None:  # else nothing has happened since
            await outbox.replay(conn, wanted.subscription_id, position, system_now())
    else:
        number = await outbox.resend(conn, wanted.subscription_id, wanted.event_id, system_now())
    made = new_id(now)
    await conn.execute(q.keep, made, wanted.subscription_id, wanted.event_id, wanted.since, number, now)
    return made
