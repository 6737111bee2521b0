"""What an operator sees at a glance: figures over time and how the loop stands; and the worker's counting of events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from oxl.apis.standard import Entity, Flag, Instant, Text, Whole
from oxl.db.database import Tenant
from oxl.db.queries import load
from oxl.db.turns import attend
from oxl.kernel.background import once
from oxl.kernel.declare import Field, Resource
from oxl.outbox import tally
from oxl.outbox.tally import Fact
from oxl.verbs import Work

q = load("oxl.apis.operator", "overview.sql")
_MOST = 5_000  # events of an API in one transaction
_IDLE = 1.0  # seconds
_COUNTED = ("ProductUsageCreateEvent", "TopupBalanceCreateEvent", "CustomerBillCreateEvent")  # $1 to $3 of `facts`


class OverviewSeries(msgspec.Struct, kw_only=True):
    """One line of a chart: how many in each step and, where there is money, what they came to."""

    name: Literal["usage", "topup", "bill", "event"]
    label: str
    unit: Text = UNSET
    number: list[int]
    amount: list[Decimal] | UnsetType = UNSET


class Overview(Entity):
    """What happened in the last 24 hours (`day`) or 30 days (`month`, in days of UTC), step by step."""

    step: Literal["hour", "day"] | UnsetType = UNSET
    startDateTime: Instant = UNSET  # noqa: N815 - the standard's way of writing
    endDateTime: Instant = UNSET  # noqa: N815
    series: list[OverviewSeries] | UnsetType = UNSET


class LoopStep(Entity):
    """A step of the loop: when it last did something, what waits to be done by itself, what waits for a person."""

    lastDate: Instant = UNSET  # noqa: N815
    waiting: Whole = UNSET
    attention: Whole = UNSET
    isBounded: Flag = UNSET  # noqa: N815 - there is more than attention says


OVERVIEW = (
    Resource(name="overview", type="Overview", shape=Overview, view="operator_overview", askable={"id": Field("id")}),
    Resource(name="loopStep", type="LoopStep", shape=LoopStep, view="operator_loop", askable={"id": Field("id")}),
)


async def count(work: Work, apis: Sequence[str], most: int = _MOST) -> int:
    """Count events that have not been counted yet; how many there were."""
    if not await tally.take_turn(work.conn):
        return 0
    events = await tally.uncounted(work.conn, apis, most)
    ids = [[event.resource_id for event in events if event.event_type == kind] for kind in _COUNTED]
    facts = [Fact(*row) for row in await work.conn.fetch(q.facts, *ids)] if any(ids) else []
    facts += [Fact("event", event.at, event.api) for event in events]
    await tally.count(work.conn, events, facts, work.now)
    return len(events)


class Counting:
    """A worker's counting of a tenant's events. apis: whose."""

    def __init__(self, tenant: Tenant, apis: Sequence[str]) -> None:
        self._tenant = tenant
        self._apis = apis

    async def run(self, stop: asyncio.Event) -> None:
        """Count what is new until told to stop."""
        await attend(stop, self._turn, _IDLE, "counting waits")

    async def _turn(self) -> bool:
        return bool(await once(self._tenant, lambda work: count(work, self._apis)))
