"""The ASGI application of a set of declared APIs: finds the resource a path means, answers it, and turns every failure
into a TMF Error. Paths answer with and without a trailing slash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from oxl.callers import NOBODY, Caller, Sight
from oxl.db.database import Tenant
from oxl.kernel import filter as filters
from oxl.kernel import paging, represent, request, select, validate
from oxl.kernel.declare import Api, Exchange, Method, Operation, Resource
from oxl.kernel.flusher import Flusher
from oxl.kernel.handle import Answer, Item, Reply, group, problem_of_failure, unknown
from oxl.kernel.hub import Hub
from oxl.kernel.problem import ClientGoneError, Problem, body_of, problem_of
from oxl.outbox.callbacks import Guard
from oxl.query import patch
from oxl.query.body import values_at
from oxl.verbs import Refusal

Headers = dict[bytes, bytes]
_JSON = (b"content-type", b"application/json;charset=utf-8")
_MERGE_ONLY = [kind for kind, form in patch.FORMATS.items() if form == "merge"]


class Page(Protocol):
    """Something beside the resources that is served as it is."""

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """What goes with it."""
        ...

    def body(self) -> bytes:
        """Its content."""
        ...


class _Route(NamedTuple):
    """A resource with all that answering for it needs."""

    api: Api
    resource: Resource
    href: str
    reads: Flusher
    writes: Mapping[str, Flusher]  # by method; later: the POSTs of those who prefer not to wait


class Kernel:
    """Serves declared APIs for one tenant. `public` is the prefix that hrefs and Locations carry.

    pages: what else is served, by path.
    """

    def __init__(
        self,
        apis: Sequence[Api],
        tenant: Tenant,
        public: str,
        cap: int,
        max_body: int,
        count_cap: int = select.COUNT_CAP,
        partial_status: int = 206,
        pages: Mapping[str, Page] | None = None,
        guard: Guard | None = None,
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
        self._streams = {(at, s.method, s.name): (r, s) for at, r in self._routes.items() for s in r.resource.streams}
        self._hubs = {f"{api.base}/hub": Hub(api, tenant, public, guard or Guard()) for api in apis if api.hub}
        self._pages = pages or {}

    def _route(self, api: Api, resource: Resource, public: str) -> _Route:
        async def read(asked: Sequence[tuple[str, Sight | None]]) -> list[str | None]:
            async with self._tenant.connection() as conn:
                return await select.seen(conn, resource, self._tenant.clock.now(), asked)

        def writing(verb: Any, method: Method) -> Flusher:
            return Flusher(partial(group, self._tenant, Operation(api, resource, verb, method), collection=href))

        href = represent.collection_href(public, api, resource)
        verbs: dict[Method, Any] = {"POST": resource.create, "PATCH": resource.patch, "DELETE": resource.delete}
        writes: dict[str, Flusher] = {method: writing(verb, method) for method, verb in verbs.items() if verb}
        if resource.task and resource.task.later:
            writes["later"] = writing(resource.task.later, "POST")
        return _Route(api, resource, href, Flusher(read), writes)

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable[[Any], Awaitable[None]]) -> None:
        """One HTTP request (ASGI)."""
        try:
            if await self._stream(scope, receive, send):
                return
            reply = await self._answer(scope, receive)
        except Problem as problem:
            reply = Reply(problem.status, body_of(problem), problem.headers)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 – it is told in the log
            problem = problem_of_failure(error, f"{scope['method']} {scope['path']}")
            reply = Reply(problem.status, body_of(problem), problem.headers)
        typed = any(name == "Content-Type" for name, _ in reply.headers)
        headers = [*(() if typed else (_JSON,)), (b"content-length", str(len(reply.body)).encode())]
        headers = headers if reply.status not in (204, 304) else []
        headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    async def _stream(self, scope: dict[str, Any], receive: Callable, send: Callable[[Any], Awaitable[None]]) -> bool:
        """Whether the path meant a stream, which then has answered."""
        outer, _, name = scope["path"].rstrip("/").rpartition("/")
        collection, _, resource_id = outer.rpartition("/")
        if not (found := self._streams.get((outer, "POST", name)) or self._streams.get((collection, "GET", name))):
            return False
        route, stream = found
        _allow(scope["method"], ["GET", "HEAD"] if stream.method == "GET" else [stream.method])
        if sight := scope.get("oxl.caller", NOBODY).sight:
            if stream.method != "GET":
                raise Problem(403, "notYours", "what is sent here may be of anybody")
            await self._doc(route, resource_id, sight)
        op, raw = Operation(route.api, route.resource, route.resource.create), request.body_parts(receive)
        told, parts = await stream.answer(Exchange(self._tenant, op, resource_id, raw, dict(scope["headers"]), receive))
        sent = [(header.lower().encode(), value.encode("latin-1", "replace")) for header, value in told]
        await send({"type": "http.response.start", "status": 200, "headers": sent})
        async for part in parts:
            if scope["method"] == "HEAD":
                break
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _answer(self, scope: dict[str, Any], receive: Callable) -> Reply:
        path, method, headers = scope["path"].rstrip("/"), scope["method"], dict(scope["headers"])
        caller: Caller = scope.get("oxl.caller", NOBODY)
        if path in self._pages:
            _allow(method, ("GET", "HEAD"))
            return Reply(200, self._pages[path].body(), self._pages[path].headers)
        route = self._routes.get(path)
        if route is not None:
            _allow(method, route.resource.methods)
            if method == "POST":
                return await self._write(route, "", scope, receive, headers)
            request.check_accept(headers)
            return await self._list(route, scope)
        raw_path = scope.get("raw_path", path.encode()).decode("latin-1").partition("?")[0]
        collection, _, resource_id = raw_path.rstrip("/").rpartition("/")
        hub = self._hubs.get(path) or self._hubs.get(collection)
        if hub:
            hub_id = "" if path in self._hubs else unquote(resource_id)
            if caller.sight:
                raise Problem(403, "notYours", "events are of everybody; ask for the resources instead")
            return Reply(*await hub.answer(method, hub_id, receive, headers, self._max_body))
        route = self._routes.get(collection)
        if route is None:
            raise Problem(404, "notFound", f"no resource lives at {scope['path'][:200]}")
        _allow(method, route.resource.single_methods)
        if method in route.writes:
            return await self._write(route, unquote(resource_id), scope, receive, headers)
        request.check_accept(headers)
        query = request.parse_query(scope["query_string"].decode("latin-1"), self._cap)
        return await self._read(route, unquote(resource_id), query, headers, caller.sight)

    async def _read(
        self, route: _Route, resource_id: str, query: request.Query, headers: Headers, sight: Sight | None
    ) -> Reply:
        doc = await self._doc(route, resource_id, sight)
        etag = represent.etag_of(doc)
        if represent.is_known(headers.get(b"if-none-match", b""), etag):
            return Reply(304, b"", [("ETag", etag)])
        return Reply(200, represent.one(doc, resource_id, route.href, query.fields), [("ETag", etag)])

    async def _list(self, route: _Route, scope: dict[str, Any]) -> Reply:
        raw, headers = scope["query_string"].decode("latin-1"), dict(scope["headers"])
        sight: Sight | None = scope.get("oxl.caller", NOBODY).sight
        query = request.parse_query(raw, self._cap)
        ranged = scope["method"] == "GET" and request.take_range(query, headers, self._cap)
        conditions = filters.conditions(route.resource, query.filters, f"{route.href}/", route.api.strict)
        conditions = [*conditions, route.resource.seen_by(sight)] if sight else conditions
        keys = paging.order_of(route.resource, query.sort)
        party = ",".join(sight.party) if sight else ""
        bound = paging.binding(f"{route.api.base}/{route.resource.name}", keys, raw, party)
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

    async def _doc(self, route: _Route, resource_id: str, sight: Sight | None) -> str:
        """The document of an id; Problem 404 when it is not there, or not for them to see."""
        doc = None if "\x00" in resource_id else await route.reads.submit((resource_id, sight))
        if doc is None:
            raise problem_of(unknown(route.resource, resource_id), route.href)
        return doc

    async def _write(
        self, route: _Route, resource_id: str, scope: dict[str, Any], receive: Callable, headers: Headers
    ) -> Reply:
        method, caller = scope["method"], scope.get("oxl.caller", NOBODY)
        try:
            item = await self._item(route, resource_id, scope, receive, headers)
        except Problem:
            if method != "POST":
                await self._doc(route, resource_id, caller.sight)  # 404 comes before whatever else is wrong
            raise
        later = method == "POST" and "later" in route.writes and request.prefers(headers, "respond-async")
        answer: Answer = await route.writes["later" if later else method].submit(item)
        status, body, told = answer.reply or Reply(500, b"")
        return Reply(status, body, [*told, ("Preference-Applied", "respond-async")] if later else told)

    async def _item(
        self, route: _Route, resource_id: str, scope: dict[str, Any], receive: Callable, headers: Headers
    ) -> Item:
        """What a request asks to be written; Problem when it cannot be."""
        if "\x00" in resource_id:
            raise Problem(404, "notFound", "no id holds such a character")
        method, api, kind = scope["method"], route.api, request.media_type(headers)
        caller: Caller = scope.get("oxl.caller", NOBODY)
        request.check_accept(headers)
        fields = request.parse_query(scope["query_string"].decode("latin-1"), self._cap).fields
        key, seen = request.idempotency_key(headers), request.if_match(headers)
        raw, body = b"", None
        if method == "POST":
            request.check_media_type(kind, ("application/json",))
            raw = await request.read_body(receive, headers, self._max_body)
            body = await self._body(route, validate.parse(raw), caller.sight)
        elif method == "PATCH":
            request.check_media_type(kind, _MERGE_ONLY if api.generation == 4 else list(patch.FORMATS), "Accept-Patch")
            raw = await request.read_body(receive, headers, self._max_body)
            try:
                body = patch.read(patch.FORMATS[kind], validate.parse_any(raw))
            except Refusal as refusal:
                raise problem_of(refusal.refused, route.href) from None
        about = f"{method} {route.href}/{resource_id} {kind}\n".encode() if key else b""
        body_hash = hashlib.sha256(about + raw).digest() if key else b""
        return Item(body, key, body_hash, resource_id, seen, fields, caller)

    async def _body(self, route: _Route, body: dict[str, Any], sight: Sight | None) -> dict[str, Any]:
        """A create body as its verb takes it. Ids are the server's; one that is in use is a conflict."""
        known = body.get("id")
        if isinstance(known, str) and "\x00" not in known and await route.reads.submit((known, sight)) is not None:
            raise Problem(409, "idInUse", f"id: there is a {route.resource.name} with the id {known[:100]!r}")
        body = validate.check(route.resource, body, route.api)
        for path, kind in route.resource.theirs.items() if sight else ():
            for each in values_at(body, path.split(".")):
                named = self._routes.get(f"{route.api.base}/{kind}")
                if (each not in getattr(sight, kind)) if named is None else await self._hidden(named, each, sight):
                    raise Problem(403, "notYours", f"{path}: is not yours")
        return body

    async def _hidden(self, route: _Route, resource_id: Any, sight: Sight | None) -> bool:
        plain = isinstance(resource_id, str) and "\x00" not in resource_id
        return not plain or await route.reads.submit((resource_id, sight)) is None


def _allow(method: str, methods: Sequence[str]) -> None:
    if method not in methods:
        allow = (("Allow", ", ".join(methods)),)
        raise Problem(405, "methodNotAllowed", f"{method} is not allowed here; {allow[0][1]} is", allow)
