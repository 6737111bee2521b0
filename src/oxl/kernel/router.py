"""The ASGI application of a set of declared APIs: finds the resource a path means, answers it, and turns every failure
into a TMF Error. Paths answer with and without a trailing slash.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from oxl.db.database import ABSENT, LOST_RACE, Tenant
from oxl.kernel import filter as filters
from oxl.kernel import openapi, represent, request, select, validate
from oxl.kernel.callbacks import Guard
from oxl.kernel.declare import Api, Operation, Resource
from oxl.kernel.flusher import Flusher
from oxl.kernel.handle import Answer, Item, group
from oxl.kernel.hub import Hub
from oxl.kernel.problem import Problem, body_of, problem_of
from oxl.verbs import Refused

log = logging.getLogger("oxl.kernel")
Headers = dict[bytes, bytes]
_JSON = (b"content-type", b"application/json;charset=utf-8")
MAX_KEY = 255


class Reply(NamedTuple):
    """An answer about to be sent."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


class _Route(NamedTuple):
    """A resource with all that answering for it needs."""

    api: Api
    resource: Resource
    href: str
    reads: Flusher
    writes: Flusher | None


class Kernel:
    """Serves declared APIs for one tenant. `public` is the prefix that hrefs and Locations carry."""

    def __init__(
        self, apis: Sequence[Api], tenant: Tenant, public: str, cap: int, max_body: int, guard: Guard | None = None
    ) -> None:
        self.bases = tuple(api.base for api in apis)
        self._tenant = tenant
        self._cap = cap
        self._max_body = max_body
        self._routes = {
            f"{api.base}/{resource.name}": self._route(api, resource, public)
            for api in apis
            for resource in api.resources
        }
        self._hubs = {f"{api.base}/hub": Hub(api, tenant, public, guard or Guard()) for api in apis}
        self._documents = {f"{api.base}/openapi.json": openapi.document(api, public) for api in apis}

    def _route(self, api: Api, resource: Resource, public: str) -> _Route:
        async def read(ids: Sequence[str]) -> list[str | None]:
            async with self._tenant.connection() as conn:
                found = await select.by_ids(conn, resource, self._tenant.clock.now(), list(set(ids)))
            return [found.get(wanted) for wanted in ids]

        async def write(items: Sequence[Item]) -> list[Answer]:
            return await group(self._tenant, operation, items) if operation else []

        operation = Operation(api, resource, resource.create) if resource.create else None
        href = represent.collection_href(public, api, resource)
        return _Route(api, resource, href, Flusher(read), Flusher(write) if operation else None)

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable[[Any], Awaitable[None]]) -> None:
        """One HTTP request (ASGI)."""
        try:
            reply = await self._answer(scope, receive)
        except Problem as problem:
            reply = Reply(problem.status, body_of(problem), problem.headers)
        except ConnectionResetError:
            return
        except Exception as error:
            if isinstance(error, (*ABSENT, *LOST_RACE)):
                problem = Problem(
                    503, "unavailable", "the database cannot be reached; try again", (("Retry-After", "1"),)
                )
            else:
                log.exception("%s %s failed", scope["method"], scope["path"])
                problem = Problem(500, "internalError", "an unexpected failure; the server's log has the details")
            reply = Reply(problem.status, body_of(problem), problem.headers)
        headers = [_JSON, (b"content-length", str(len(reply.body)).encode())]
        headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    async def _answer(self, scope: dict[str, Any], receive: Callable) -> Reply:
        path, method, headers = scope["path"].rstrip("/"), scope["method"], dict(scope["headers"])
        if path in self._documents:
            _allow(method, ("GET", "HEAD"))
            return Reply(200, self._documents[path])
        route = self._routes.get(path)
        if route is not None:
            _allow(method, route.resource.methods)
            request.check_accept(headers)
            if method == "POST" and route.writes:
                return await self._create(route, route.writes, scope, receive, headers)
            return await self._list(route, scope)
        raw_path = scope.get("raw_path", path.encode()).decode("latin-1").partition("?")[0]
        collection, _, resource_id = raw_path.rstrip("/").rpartition("/")
        hub = self._hubs.get(path) or self._hubs.get(collection)
        if hub:
            hub_id = "" if path in self._hubs else unquote(resource_id)
            return Reply(*await hub.answer(method, hub_id, receive, headers, self._max_body))
        route = self._routes.get(collection)
        if route is None:
            raise Problem(404, "notFound", f"no resource lives at {scope['path'][:200]}")
        _allow(method, ("GET", "HEAD"))
        request.check_accept(headers)
        query = request.parse_query(scope["query_string"].decode("latin-1"), self._cap)
        return await self._read(route, unquote(resource_id), query)

    async def _read(self, route: _Route, resource_id: str, query: request.Query) -> Reply:
        doc = None if "\x00" in resource_id else await route.reads.submit(resource_id)
        if doc is None:
            raise Problem(404, "notFound", f"no {route.resource.name} has the id {resource_id[:100]!r}")
        return Reply(200, represent.one(doc, resource_id, route.href, query.fields))

    async def _list(self, route: _Route, scope: dict[str, Any]) -> Reply:
        query = request.parse_query(scope["query_string"].decode("latin-1"), self._cap)
        conditions = filters.conditions(route.resource, query.filters, f"{route.href}/")
        async with self._tenant.connection() as conn:
            page = await select.page(conn, route.resource, self._tenant.clock.now(), conditions, query)
        shown = len(page.docs)
        status = 206 if query.paged and shown < page.total else 200
        headers = represent.page_headers(query.offset, shown, page.total)
        return Reply(status, represent.many(page.docs, route.href, query.fields), headers)

    async def _create(
        self, route: _Route, writes: Flusher, scope: dict[str, Any], receive: Callable, headers: Headers
    ) -> Reply:
        query = request.parse_query(scope["query_string"].decode("latin-1"), self._cap)
        request.check_content_type(headers)
        raw = await request.read_body(receive, headers, self._max_body)
        body = validate.check(route.resource, validate.parse(raw))
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        if len(key) > MAX_KEY or "\x00" in key:
            raise Problem(400, "invalidHeader", f"Idempotency-Key: at most {MAX_KEY} characters")
        item = Item(body, key, hashlib.sha256(raw).digest()) if key else Item(body)
        answer: Answer = await writes.submit(item)
        if isinstance(answer.result, Refused):
            raise problem_of(answer.result, route.href)
        content = represent.one(answer.doc, answer.result.id, route.href, query.fields)
        return Reply(201, content, [("Location", f"{route.href}/{answer.result.id}")])


def _allow(method: str, methods: Sequence[str]) -> None:
    if method not in methods:
        allow = (("Allow", ", ".join(methods)),)
        raise Problem(405, "methodNotAllowed", f"{method} is not allowed here; {allow[0][1]} is", allow)
