"""Faults of reading one, of selections, and of errors."""

from __future__ import annotations

from itertools import count

from double import Asked, Double, Reply, error
from faults import _BALANCE, _USAGE5, each, fault, listed, made, one, without

from oxl.certify.documents import Json


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
