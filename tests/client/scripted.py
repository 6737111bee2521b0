"""A server that answers as it is told: both clients, on a transport that remembers what they sent."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from oxl.client import AsyncClient, Client, Retry

URL = "http://oxl.example/under"
QUICK = Retry(first=0.0, longest=0.0)
Script = Callable[[int, httpx.Request], httpx.Response | Exception]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in parts, of which one may be a failure."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


class Asked:
    """A conversation with a server that follows a script; `sent` are the requests that it got."""

    def __init__(self, script: Script, awaited: bool, **options: Any) -> None:
        self.sent: list[httpx.Request] = []
        self._script = script
        self._awaited = awaited
        self._options = {"retry": QUICK} | options

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        found = self._script(len(self.sent), request)
        if isinstance(found, Exception):
            raise found
        return found

    def hold(self, operation: str, *arguments: Any, most: int | None = None, **named: Any) -> Any:
        """What an operation of the client comes to: all of an iterator, or its first `most`."""
        transport = httpx.MockTransport(self._answer)
        if not self._awaited:
            with Client(URL, transport=transport, **self._options) as client:
                found = getattr(client, operation)(*arguments, **named)
                return _first(found, most) if inspect.isgenerator(found) else found
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(self._hold(transport, operation, arguments, named, most))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _hold(self, transport: Any, operation: str, arguments: Any, named: Any, most: int | None) -> Any:
        async with AsyncClient(URL, transport=transport, **self._options) as client:
            found = getattr(client, operation)(*arguments, **named)
            if not inspect.isasyncgen(found):
                return await found
            told: list[Any] = []
            while most is None or len(told) < most:
                try:
                    told.append(await anext(found))
                except StopAsyncIteration:
                    break
            await found.aclose()
            return told


def _first(found: Any, most: int | None) -> list[Any]:
    told: list[Any] = []
    while most is None or len(told) < most:
        try:
            told.append(next(found))
        except StopIteration:
            break
    found.close()
    return told
