"""The tenants of an installation as a server knows them: each with the application that answers for it, opened when it
is first asked for. How many are open at a time is bounded; the one that was asked for longest ago is closed first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from oxl.db.database import Database, Tenant, UnknownTenantError

_LOOK_AGAIN = 5.0  # seconds after which a name that was not there is looked for again


class House(NamedTuple):
    """A tenant and its application."""

    tenant: Tenant
    app: Any


def hosts_of(text: str) -> dict[str, str]:
    """The tenants of a setting by host name, `host=tenant` by comma; ValueError for what is none."""
    found: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        host, equals, tenant = entry.partition("=")
        if not (host and equals and tenant):
            raise ValueError(f"setting hosts: {entry!r} is not host=tenant")
        found[host.lower()] = tenant
    return found


class Tenants:
    """Opens tenants. `make` builds the application that answers for one."""

    def __init__(self, database: Database, make: Callable[[Tenant], Any], most: int) -> None:
        self._database = database
        self._make = make
        self._most = most
        self._open: dict[str, House] = {}
        self._absent: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def house(self, name: str) -> House:
        """The tenant of that name; UnknownTenantError where there is none."""
        found = self._open.pop(name, None)
        if found is None or found.tenant.is_closed:
            if time.monotonic() < self._absent.get(name, 0):
                raise UnknownTenantError(name)
            async with self._lock:
                found = self._open.pop(name, None)
                if found is None or found.tenant.is_closed:
                    found = await self._found(name)
        self._open[name] = found
        while len(self._open) > self._most:
            oldest = next(iter(self._open))
            del self._open[oldest]
            await self._database.forget(oldest)
        return found

    async def _found(self, name: str) -> House:
        try:
            tenant = await self._database.tenant(name)
        except UnknownTenantError:
            if len(self._absent) > 1000:
                self._absent.clear()
            self._absent[name] = time.monotonic() + _LOOK_AGAIN
            raise
        return House(tenant, self._make(tenant))
