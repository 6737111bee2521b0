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
from oxl.kernel import openapi, paging, represent, request, select, validate
from oxl.kernel.answers import Contract
from oxl.kernel.declare import Api, Operation, Resource
from oxl.kernel.flusher import Flusher
from oxl.kernel.handle import Answer, Item, group
from oxl.kernel.pages import pages
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
        self,
        apis: Sequence[Api],
        tenant: Tenant,
        public: str,
        cap: int,
        max_body: int,
        count_cap: int = select.COUNT_CAP,
        partial_status: int = 206,
        validate_responses: bool = False,
    ) -> None:
        self.bases = tuple(api.base for api in apis)
        self._tenant = tenant
        self._cap = cap
        self._count_cap = count_cap
        self._partial_status = partial_status
        self._secret = tenant.secret("cursor")
        self._max_body = max_body
        self._routes = {
            f"{api.base}/{resource.name}": self._route(api, resource, public)
            for api in apis
            for resource in api.resources
        }
        documents = {api.base: openapi.contract(api, public) for api in apis}
        self._pages = pages(apis, documents, public)
        self._contracts = {base: Contract(base, each) for base, each in documents.items()} if validate_responses else {}

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
            reply = self._held(scope, await self._answer(scope, receive))
        except Problem as problem:
            reply = self._held(scope, Reply(problem.status, body_of(problem), problem.headers))
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
        typed = any(name == "Content-Type" for name, _ in reply.headers)
        headers = [*(() if typed else (_JSON,)), (b"content-length", str(len(reply.body)).encode())]
        headers = headers if reply.status not in (204, 304) else []
        headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    def _held(self, scope: dict[str, Any], reply: Reply) -> Reply:
        """The reply, or where answers are held against the contract and it does not fit, a 500."""
        path = scope["path"].rstrip("/")
        base = next((base for base in self._contracts if path.startswith(f"{base}/")), None)
        if base is None or path in self._pages:
            return reply
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        partial = b"fields=" in scope["query_string"]
        faults = self._contracts[base].faults(method, path, reply.status, reply.body, partial)
        if not faults:
            return reply
        log.error("%s %s answered %s against the contract: %s", method, path, reply.status, "; ".join(faults))
        problem = Problem(500, "contractViolated", f"the answer does not fit the published contract: {faults[0]}")
        return Reply(problem.status, body_of(problem))

    async def _answer(self, scope: dict[str, Any], receive: Callable) -> Reply:
        path, method, headers = scope["path"].rstrip("/"), scope["method"], dict(scope["headers"])
        if path in self._pages:
            _allow(method, ("GET", "HEAD"))
            return Reply(200, self._pages[path].body(), self._pages[path].headers)
        route = self._routes.get(path)
        if route is not None:
            _allow(method, route.resource.methods)
            request.check_accept(headers)
            if method == "POST" and route.writes:
                return await self._create(route, route.writes, scope, receive, headers)
            return await self._list(route, scope)
        raw_path = scope.get("raw_path", path.encode()).decode("latin-1").partition("?")[0]
        collection, _, resource_id = raw_path.rstrip("/").rpartition("/")
        route = self._routes.get(collection)
        if route is None:
            raise Problem(404, "notFound", f"no resource lives at {scope['path'][:200]}")
        _allow(method, ("GET", "HEAD"))
        request.check_accept(headers)
        query = request.parse_query(scope["query_string"].decode("latin-1"), self._cap)
        return await self._read(route, unquote(resource_id), query, headers)

    async def _read(self, route: _Route, resource_id: str, query: request.Query, headers: Headers) -> Reply:
        doc = None if "\x00" in resource_id else await route.reads.submit(resource_id)
        if doc is None:
            raise Problem(404, "notFound", f"no {route.resource.name} has the id {resource_id[:100]!r}")
        etag = represent.etag_of(doc)
        if represent.is_known(headers.get(b"if-none-match", b""), etag):
            return Reply(304, b"", [("ETag", etag)])
        return Reply(200, represent.one(doc, resource_id, route.href, query.fields), [("ETag", etag)])

    async def _list(self, route: _Route, scope: dict[str, Any]) -> Reply:
        raw, headers = scope["query_string"].decode("latin-1"), dict(scope["headers"])
        query = request.parse_query(raw, self._cap)
        ranged = scope["method"] == "GET" and request.take_range(query, headers, self._cap)
        conditions = filters.conditions(route.resource, query.filters, f"{route.href}/")
        keys = paging.order_of(route.resource, query.sort)
        bound = paging.binding(f"{route.api.base}/{route.resource.name}", keys, raw)
        part = paging.window(keys, query, self._secret, bound, request.prefers(headers, "count=exact"))
        async with self._tenant.connection() as conn, select.bounded(conn):
            page = await select.page(conn, route.resource, self._tenant.clock.now(), conditions, part, self._count_cap)
        shown, by_cursor = len(page.docs), query.before is not None or query.after is not None
        found = represent.page_headers(None if by_cursor else part.offset, shown, page.total, page.estimated)
        if ranged and not shown:
            unmet = (("Content-Range", f"items */{page.total}"),)
            raise Problem(416, "rangeNotSatisfiable", f"Range: the list has {page.total} items", unmet)
        if (query.paged or page.more) and not ranged:
            known = page.total if page.estimated else None
            ends = [paging.seal(self._secret, bound, place, known) for place in (*(page.ends or ()), ())]
            links = (
                paging.offset_links(part.offset, part.limit, None if page.estimated else page.total, page.more)
                if query.by_offset
                else paging.cursor_links(part, (ends[0], ends[1]) if page.ends else None, ends[-1], page.more)
            )
            found += [("Link", text)] if (text := paging.link_header(route.href, raw, links)) else []
        body = represent.many(page.docs, route.href, query.fields)
        etag = f"W/{represent.etag_of(body + str(page.total).encode())}"
        found += [("ETag", etag)] + ([("Preference-Applied", "count=exact")] if part.exact else [])
        if represent.is_known(headers.get(b"if-none-match", b""), etag):
            return Reply(304, b"", found)
        partial = self._partial_status if query.paged and 0 < shown < page.total else 200
        return Reply(206 if ranged else partial, body, found)

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
