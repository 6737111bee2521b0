"""The toy of the kernel's tests, for events that nobody else writes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.kernel.toy import set_up, toy_client

from oxl.db.database import Database, Tenant


@pytest.fixture(scope="module")
async def toy(tenant: Tenant, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the toy in the module's tenant."""
    await set_up(tenant, database)
    async with toy_client(tenant) as client:
        yield client
