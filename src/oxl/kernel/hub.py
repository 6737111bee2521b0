"""`{base}/hub`: who wants to be told of an API's events. Delivery reads what is kept here.

Whoever asks twice for the same gets the same subscription: some clients ask again at every start.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable

import msgspec

from oxl.db.database import Tenant
from oxl.kernel import request, validate
from oxl.kernel.declare import Api
from oxl.kernel.events import wanted_of
from oxl.kernel.problem import Problem
from oxl.outbox import outbox
from oxl.outbox.callbacks import BadCallback, Guard, target_of
from oxl.values import new_id

Reply = tuple[int, bytes, list[tuple[str, str]]]


def new_secret() -> str:
    """A secret to sign with, in the form of Standard Webhooks."""
    return f"whsec_{base64.b64encode(os.urandom(24)).decode()}"


class Hub:
    """The hub of one API."""

    def __init__(self, api: Api, tenant: Tenant, public: str, guard: Guard) -> None:
        self._api = api
        self._tenant = tenant
        self._href = f"{public}{api.base}/hub"
        self._guard = guard

    async def answer(
        self, method: str, hub_id: str, receive: Callable, headers: dict[bytes, bytes], most: int
    ) -> Reply:
        """One request to the hub, or to the subscription of that id."""
        reads = ("GET", "HEAD") if "retrieve" in self._api.hub else ()
        allowed = (*reads, "DELETE") if hub_id else ("POST",)
        if method not in allowed:
            allow = ", ".join(allowed)
            raise Problem(405, "methodNotAllowed", f"{method} is not allowed here; {allow} is", (("Allow", allow),))
        request.check_accept(headers)
        if method == "POST":
            return await self._subscribe(receive, headers, most)
        if "\x00" not in hub_id:
            async with self._tenant.connection() as conn:
                if method == "DELETE":
                    if await outbox.unsubscribe(conn, self._api.name, hub_id, self._tenant.clock.true()):
                        return 204, b"", []
                elif found := await outbox.find_subscription(conn, self._api.name, hub_id):
                    return 200, self._body(*found), []
        raise Problem(404, "notFound", f"no hub has the id {hub_id[:100]!r}")

    async def _subscribe(self, receive: Callable, headers: dict[bytes, bytes], most: int) -> Reply:
        request.check_media_type(request.media_type(headers), ("application/json",))
        body = validate.parse(await request.read_body(receive, headers, most))
        callback, query = body.get("callback"), body["query"] if body.get("query") is not None else ""
        if callback is None:
            raise Problem(400, "missingAttribute", "callback: is required")
        if not isinstance(callback, str):
            raise Problem(400, "invalidValue", "callback: must be a text")
        if not isinstance(query, str):
            raise Problem(400, "invalidValue", "query: must be a text")
        wanted_of(query)
        await self._check(callback)
        digest = hashlib.sha256(msgspec.json.encode((self._api.name, callback, query))).digest()
        now = self._tenant.clock.true()
        async with self._tenant.connection() as conn:
            kept = await outbox.subscribe(conn, new_id(now), digest, self._api.name, callback, query, new_secret(), now)
        return 201, self._body(kept, callback, query), [("Location", f"{self._href}/{kept}")]

    async def _check(self, callback: str) -> None:
        """A callback that must not be called is refused now; one whose name nobody knows yet may be known later."""
        try:
            await self._guard.addresses(target_of(callback))
        except BadCallback as error:
            raise Problem(400, "invalidValue", f"callback: {error}") from None
        except OSError:
            return

    def _body(self, hub_id: str, callback: str, query: str) -> bytes:
        annotations = {"@type": "Hub", "href": f"{self._href}/{hub_id}"} if self._api.generation == 5 else {}
        document = {"id": hub_id, "callback": callback} | annotations | ({"query": query} if query else {})
        return msgspec.json.encode(document)
