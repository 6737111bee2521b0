"""The suite's own listener: a small HTTP server that takes notifications, each subscription at a path of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import web

from oxl.certify.documents import Json


class Told(NamedTuple):
    """A notification as it came."""

    path: str
    method: str
    kind: str  # its media type
    doc: Json


class Listener:
    """Open while it is used as a context manager. `public` is how the server reaches it; empty: where it listens."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, public: str = "") -> None:
        self._host, self._port, self._public = host, port, public.rstrip("/")
        self._runner: web.AppRunner | None = None
        self._told: list[Told] = []
        self._news = asyncio.Condition()
        self._paths = count(1)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        if not self._public:
            host, port = self._runner.addresses[0][:2]
            self._public = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def callback(self) -> str:
        """A new address to subscribe with."""
        return f"{self._public}/listener/{next(self._paths)}"

    async def _take(self, request: web.Request) -> web.Response:
        try:
            doc = json.loads(await request.text(), parse_float=Decimal)
        except ValueError:
            doc = {}
        found = doc if isinstance(doc, dict) else {}
        async with self._news:
            self._told.append(Told(request.path, request.method, request.content_type, found))
            self._news.notify_all()
        return web.Response(status=204)

    def told(self, callback: str) -> list[Told]:
        """What has come to an address so far."""
        return [each for each in self._told if callback.endswith(each.path)]

    async def until(self, callback: str, wanted: Callable[[Any], bool], seconds: float) -> Told | None:
        """The first notification at an address that is wanted, also one that came before; None when none comes."""

        def found() -> Told | None:
            return next((each for each in self.told(callback) if wanted(each.doc)), None)

        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: found() is not None)
        except TimeoutError:
            return None
        return found()
