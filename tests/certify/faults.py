"""Faults that servers really have, one by one: each says on which API it is seeded and which rule must name it.

A fault changes the reply of a double that is right otherwise, or what the double keeps, or what it tells.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
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
