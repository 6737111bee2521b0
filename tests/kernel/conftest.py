"""The toy API's ground: a tenant with the toy's table, and a client of the toy alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.kernel import boxes
from tests.kernel.patching import FULL
from tests.kernel.toy import set_up, toy_client

from oxl.db.database import Database, Tenant


@pytest.fixture(scope="module")
async def toy(tenant: Tenant, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the toy in the module's tenant."""
    await set_up(tenant, database)
    async with toy_client(tenant) as client:
        yield client


@pytest.fixture(scope="module")
async def box(tenant: Tenant, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the boxes in the module's tenant."""
    await boxes.set_up(tenant, database)
    async with boxes.box_client(tenant) as client:
        yield client


@pytest.fixture
async def made(box: httpx.AsyncClient) -> dict[str, Any]:
    """A new box with all that a box can have, as its POST answered."""
    answer = await box.post(boxes.BOXES, json=FULL)
    assert answer.status_code == 201, answer.text
    return answer.json()
