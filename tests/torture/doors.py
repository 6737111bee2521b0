"""Doors to one tenant, each as in a process of its own: own connections, own flushers. Asked without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec

from oxl.apis import APIS
from oxl.db.database import Tenant
from oxl.kernel.router import Kernel
from oxl.outbox.callbacks import Guard


class Said(NamedTuple):
    """An answer."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Door:
    """The APIs of a tenant in one process."""

    def __init__(self, tenant: Tenant) -> None:
        self._kernel = Kernel(APIS, tenant, "", 1000, 1 << 20, guard=Guard(dev=True))

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Said:
        """The answer to a request."""
        sent = msgspec.json.encode(body) if body is not None else b""
        headers = [(b"host", b"oxl.example"), (b"content-type", b"application/json")]
        headers += [(b"content-length", str(len(sent)).encode())] + (
            [(b"idempotency-key", key.encode())] if key else []
        )
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": headers, "scheme": "http", "http_version": "1.1", "server": ("oxl.example", 80), "client": None,
            "root_path": "",
        }  # fmt: skip
        incoming = [{"type": "http.request", "body": sent, "more_body": False}]
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return incoming.pop() if incoming else await asyncio.get_running_loop().create_future()

        async def send(message: dict[str, Any]) -> None:
            told.append(message)

        await self._kernel(scope, receive, send)
        return Said(told[0]["status"], b"".join(message.get("body", b"") for message in told[1:]))


@asynccontextmanager
async def doors(tenant: Tenant, count: int, connections: int = 3) -> AsyncIterator[Sequence[Door]]:
    """So many doors, with so many connections each."""
    tenants = [Tenant(tenant.name, tenant._connect, connections) for _ in range(count)]
    for each in tenants:
        each.clock = tenant.clock
    try:
        yield [Door(each) for each in tenants]
    finally:
        for each in tenants:
            await each.close()
