"""A server of any API of the suite that does all right, in memory: faults are seeded into it.

It knows the documents' facts and nothing of OXL. `spoil` changes a reply after it was made, or what is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import aiohttp
from aiohttp import web
from seeds import seed

from oxl.certify import bodies
from oxl.certify.documents import Json
from oxl.certify.fitting import faults
from oxl.certify.standard import FINAL, RESULTS, Kind, Standard

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
_FIRST = {"exportJob": "Not Started", "queryUsageConsumption": "acknowledged", "customerBillOnDemand": "inProgress",
          "queryProductRecommendation": "accepted"}  # fmt: skip
_ENDED = {"exportJob": "Succeeded"}
_SERVER_SET = ("id", "href", "creationDate", "requestedDate", "confirmationDate", "completionDate")


class Reply(NamedTuple):
    """An answer before it is sent; a body that is no bytes becomes JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012 – never changed, only replaced


class Asked(NamedTuple):
    """A request, and what was kept before it was answered."""

    method: str
    path: str  # below the base, as it came
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes
    before: dict[str, dict[str, Json]]

    @property
    def parts(self) -> list[str]:
        """The path without slashes: a resource, or a resource and an id."""
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def body(self) -> Any:
        """What was sent; None where it is no JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


Spoil = Callable[["Double", Asked, Reply], Reply]


def _untouched(_double: Double, _asked: Asked, reply: Reply) -> Reply:
    return reply


class Double:
    """One API in memory."""

    def __init__(self, standard: Standard, spoil: Spoil | None = None) -> None:
        self.standard = standard
        self.kinds = {kind.name: kind for kind in standard.kinds}
        self.kept: dict[str, dict[str, Json]] = {name: {} for name in self.kinds}
        self.hubs: dict[str, Json] = {}
        self.sent: set[asyncio.Task[None]] = set()
        self.spoil = spoil or _untouched
        self.envelope: Callable[[Json], Json] = lambda event: event  # what becomes of an event on its way
        self.deliver: Callable[[Json, Json], bool] = self._wanted  # whether a subscription hears an event
        self.numbers, self.seconds = count(1), count(1)
        for kind in self.kinds.values():
            for doc in seed(kind) if not kind.form else ():
                self._keep(kind, doc)

    # ── HTTP ──

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        query = dict(parse_qsl(request.query_string, keep_blank_values=True))
        path = request.path.removeprefix(self.standard.place.base)
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, path, query, headers, await request.read(), deepcopy(self.kept))
        reply = self.spoil(self, asked, self.answer(asked))
        headers = {"content-type": "application/json;charset=utf-8"} | reply.headers
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body, ensure_ascii=False).encode()
        empty = reply.status == 204 and not isinstance(reply.body, bytes)
        return web.Response(status=reply.status, body=b"" if empty else body, headers=headers)

    def answer(self, asked: Asked) -> Reply:
        """The right answer."""
        resource, *rest = asked.parts
        if resource == "hub":
            return self._hub(asked, rest)
        kind = self.kinds.get(resource)
        if kind is None or len(rest) > 1:
            return error(404, "there is no such path")
        methods = (
            {"list": "GET", "create": "POST"} if not rest else {"retrieve": "GET", "patch": "PATCH", "delete": "DELETE"}
        )
        allowed = {methods[each] for each in kind.operations if each in methods}
        if asked.method not in allowed:
            return error(405, "not allowed", allow=", ".join(sorted(allowed)))
        if rest and rest[0] not in self.kept[resource]:
            return error(404, f"no {resource} has the id {rest[0]}")
        answers = {"POST": self._create, "PATCH": self._patch, "DELETE": self._delete}
        if asked.method == "GET":
            self._go_on()
            return self._one(kind, rest[0], asked) if rest else self._list(kind, asked)
        return answers[asked.method](kind, asked)

    # ── reading ──

    def _one(self, kind: Kind, resource_id: str, asked: Asked) -> Reply:
        return Reply(200, self._selected(self.kept[kind.name][resource_id], asked))

    def _list(self, kind: Kind, asked: Asked) -> Reply:
        found = [doc for doc in self.kept[kind.name].values() if _meets(doc, asked.query)]
        try:
            offset, limit = int(asked.query.get("offset", 0)), int(asked.query.get("limit", 1000))
        except ValueError:
            return error(400, "offset and limit are whole numbers")
        if offset < 0 or limit < 1:
            return error(400, "offset and limit are positive")
        page = [self._selected(doc, asked) for doc in found[offset : offset + limit]]
        headers = {"X-Total-Count": str(len(found)), "X-Result-Count": str(len(page))}
        partial = {"offset", "limit"} & set(asked.query) and 0 < len(page) < len(found)
        return Reply(206 if partial else 200, page, headers)

    def _selected(self, doc: Json, asked: Asked) -> Json:
        fields = set(filter(None, asked.query.get("fields", "").split(",")))
        return (
            {name: doc[name] for name in doc if name in fields | {"id", "href", "@type"}} if fields else deepcopy(doc)
        )

    # ── writing ──

    def _create(self, kind: Kind, asked: Asked) -> Reply:
        body = asked.body
        if not asked.headers.get("content-type", "").startswith("application/json"):
            return error(415, "JSON only")
        if not isinstance(body, dict):
            return error(400, "a body is one JSON object")
        wrong = [each for each in faults(self.standard, {"$ref": f"#/{kind.form}"}, body) if "is missing" not in each]
        if wrong:
            return error(400, wrong[0])
        doc = {name: value for name, value in body.items() if name not in _SERVER_SET}
        self._keep(kind, doc)
        self._move(kind, doc)
        self._tell(kind, "Create", doc)
        return Reply(201, self._selected(doc, asked), {"Location": doc["href"]})

    def _keep(self, kind: Kind, doc: Json) -> None:
        """Fill in what the server gives, and keep."""
        attributes = self.standard.flat(kind.schema).attributes
        doc["id"] = doc.get("id") or f"{next(self.numbers)}"
        doc["href"] = f"{self.standard.place.base}/{kind.name}/{doc['id']}"
        doc["@type"] = kind.name[0].upper() + kind.name[1:]
        if kind.state:
            enum = self._enum(attributes[kind.state])
            given = _FIRST.get(kind.name) if _FIRST.get(kind.name) in enum else None
            done = "completed" if "completed" in enum else enum[0] if enum else "known"
            doc[kind.state] = doc.get(kind.state) or given or done
        for name in ("creationDate", "requestedDate", "lastUpdate"):
            if name in attributes:
                doc[name] = self.moment()
        for name in self.standard.flat(kind.schema).required:
            doc.setdefault(name, bodies._value(self.standard, attributes[name], (), name))
        if kind.name in RESULTS and not kind.state:
            doc[RESULTS[kind.name]] = []
        self.kept[kind.name][doc["id"]] = doc

    def _enum(self, schema: Json) -> list[str]:
        inner = self.standard.contract.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        return inner.get("enum", [])

    def moment(self) -> str:
        """The next second."""
        return (NOON + timedelta(seconds=next(self.seconds))).isoformat().replace("+00:00", "Z")

    def _move(self, kind: Kind, doc: Json) -> None:
        """What a balance action does to its buckets."""
        signs = {"topupBalance": 1, "adjustBalance": 1, "transferBalance": -1}
        buckets, amount = self.kept.get("bucket", {}), doc.get("amount", {}).get("amount")
        if kind.name in signs and doc.get("bucket", {}).get("id") in buckets:
            buckets[doc["bucket"]["id"]]["remainingValue"]["amount"] += signs[kind.name] * amount
            if kind.name == "transferBalance":
                buckets[doc["receiverBucket"]["id"]]["remainingValue"]["amount"] += amount
            for each in self.kept["accumulatedBalance"].values():
                each["totalBalance"]["amount"] = sum(one["remainingValue"]["amount"] for one in buckets.values())

    def _patch(self, kind: Kind, asked: Asked) -> Reply:
        doc, body = self.kept[kind.name][asked.parts[1]], asked.body
        if not isinstance(body, dict):
            return error(400, "a patch is one JSON object")
        if body.get("id", doc["id"]) != doc["id"]:
            return error(400, "id: it does not change")
        doc |= {name: value for name, value in body.items() if name not in _SERVER_SET}
        if "lastUpdate" in doc:
            doc["lastUpdate"] = self.moment()
        self._tell(kind, "AttributeValueChange", doc)
        return Reply(200, self._selected(doc, asked))

    def _delete(self, kind: Kind, asked: Asked) -> Reply:
        self._tell(kind, "Delete", self.kept[kind.name].pop(asked.parts[1]))
        return Reply(204)

    def _go_on(self) -> None:
        """Tasks end when somebody looks."""
        for name in FINAL.keys() & self.kept.keys():
            for doc in self.kept[name].values():
                if self.kinds[name].state and doc[self.kinds[name].state] not in FINAL[name]:
                    doc[self.kinds[name].state] = _ENDED.get(name, "done")
                if name in RESULTS:
                    doc.setdefault(RESULTS[name], [])

    # ── events ──

    def _hub(self, asked: Asked, rest: list[str]) -> Reply:
        allowed = {"POST"} if not rest else self.standard.hub - {"POST"}
        if asked.method not in allowed:
            return error(405, "not allowed", allow=", ".join(sorted(allowed)))
        if rest:
            known = self.hubs.get(rest[0])
            if known is None:
                return error(404, "no such subscription")
            return Reply(200, known) if asked.method == "GET" else Reply(204, self.hubs.pop(rest[0]) and None)
        body = asked.body if isinstance(asked.body, dict) else {}
        if not str(body.get("callback", "")).startswith("http"):
            return error(400, "callback: an address is needed")
        hub_id = f"hub-{next(self.numbers)}"
        place = f"{self.standard.place.base}/hub/{hub_id}"
        kept = {"id": hub_id, "callback": body["callback"]} | ({"query": body["query"]} if "query" in body else {})
        self.hubs[hub_id] = kept | ({"@type": "Hub", "href": place} if self.standard.v5 else {})
        return Reply(201, self.hubs[hub_id], {"Location": place})

    def _tell(self, kind: Kind, what: str, doc: Json) -> None:
        event_type = f"{kind.name[0].upper()}{kind.name[1:]}{what}Event"
        if event_type not in kind.events:
            return
        event: Json = {"eventId": f"event-{next(self.numbers)}", "eventTime": self.moment(), "eventType": event_type}
        event |= {"event": {kind.events[event_type]: deepcopy(doc)}} | (
            {"@type": event_type} if self.standard.v5 else {}
        )
        for hub in [*self.hubs.values()]:
            if self.deliver(hub, event):
                task = asyncio.create_task(_post(hub["callback"], self.envelope(deepcopy(event))))
                self.sent.add(task)
                task.add_done_callback(self.sent.discard)

    def _wanted(self, hub: Json, event: Json) -> bool:
        asked = dict(parse_qsl(hub.get("query", "")))
        return asked.get("eventType", event["eventType"]) == event["eventType"]


async def _post(callback: str, event: Json) -> None:
    async with aiohttp.ClientSession() as session, session.post(callback, json=event):
        pass


def error(status: int, why: str, **headers: str) -> Reply:
    """An Error document."""
    body = {"@type": "Error", "code": f"ERR{status}", "reason": why, "message": why, "status": str(status)}
    return Reply(status, body, headers)


def _meets(doc: Json, query: dict[str, str]) -> bool:
    wanted = {name: value for name, value in query.items() if name not in ("fields", "offset", "limit")}
    return all(
        str(doc.get(name)) == value if not isinstance(doc.get(name), bool) else str(doc[name]).lower() == value
        for name, value in wanted.items()
    )


@asynccontextmanager
async def served(double: Double) -> AsyncIterator[str]:
    """The address of a double."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", double.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
