"""The client that is awaited: the same conversations as `blocking`, held without blocking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from httpx_sse import EventSource

from oxl.client import operations
from oxl.client.asking import Came, Retry, Send, Steps, Wait
from oxl.client.operations import Json, Kind, Patch, Tagged
from oxl.client.streams import Follow, Told
from oxl.client.transport import HERE, OPEN, PATIENT, Key, answered, failed, part_of, request, settings, told

T = TypeVar("T")


class AsyncClient:
    """The client that does not block: the same as Client, to be awaited."""

    def __init__(
        self,
        url: str = HERE,
        *,
        key: Key = "",
        retry: Retry = PATIENT,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**settings(url, headers, timeout), transport=transport)
        self._key = key
        self._retry = retry

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def _do(self, step: Send | Wait) -> Came:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        try:
            async with self._http.stream(**request(step, self._key)) as answer:
                if step.into is None or not answer.is_success:
                    return answered(answer, await answer.aread())
                with part_of(step.into) as file:
                    async for piece in answer.aiter_bytes():
                        file.write(piece)
                return answered(answer, b"")
        except httpx.RequestError as error:
            return failed(error)

    async def _hold(self, steps: Steps[T]) -> T:
        came: Came = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as done:
                return done.value
            came = await self._do(step)

    async def read(self, kind: Kind[T], resource_id: str, *, fields: Iterable[str] = ()) -> Tagged[T]:
        """One document with the ETag of its state, for `patch` and `delete`."""
        return await self._hold(operations.get(self._retry, kind, resource_id, fields))

    async def get(self, kind: Kind[T], resource_id: str, *, fields: Iterable[str] = ()) -> T:
        """One document. fields: only these attributes, dotted."""
        return (await self.read(kind, resource_id, fields=fields)).document

    async def find(
        self,
        kind: Kind[T],
        filters: Mapping[str, Any] | None = None,
        *,
        sort: Iterable[str] = (),
        fields: Iterable[str] = (),
        page: int = 200,
    ) -> AsyncIterator[T]:
        """All that meet the filters, fetched by pages of that length as they are wanted.

        filters: as in an address, such as {"status": "failed", "creationDate.gt": moment}; a list of values means or.
        """
        query: str | None = operations.first_query(filters, sort, fields, page)
        while query is not None:
            documents, query = await self._hold(operations.page(self._retry, kind, query))
            for document in documents:
                yield document

    async def count(self, kind: Kind[Any], filters: Mapping[str, Any] | None = None) -> int:
        """How many meet the filters, counted exactly."""
        return await self._hold(operations.count(self._retry, kind, filters))

    async def create(self, kind: Kind[T], body: Mapping[str, Any], *, key: str | None = None, later: bool = False) -> T:
        """POST one. key: the Idempotency-Key; without one a new one is made, and sent on every try.

        later: prefer to be answered before a task is done.
        """
        return await self._hold(operations.create(self._retry, kind, body, key, later))

    async def patch(
        self,
        kind: Kind[T],
        resource_id: str,
        changes: Patch,
        *,
        etag: str = "",
        by_query: bool = False,
        key: str | None = None,
    ) -> T:
        """PATCH one. changes: a mapping is a merge patch, a list are steps of a JSON patch; by_query: at places found.

        etag: of `read`; where the resource is no longer as it was then, ApiError 412.
        """
        return await self._hold(operations.patch(self._retry, kind, resource_id, changes, etag, by_query, key))

    async def delete(self, kind: Kind[Any], resource_id: str, *, etag: str = "", key: str | None = None) -> None:
        """DELETE one."""
        await self._hold(operations.delete(self._retry, kind, resource_id, etag, key))

    async def save(self, kind: Kind[Any], resource_id: str, name: str, into: Path) -> Path:
        """GET a file below a resource, such as the `content` of an exportJob; it gets its name when it is whole."""
        return await self._hold(operations.save(self._retry, kind, resource_id, name, into))

    async def subscribe(self, base: str, callback: str, query: str = "") -> Json:
        """Be told of an API's events at an address; the same again is the same subscription. base: its BASE."""
        return await self._hold(operations.subscribe(self._retry, base, callback, query))

    async def unsubscribe(self, base: str, subscription_id: str) -> None:
        """End a subscription."""
        await self._hold(operations.unsubscribe(self._retry, base, subscription_id))

    async def ask(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Any other request to the server; writes carry a key of their own."""
        return await self._hold(operations.ask(self._retry, method, path, query, body))

    async def watch(
        self, kind: Kind[Any], resource_id: str, name: str = "stream", *, last_id: str = ""
    ) -> AsyncIterator[Told]:
        """The events of a stream, for as long as they are wanted; a break is mended where it broke.

        last_id: of the last event that is known; what it told is not told again.
        """
        follow = Follow(kind.at(resource_id, name), self._retry, last_id)
        while True:
            came: Came = None
            try:
                async with self._http.stream(**request(follow.request, self._key), timeout=OPEN) as answer:
                    if answer.status_code != 200:
                        came = answered(answer, await answer.aread())
                    else:
                        async for event in EventSource(answer).aiter_sse():
                            if found := told(event, follow):
                                yield found
            except httpx.RequestError as error:
                came = failed(error)
            await asyncio.sleep(follow.broke(came))
