"""Faults that servers really have, one by one: each says on which API it is seeded and which rule must name it.

A fault changes the reply of a double that is right otherwise, or what the double keeps, or what it tells.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from itertools import count
from typing import Any, NamedTuple

from double import Asked, Double, Reply, Spoil, error

from oxl.certify.documents import Json

CONCERNED = {  # of each API, the resources that faults are seeded in
    "TMF635v4": "usage", "TMF635": "productUsage", "TMF677": "queryUsageConsumption",
    "TMF654": "topupBalance transferBalance accumulatedBalance", "TMF678": "customerBill appliedCustomerBillingRate",
}  # fmt: skip


class Fault(NamedTuple):
    """A fault with the API it is seeded in, and the rules that must find it: the first is its name."""

    says: str
    api: str
    found_by: tuple[str, ...]
    spoil: Spoil | None = None
    arrange: Callable[[Double], None] | None = None


FAULTS: list[Fault] = []
_USAGE, _USAGE5, _QUERY, _BALANCE, _BILL = "TMF635v4", "TMF635", "TMF677", "TMF654", "TMF678"


def fault(says: str, *found_by: str, api: str = _USAGE) -> Callable[[Spoil], Spoil]:
    """Register a fault in replies."""

    def register(spoil: Spoil) -> Spoil:
        FAULTS.append(Fault(says, api, found_by, spoil=spoil))
        return spoil

    return register


def arranged(says: str, *found_by: str, api: str = _USAGE) -> Callable[[Callable[[Double], None]], Any]:
    """Register a fault in what the double is."""

    def register(arrange: Callable[[Double], None]) -> Callable[[Double], None]:
        FAULTS.append(Fault(says, api, found_by, arrange=arrange))
        return arrange

    return register


def listed(asked: Asked, reply: Reply) -> bool:
    """Whether a list was asked for and came."""
    return asked.method == "GET" and len(asked.parts) == 1 and isinstance(reply.body, list)


def one(asked: Asked, reply: Reply) -> bool:
    """Whether one was asked for and came."""
    return asked.method == "GET" and len(asked.parts) == 2 and reply.status == 200 and asked.parts[0] != "hub"


def made(asked: Asked, reply: Reply) -> bool:
    """Whether one was created."""
    return asked.method == "POST" and reply.status == 201 and asked.parts[0] != "hub"


def without(doc: Json, *names: str) -> Json:
    """A document without attributes."""
    return {name: value for name, value in doc.items() if name not in names}


def headed(reply: Reply, **headers: str | None) -> Reply:
    """A reply with headers changed; None takes one away."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in reply.headers.items() if name not in given}
    return reply._replace(headers=kept | {name: value for name, value in given.items() if value is not None})


def each(reply: Reply, change: Callable[[Json], Json]) -> Reply:
    """A reply with its document, or every entry of its list, changed."""
    if isinstance(reply.body, list):
        return reply._replace(body=[change(deepcopy(doc)) for doc in reply.body])
    return reply._replace(body=change(deepcopy(reply.body)))


# ── lists ──


@fault("a list is wrapped in an object", "list.array")
def _wrapped(_: Double, asked: Asked, reply: Reply) -> Reply:
    return reply._replace(body={"items": reply.body}) if listed(asked, reply) else reply


@fault("an unpaged list is 206", "list.status")
def _partial(_: Double, asked: Asked, reply: Reply) -> Reply:
    return reply._replace(status=206) if listed(asked, reply) and not asked.query else reply


@fault("X-Total-Count is missing", "list.total")
def _untotalled(_: Double, asked: Asked, reply: Reply) -> Reply:
    return headed(reply, X_Total_Count=None) if listed(asked, reply) else reply


@fault("X-Total-Count is that of the page", "paging.total")
def _page_total(_: Double, asked: Asked, reply: Reply) -> Reply:
    return headed(reply, X_Total_Count=str(len(reply.body))) if listed(asked, reply) else reply


