"""Around everything that is served: health, figures, a log line and a trace for each request, as an ASGI application.

/health/live says that the process answers; /health/ready that it should be sent requests: its database answers, and it
has not been told to stop. /metrics is for Prometheus.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from oxl.callers import NOBODY
from oxl.db.database import ABSENT, Tenant
from oxl.db.queries import load
from oxl.kernel.problem import Problem, body_of
from oxl.operations import figures, traces

log = logging.getLogger("oxl.request")
q = load("oxl.operations", "operations.sql")
PROBES = ("/health/live", "/health/ready", "/metrics")
PROBE_SECONDS = 2.0
_REFUSALS = (401, 403, 408, 413, 421, 429, 431, 503)
Send = Callable[[Any], Awaitable[None]]
_CROWDED = figures.REFUSED.labels("503")


class Admission(Protocol):
    """Who decides who may read the figures, and whether there is room for one more request."""

    def is_full(self, coming: int = 0) -> bool:
        """Whether as many are at work as may be, with so many who are on their way in."""
        ...

    @property
    def refusal(self) -> bytes:
        """What is told then, as it goes over the wire."""
        ...

    async def refuse_at_once(self, scope: Mapping[str, Any], send: Send) -> None:
        """Tell that there is no room."""
        ...

    async def admit_to_figures(self, scope: Mapping[str, Any]) -> None:
        """Problem where they may not."""
        ...


def drain_mark(data: Path, port: int) -> Path:
    """The file that is there while the server at this port is being stopped."""
    return data / f"draining-{port}"


class Watched:
    """An application with its health and figures. `route` gives the pattern of a path; `tenants` are those open now."""

    def __init__(
        self,
        app: Any,
        admission: Admission,
        route: Callable[[str], str],
        tenants: Callable[[], Sequence[Tenant]],
        mark: Path,
    ) -> None:
        self._app = app
        self._admission = admission
        self._route = route
        self._tenants = tenants
        self._mark = mark
        self._own = dict(zip(PROBES, (self._live, self._ready, self._figures), strict=True))

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Send) -> None:
        """One HTTP request (ASGI)."""
        path, method = scope["path"].rstrip("/"), scope["method"]
        own = self._own.get(path)
        if own is not None and method in ("GET", "HEAD"):
            status, body, kind = await own(scope)
            headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
            return
        if self._admission.is_full():  # in a crowd what is not done must cost next to nothing
            _CROWDED.inc()
            return await self._admission.refuse_at_once(scope, send)
        route, began, status = self._route(path), time.perf_counter(), 0

        async def told(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with (
            traces.span(f"{method} {route}", scope["headers"]) as (trace, is_known, span),
            figures.ACTIVE.track_inprogress(),
        ):
            scope["oxl.trace"], scope["oxl.correlation"] = trace, trace if is_known else ""
            try:
                await self._app(scope, receive, told)
            finally:
                took = time.perf_counter() - began
                figures.duration(route, method, status).observe(took)
                if status in _REFUSALS:
                    figures.REFUSED.labels(str(status)).inc()
                traces.tell(span, method, route, status)
                self._log(scope, method, route, status, took)

    def is_full(self, coming: int) -> bool:
        """Whether there is no room for another request behind so many who are on their way in."""
        return self._admission.is_full(coming)

    def refuse(self) -> bytes:
        """The whole answer (HTTP/1.1) to one that there is no room for, counted."""
        _CROWDED.inc()
        return self._admission.refusal

    def _log(self, scope: Mapping[str, Any], method: str, route: str, status: int, took: float) -> None:
        if log.isEnabledFor(logging.INFO):
            caller = scope.get("oxl.caller", NOBODY)
            told = {"trace_id": scope["oxl.trace"], "method": method, "route": route, "status": status}
            told |= {"ms": round(took * 1000, 2), "tenant": scope.get("oxl.tenant", ""), "caller": caller.name}
            log.info("%s %s %s", method, route, status, extra=told)

    async def _live(self, _: Mapping[str, Any]) -> tuple[int, bytes, str]:
        return _health(200, "pass")

    async def _ready(self, _: Mapping[str, Any]) -> tuple[int, bytes, str]:
        if self._mark.exists():
            return _health(503, "fail", "the server is being stopped")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                for tenant in self._tenants()[:1]:
                    async with tenant.connection() as conn:
                        await conn.fetchval(q.alive)
        except (*ABSENT, TimeoutError):
            return _health(503, "fail", "the database does not answer")
        return _health(200, "pass")

    async def _figures(self, scope: Mapping[str, Any]) -> tuple[int, bytes, str]:
        try:
            await self._admission.admit_to_figures(scope)
            found: list[bytes] = []
            async with asyncio.timeout(PROBE_SECONDS):
                found.append(await figures.text(self._tenants()))
            return 200, found[0], figures.CONTENT_TYPE
        except Problem as problem:
            return problem.status, body_of(problem), "application/json;charset=utf-8"
        except (*ABSENT, TimeoutError):
            return 200, await figures.text(()), figures.CONTENT_TYPE


def _health(status: int, word: str, why: str = "") -> tuple[int, bytes, str]:
    told = {"status": word} | ({"output": why} if why else {})
    return status, msgspec.json.encode(told), "application/health+json"
