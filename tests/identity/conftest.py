"""Two tenants behind a gate that demands credentials, each with two parties that have a line, and an issuer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from tests.conftest import client_of
from tests.identity.issuer import AUDIENCE, Issuer, issuing
from tests.waiting import until

from oxl.app import gate_of
from oxl.clock import system_now
from oxl.db.database import Database, Tenant
from oxl.identity import keys
from oxl.identity.gate import Gate
from oxl.kernel.background import once
from oxl.operations import audit
from oxl.settings import Settings


class Ground(NamedTuple):
    """A tenant and the documents of its two subscribers."""

    tenant: Tenant
    ada: dict[str, Any]
    bob: dict[str, Any]


def settings_of(database: Database, **more: Any) -> Settings:
    base = msgspec.structs.asdict(database.settings) | {"auth": "required", "validate_responses": True}
    return Settings(**(base | more))


def client(gate: Any, *headers: tuple[str, str], credential: str = "") -> httpx.AsyncClient:
    """A client of a gate, with an Authorization where a credential is given."""
    told = dict(headers) | ({"Authorization": f"Bearer {credential}"} if credential else {})
    return httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://oxl.example", headers=told)


async def new_key(tenant: Tenant, role: str = "operator", *parties: str, **more: Any) -> str:
    now = more.pop("now", system_now())
    values = {"name": "test", "scopes": None, "expires_at": now + timedelta(days=1)} | more
    async with tenant.connection() as conn:
        return await keys.create(conn, tenant.name, role=role, parties=parties, now=now, **values)


async def sealed(tenant: Tenant) -> int:
    """Seal all that the tenant's audit holds, however long other transactions stand in front of it; how many rows."""

    async def all_of_it() -> bool:
        await once(tenant, audit.seal)
        async with tenant.connection() as conn:
            return (await audit.walk(conn)).length == await conn.fetchval("select count(*) from audit")

    await until(all_of_it)
    async with tenant.connection() as conn:
        return await conn.fetchval("select count(*) from audit")


async def settle(tenant: Tenant) -> Ground:
    """Two parties with a line each."""
    found = []
    async with client_of(tenant) as http:
        for number, name in ((1, "Ada"), (2, "Bob")):
            body = {
                "party": {"givenName": name, "familyName": "Test"},
                "logicalResource": {"value": f"49155590{number:05d}"},
                "productOffering": {"id": "prepaid-m"},
                "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
            }
            answer = await http.post("/oxl/v1/subscriber", json=body)
            assert answer.status_code == 201, answer.text
            found.append(answer.json())
    return Ground(tenant, *found)


@pytest.fixture(scope="module")
async def alpha(make_tenant: Callable[[], Any]) -> Ground:
    """A tenant."""
    return await settle(await make_tenant())


@pytest.fixture(scope="module")
async def beta(make_tenant: Callable[[], Any]) -> Ground:
    """Another, with subscribers of the same numbers."""
    return await settle(await make_tenant())


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer of tokens."""
    async with issuing() as found:
        yield found


@pytest.fixture(scope="module")
def gate(database: Database, issuer: Issuer) -> Gate:
    """The way in to every tenant, with credentials."""
    return gate_of(settings_of(database, issuers=issuer.url, audience=AUDIENCE, rate=100_000), database)


def party(line: dict[str, Any]) -> str:
    return line["party"]["id"]