@fault("X-Result-Count is wrong", "list.counted")
def _miscounted(_: Double, asked: Asked, reply: Reply) -> Reply:
    return headed(reply, X_Result_Count=str(len(reply.body) + 1)) if listed(asked, reply) else reply


@fault("entries of a list have no id", "list.identity")
def _nameless(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "id")) if listed(asked, reply) else reply


@fault("entries of a list have no href", "list.identity")
def _placeless(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "href")) if listed(asked, reply) else reply


@fault("an old row has no status", "list.mandatory")
def _stateless(_: Double, asked: Asked, reply: Reply) -> Reply:
    if listed(asked, reply) and reply.body:
        return reply._replace(body=[without(reply.body[0], "status"), *reply.body[1:]])
    return reply


@fault("a list shows a row twice", "list.distinct")
def _twice(_: Double, asked: Asked, reply: Reply) -> Reply:
    return reply._replace(body=[*reply.body, *reply.body[:1]]) if listed(asked, reply) and not asked.query else reply


@fault("a list is text/html", "list.type")
def _html(_: Double, asked: Asked, reply: Reply) -> Reply:
    return headed(reply, **{"content_type": "text/html"}) if listed(asked, reply) else reply


@fault("a slash at the end of a collection redirects", "list.slash")
def _redirected(_: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "GET" and asked.path.endswith("/") and len(asked.parts) == 1:
        return Reply(307, None, {"Location": asked.path.rstrip("/")})
    return reply


@fault("limit is not heard", "paging.limit")
def _limitless(double: Double, asked: Asked, reply: Reply) -> Reply:
    return double.answer(asked._replace(query=without(asked.query, "limit"))) if listed(asked, reply) else reply


@fault("offset is not heard", "paging.offset", "paging.end")
def _offsetless(double: Double, asked: Asked, reply: Reply) -> Reply:
    return double.answer(asked._replace(query=without(asked.query, "offset"))) if listed(asked, reply) else reply


@fault("a negative limit is a 500", "paging.refused")
def _crash(_: Double, asked: Asked, reply: Reply) -> Reply:
    return error(500, "ValueError") if asked.query.get("limit") == "-1" else reply


@fault("filters are not heard", "filter.equal", "filter.nothing")
def _unfiltered(double: Double, asked: Asked, reply: Reply) -> Reply:
    paging = {name: value for name, value in asked.query.items() if name in ("fields", "offset", "limit")}
    return double.answer(asked._replace(query=paging)) if listed(asked, reply) else reply


@fault("a filter by status finds nothing", "filter.equal")
def _blind(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(200, [], {"X-Total-Count": "0", "X-Result-Count": "0"}) if "status" in asked.query else reply


@fault("a filter that finds nothing is a 404", "filter.nothing")
def _nothing_found(_: Double, asked: Asked, reply: Reply) -> Reply:
    return error(404, "nothing found") if listed(asked, reply) and not reply.body and asked.query else reply


@fault("of two filters only the last is heard", "filter.both")
def _or(double: Double, asked: Asked, reply: Reply) -> Reply:
    return double.answer(asked._replace(query=without(asked.query, "id"))) if "status" in asked.query else reply


# ── reading ──


@fault("an unknown id is a 200 with an empty object", "read.unknown")
def _found_nothing(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(200, {}) if asked.method == "GET" and reply.status == 404 else reply


@fault("a 404 is a page of HTML", "read.error")
def _html_error(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(404, b"<h1>Not found</h1>", {"content-type": "text/html"}) if reply.status == 404 else reply


@fault("errors have no code", "read.error", "create.error")
def _codeless(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "code")) if reply.status >= 400 else reply


@fault("the status of an error is a number", "read.error", "create.error")
def _numbered(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: doc | {"status": reply.status}) if reply.status >= 400 else reply


@fault("a slash behind an id is a 404", "read.slash")
def _no_slash(_: Double, asked: Asked, reply: Reply) -> Reply:
    return error(404, "no such path") if one(asked, reply) and asked.path.endswith("/") else reply


@fault("a GET with a Content-Type is a 415", "read.type")
def _no_type(_: Double, asked: Asked, reply: Reply) -> Reply:
    return error(415, "no body") if asked.method == "GET" and "content-type" in asked.headers else reply


@fault("one is read without what is mandatory", "read.mandatory")
def _poor(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "status")) if one(asked, reply) and not asked.query else reply


@fault("the class of documents is missing", "list.schema", "read.schema", api=_USAGE5)
def _classless(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "@type")) if listed(asked, reply) or one(asked, reply) else reply


@fault("attributes that are not there are null", "read.nothing", "list.schema")
def _null(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: doc | {"usageDate": None}) if listed(asked, reply) or one(asked, reply) else reply


@fault("dates have no time zone", "read.dates", "list.schema", api=_USAGE5)
def _zoneless(_: Double, asked: Asked, reply: Reply) -> Reply:
    bad = {"creationDate": "2026-06-15T12:00:00"}
    return each(reply, lambda doc: doc | bad) if listed(asked, reply) or one(asked, reply) else reply


@fault("a date is no day of the calendar", "read.dates", "list.schema", api=_USAGE5)
def _no_day(_: Double, asked: Asked, reply: Reply) -> Reply:
    bad = {"creationDate": "2026-02-30T12:00:00Z"}
    return each(reply, lambda doc: doc | bad) if listed(asked, reply) or one(asked, reply) else reply


_ticks = count(1)


@fault("lastUpdate is the time of reading", "read.stable", api=_USAGE5)
def _restless(_: Double, asked: Asked, reply: Reply) -> Reply:
    now = {"lastUpdate": f"2026-06-15T12:{next(_ticks) // 60 % 60:02d}:{next(_ticks) % 60:02d}Z"}
    return each(reply, lambda doc: doc | now) if one(asked, reply) and not asked.query else reply


@fault("a state is in no enum", "list.schema", "read.schema")
def _odd_state(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: doc | {"status": "OK"}) if listed(asked, reply) or one(asked, reply) else reply


@fault("an amount is a text", "list.schema", "read.schema", api=_BALANCE)
def _texted(_: Double, asked: Asked, reply: Reply) -> Reply:
    def change(doc: Json) -> Json:
        return doc | ({"amount": doc["amount"] | {"amount": str(doc["amount"]["amount"])}} if "amount" in doc else {})

    return each(reply, change) if listed(asked, reply) or one(asked, reply) else reply


@fault("a characteristic has a value that is not of its class", "list.schema", "read.schema", api=_USAGE5)
def _misnamed(_: Double, asked: Asked, reply: Reply) -> Reply:
    bad = {"usageCharacteristic": [{"@type": "IntegerCharacteristic", "name": "volume", "value": "abc"}]}
    return each(reply, lambda doc: doc | bad) if listed(asked, reply) or one(asked, reply) else reply


@fault("href leads to another host's path", "read.href")
def _lost(_: Double, asked: Asked, reply: Reply) -> Reply:
    if listed(asked, reply) or one(asked, reply) or made(asked, reply):
        return each(reply, lambda doc: doc | {"href": f"/api/{doc.get('id')}"})
    return reply


@fault("one is read otherwise than it is listed", "read.same")
def _two_views(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: doc | {"description": "of the list"}) if listed(asked, reply) else reply


@fault("fields is not heard", "select.only")
def _unselected(double: Double, asked: Asked, reply: Reply) -> Reply:
    return double.answer(asked._replace(query=without(asked.query, "fields"))) if "fields" in asked.query else reply


@fault("fields drops the id", "select.identity")
def _selected_away(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "id")) if one(asked, reply) and "fields" in asked.query else reply


@fault("fields answers without what was asked for", "select.asked")
def _selected_nothing(_: Double, asked: Asked, reply: Reply) -> Reply:
    if one(asked, reply) and "fields" in asked.query:
        return each(reply, lambda doc: without(doc, asked.query["fields"]))
    return reply


@fault("a PUT is taken", "methods.refused")
def _put(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(200, {}) if asked.method == "PUT" else reply
