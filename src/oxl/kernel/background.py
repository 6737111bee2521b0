"""What runs without a request: bulk writes in groups, and the sweeps of a worker. The same verbs, the same commits.

Besides `handle` this is the only place that holds a transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from oxl.db.database import LOST_RACE, Tenant
from oxl.kernel.declare import Api, Operation, Resource
from oxl.kernel.handle import Answer, Item, group, keep_events, lock
from oxl.verbs import Done, Refused, Work

BULK = 1000  # items in one transaction of a bulk write
_TRIES = 5

T = TypeVar("T")


async def bulk(tenant: Tenant, operation: Operation, items: Sequence[Item]) -> list[Answer]:
    """One group of a bulk write. A lost race is run again; a group with a row that breaks it runs singly."""
    try:
        return await _tried(lambda: group(tenant, operation, items))
    except (ValueError, LookupError, ArithmeticError):
        if len(items) == 1:
            raise
        return [answer for item in items for answer in await bulk(tenant, operation, [item])]


async def once(tenant: Tenant, verb: Callable[[Work], Awaitable[T]]) -> T:
    """Run a verb in a transaction of its own, again when it lost a race."""

    async def attempt() -> T:
        async with tenant.connection() as conn, conn.transaction():
            return await verb(Work(conn, tenant.clock.now(), tenant.name))

    return await _tried(attempt)


@asynccontextmanager
async def snapshot(tenant: Tenant) -> AsyncIterator[Work]:
    """Reads that all see the tenant as it was at one moment, however long they take."""
    async with tenant.connection() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield Work(conn, tenant.clock.now(), tenant.name)


async def change(
    tenant: Tenant,
    api: Api,
    resource: Resource,
    verb: Callable[[Work], Awaitable[Sequence[Done | Refused]]],
    ids: Sequence[str] = (),
) -> Sequence[Done | Refused]:
    """Run a verb that changes resources without a request, such as the state of a task, and tell of it by events.

    The resources of `ids` are locked against PATCH and DELETE before it begins.
    """

    async def attempt() -> Sequence[Done | Refused]:
        async with tenant.connection() as conn, conn.transaction():
            work = Work(conn, tenant.clock.now(), tenant.name)
            await lock(work, Operation(api, resource, verb, "PATCH"), ids)
            results = await verb(work)
            await keep_events(work, api.name, resource, [(result, None, "") for result in results])
            return results

    return await _tried(attempt)


async def _tried(attempt: Callable[[], Awaitable[Any]]) -> Any:
    for n in range(_TRIES - 1):
        try:
            return await attempt()
        except LOST_RACE:
            await asyncio.sleep(0.05 * 2**n)
    return await attempt()
