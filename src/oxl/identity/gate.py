"""The way in, as an ASGI application: who it is, whether they may, which tenant answers, and what of it they see.

In dev mode, which is for loopback only, whoever comes is an operator; what a browser was lured to send is not let in.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from oxl.callers import Caller, Sight
from oxl.clock import system_now
from oxl.db.database import UnknownTenantError
from oxl.identity import keys
from oxl.identity.limits import check_head, patient, taken
from oxl.identity.places import HUB, Place, Places
from oxl.identity.rates import Believed, Rates
from oxl.identity.scopes import Operation, allows
from oxl.identity.tenants import House, Tenants
from oxl.identity.tokens import Tokens
from oxl.identity.who import Who, missing, refused
from oxl.kernel.declare import Api
from oxl.kernel.handle import problem_of_failure
from oxl.kernel.problem import ClientGoneError, Problem, body_of
from oxl.outbox.audit import DONE, Entry, note
from oxl.settings import Settings

KEY_SECONDS = 5.0  # for which a key, and what a party owns, is believed: so long a revoked key may still open
_FIGURES = Operation("oxl", "", "metrics", "read")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Gate:
    """Lets requests through to their tenant. `pages` are paths for everybody; `tokens` reads access tokens."""

    def __init__(
        self,
        settings: Settings,
        tenants: Tenants,
        apis: Sequence[Api],
        pages: Collection[str] = (),
        tokens: Tokens | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._tenants = tenants
        self._places = Places(apis)
        self._pages = frozenset(pages)
        self._tokens = tokens
        self._hosts = hosts or {}
        self._rates = Rates()
        self._keys: Believed[Who] = Believed(KEY_SECONDS)
        self._sights: Believed[Sight] = Believed(KEY_SECONDS)
        self._inflight = 0

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable[[Any], Awaitable[None]]) -> None:
        """One HTTP request (ASGI)."""
        if self.is_full():
            return await self.refuse_at_once(scope, send)
        self._inflight += 1
        idle = float(self._settings.client_seconds)
        answer = Answer(taken(send, idle), self._leave)
        try:
            house, place = await self._let_in(scope)
            is_stream = place is not None and place.is_stream
            calm = receive if scope["method"] == "GET" else patient(receive, idle, None if is_stream else 3 * idle)
            await house.app(scope, calm, answer)
            await self._note(scope, house, place, answer.status)
        except Problem as problem:
            await refuse(scope, send, problem)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 – it is told in the log
            problem = problem_of_failure(error, f"{scope['method']} {scope['path']}")
            if not answer.status:
                await refuse(scope, send, problem)
        finally:
            if not answer.is_endless:
                self._leave()

    def _leave(self) -> None:
        self._inflight -= 1

    def is_full(self, coming: int = 0) -> bool:
        """Whether as many requests are at work as may be, with so many who are on their way in."""
        return self._inflight + coming >= self._settings.inflight

    @property
    def refusal(self) -> bytes:
        """What a client is told then, as it goes over the wire."""
        return _REFUSAL

    async def refuse_at_once(self, scope: Mapping[str, Any], send: Callable[[Any], Awaitable[None]]) -> None:
        """Tell a client to come again later."""
        await refuse(scope, send, _OVERLOADED)

    async def _let_in(self, scope: dict[str, Any]) -> tuple[House, Place | None]:
        """The house that answers, its request told who comes; Problem where they may not."""
        check_head(scope["path"], scope["headers"])
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        path, dev = scope["path"].rstrip("/"), self._settings.auth == "dev"
        by_host = self._hosts.get(_name(host))
        if dev:
            self._check_local(host)
        if path in self._pages and scope["method"] in ("GET", "HEAD"):
            return await self._tenants.house(by_host or self._settings.tenant), None
        who = self._anybody(by_host) if dev else await self._who(headers)
        if by_host not in (None, who.tenant):
            raise refused("they are another tenant's")
        if wait := self._rates.wait((who.tenant, who.name), who.rate or self._settings.rate, time.monotonic()):
            raise _too_many(wait)
        place = self._places.find(scope["method"], path)
        if place is None:
            raise Problem(404, "notFound", f"no resource lives at {scope['path'][:200]}")
        if not allows(who.role, who.scopes, place.operation):
            await self._deny(scope, who, place)
            scope_error = (("WWW-Authenticate", f'Bearer realm="oxl", error="insufficient_scope", '
                            f'scope="{place.operation.text}"'),)  # fmt: skip
            raise Problem(403, "notAllowed", f"this needs the scope {place.operation.text}", scope_error)
        try:
            house = await self._tenants.house(who.tenant)
        except UnknownTenantError:
            raise refused("there is no such tenant") from None
        scope["oxl.tenant"] = who.tenant
        told = (scope.get("oxl.trace", ""), scope.get("oxl.correlation", ""))
        scope["oxl.caller"] = Caller(who.name, await self._sight(house, who), *told)
        if not dev and b"idempotency-key" in headers:
            scope["headers"] = _own_key(scope["headers"], who)
        return house, place

    async def admit_to_figures(self, scope: Mapping[str, Any]) -> None:
        """Problem where the figures are not for who asks: they are an operator's, or everybody's."""
        if self._settings.auth == "required" and not self._settings.metrics_open:
            who = await self._who(dict(scope["headers"]))
            if who.role != "operator" or who.parties or not allows(who.role, who.scopes, _FIGURES):
                raise Problem(403, "notAllowed", f"this needs the scope {_FIGURES.text} of an operator")

    async def _note(self, scope: Mapping[str, Any], house: House, place: Place | None, status: int) -> None:
        """Keep what nobody below wrote down: subscriptions to events, bodies of any length, what was not theirs."""
        caller: Caller | None = scope.get("oxl.caller")
        beside = place is not None and (place.is_stream or place.operation.resource == HUB)
        if place is None or caller is None or scope["method"] in ("GET", "HEAD") or not (beside or status == 403):
            return
        outcome = DONE if status < 300 else str(status)
        entry = Entry(caller.name, place.operation.text, place.id[:100], outcome, caller.trace)
        async with house.tenant.connection() as conn:
            await note(conn, [entry])

    async def _deny(self, scope: Mapping[str, Any], who: Who, place: Place) -> None:
        """Keep that somebody who was recognised asked for what they may not."""
        try:
            house = await self._tenants.house(who.tenant)
        except UnknownTenantError:
            return
        entry = Entry(who.name, place.operation.text, place.id[:100], "notAllowed", scope.get("oxl.trace", ""))
        async with house.tenant.connection() as conn:
            await note(conn, [entry])

    def _check_local(self, host: str) -> None:
        """Problem where a page of elsewhere made a browser ask us under its own name (DNS rebinding)."""
        known = {*_LOCAL, self._settings.host.lower(), *self._hosts}
        public = self._settings.public_url.partition("://")[2].partition("/")[0].lower()
        if _name(host) not in known and host != public:
            text = f"the host {host[:100]!r} is not served here in dev mode; OXL_HOSTS may name it"
            raise Problem(421, "misdirected", text)

    def _anybody(self, by_host: str | None) -> Who:
        return Who(tenant=by_host or self._settings.tenant, name="dev", role="operator", rate=1_000_000_000)

    async def _who(self, headers: Mapping[bytes, bytes]) -> Who:
        """Who the credentials of a request are of; Problem 401 without any that hold."""
        given = headers.get(b"authorization", b"").decode("latin-1")
        kind, _, text = given.partition(" ")
        text = headers.get(b"x-api-key", b"").decode("latin-1") or text.strip()
        if not text or (given and kind.lower() != "bearer"):
            raise missing()
        key = keys.read(text)
        if key is not None:
            return await self._key_holder(key)
        if self._tokens is None:
            raise refused("it is no key, and tokens are not taken here")
        return await self._tokens.who(text, system_now())

    async def _key_holder(self, key: keys.Key) -> Who:
        digest, at = hashlib.sha256("\0".join(key).encode()).digest(), time.monotonic()
        who = self._keys.get(digest, at)
        if who is not None:
            return who
        try:
            house = await self._tenants.house(key.tenant)
        except UnknownTenantError:
            raise refused("there is no such key") from None
        async with house.tenant.connection() as conn:
            who = await keys.find(conn, key, system_now())
        if who is None:
            raise refused("there is no such key")
        return self._keys.keep(digest, who, at)

    async def _sight(self, house: House, who: Who) -> Sight | None:
        if not who.parties:
            return None
        asked, at = (who.tenant, who.parties), time.monotonic()
        found = self._sights.get(asked, at)
        if found is None:
            async with house.tenant.connection() as conn:
                accounts = await keys.owned(conn, who.parties)
            found = self._sights.keep(asked, Sight(who.parties, accounts), at)
        return found


class Answer:
    """A send that remembers the status of what went through it. Who is told events from now on is no longer at work:
    `leave` is called, and how many may listen is bounded by what they listen to.
    """

    def __init__(self, send: Callable[[Any], Awaitable[None]], leave: Callable[[], None]) -> None:
        self._send = send
        self._leave = leave
        self.status = 0
        self.is_endless = False

    async def __call__(self, message: Any) -> None:
        """One message (ASGI)."""
        self.status = message.get("status", self.status)
        if any(each[1] == b"text/event-stream" for each in message.get("headers", ())):
            self.is_endless = True
            self._leave()
        await self._send(message)


def _name(host: str) -> str:
    """The host without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _own_key(headers: Sequence[tuple[bytes, bytes]], who: Who) -> list[tuple[bytes, bytes]]:
    """The headers with an Idempotency-Key that nobody else can have: what one was answered is not for another."""
    told = []
    for name, value in headers:
        if name == b"idempotency-key" and value and len(value) <= 255:
            value = hashlib.sha256(who.name.encode() + b"\0" + value).hexdigest().encode()
        told.append((name, value))
    return told


def _too_many(wait: float) -> Problem:
    text = "too many requests; their rate is bounded"
    return Problem(429, "tooManyRequests", text, (("Retry-After", str(math.ceil(wait))),))


def _head(problem: Problem, length: int) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json;charset=utf-8"), (b"content-length", str(length).encode())]
    headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in problem.headers]
    return {"type": "http.response.start", "status": problem.status, "headers": headers}


async def refuse(scope: Mapping[str, Any], send: Callable[[Any], Awaitable[None]], problem: Problem) -> None:
    """Answer with a problem."""
    body = body_of(problem)
    await send(_head(problem, len(body)))
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def answer_of(problem: Problem) -> bytes:
    """The whole answer (HTTP/1.1) that tells a problem, for where there is nobody to send it through."""
    body = body_of(problem)
    headers = b"".join(b"%s: %s\r\n" % each for each in _head(problem, len(body))["headers"])
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (problem.status, HTTPStatus(problem.status).phrase.encode(), headers, body)


_OVERLOADED = Problem(503, "overloaded", "too many requests are being answered", (("Retry-After", "1"),))
_REFUSAL = answer_of(_OVERLOADED)
