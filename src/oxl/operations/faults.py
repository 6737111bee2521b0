"""Failures on purpose, in front of the standard's APIs of a sandbox: slow answers and errors. ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from oxl.db.database import Tenant
from oxl.db.faults import NONE, happens
from oxl.kernel.problem import Problem, body_of

_OF = "/tmf-api/"


class Faulty:
    """An application of a tenant with the faults that the tenant asks for; without any it is just the application."""

    def __init__(self, app: Any, tenant: Tenant) -> None:
        self._app = app
        self._tenant = tenant

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable[[Any], Awaitable[None]]) -> None:
        """One HTTP request (ASGI)."""
        faults = self._tenant.faults
        if faults is not NONE and scope["path"].startswith(_OF):
            await asyncio.sleep(faults.request_delay / 1000)
            if happens(faults.error_share):
                problem = Problem(faults.error_status, "injectedFault", "this sandbox was asked to fail now and then")
                body = body_of(problem)
                headers = [(b"content-type", b"application/json;charset=utf-8")]
                headers += [(b"content-length", str(len(body)).encode()), (b"retry-after", b"1")]
                await send({"type": "http.response.start", "status": problem.status, "headers": headers})
                return await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        await self._app(scope, receive, send)
