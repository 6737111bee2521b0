"""What is asked of subscriptions, and of what comes to the suite's own listener."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oxl.certify.asking import Answer
from oxl.certify.documents import Json
from oxl.certify.fitting import faults, is_moment
from oxl.certify.listening import Told
from oxl.certify.rule import DOCUMENT, GUIDE, KITS, Blocked, Subject, When, answered_by, error_faults, expect, rule
from oxl.certify.rules.reading import UNKNOWN
from oxl.certify.standard import Kind


def _hub(s: Subject) -> str:
    return f"{s.standard.place.base}/hub"


def _body(s: Subject, callback: str, query: str = "") -> Json:
    kind = {"@type": "Hub"} if s.standard.v5 else {}
    return kind | {"callback": callback} | ({"query": query} if query else {})


async def _subscribe(s: Subject, callback: str, query: str = "") -> Answer:
    return await s.client.ask("POST", _hub(s), _body(s, callback, query))


@asynccontextmanager
async def subscribed(s: Subject, query: str = "") -> AsyncIterator[tuple[str, Json]]:
    """A subscription: its callback and its document; it is removed at the end. Blocked where it is refused."""
    callback = s.listener.callback()
    answer = await _subscribe(s, callback, query)
    if answer.status not in (200, 201) or "id" not in answer.doc:
        raise Blocked(f"nothing could be subscribed to: {answer.told} {answer.text[:200]}")
    try:
        yield callback, answer.doc
    finally:
        await s.client.ask("DELETE", f"{_hub(s)}/{answer.doc['id']}")


@rule("hub.status", "A subscription is 201", DOCUMENT, about="api")
async def status(s: Subject) -> AsyncIterator[str]:
    """POST /hub with a callback."""
    answer = await _subscribe(s, s.listener.callback())
    for fault in expect(answer, 201):
        yield f"{fault}: {answer.text[:200]}"
    if "id" in answer.doc:
        await s.client.ask("DELETE", f"{_hub(s)}/{answer.doc['id']}")


@rule("hub.schema", "A subscription is answered with its id, its callback and its query", DOCUMENT, about="api")
async def schema(s: Subject) -> AsyncIterator[str]:
    """The answer to POST /hub."""
    callback, query = s.listener.callback(), f"eventType={_event_types(s)[0]}"
    answer = await _subscribe(s, callback, query)
    if answer.status not in (200, 201):
        raise Blocked(f"nothing could be subscribed to: {answer.told}")
    wanted = answered_by(s.standard, "POST", "/hub", "201") or {}
    for fault in faults(s.standard, wanted, answer.json, "$"):
        yield f"{answer.told}: {fault}"
    found = (answer.doc.get("callback"), answer.doc.get("query"))
    if found != (callback, query):
        yield f"{answer.told} with callback and query {found}, not {(callback, query)}"
    if not isinstance(answer.doc.get("id"), str):
        yield f"{answer.told} without an id"
    else:
        await s.client.ask("DELETE", f"{_hub(s)}/{answer.doc['id']}")


def _event_types(s: Subject) -> list[str]:
    found = [event for kind in s.standard.kinds for event in kind.events]
    return found or ["NoSuchEvent"]


@rule("hub.location", "Location of a subscription leads to it", GUIDE, about="api")
async def location(s: Subject) -> AsyncIterator[str]:
    """The header of the answer to POST /hub ends in the id."""
    answer = await _subscribe(s, s.listener.callback())
    if answer.status not in (200, 201) or "id" not in answer.doc:
        raise Blocked(f"nothing could be subscribed to: {answer.told}")
    if not answer.headers.get("location", "").rstrip("/").endswith(f"/hub/{answer.doc['id']}"):
        yield f"{answer.told} with the Location {answer.headers.get('location') or '(none)'}"
    await s.client.ask("DELETE", f"{_hub(s)}/{answer.doc['id']}")


@rule("hub.refused", "A subscription without a callback is a 400 with an Error document", DOCUMENT, about="api")
async def refused(s: Subject) -> AsyncIterator[str]:
    """POST /hub with no callback, and with one that is no address."""
    kind = {"@type": "Hub"} if s.standard.v5 else {}
    for body in (kind, kind | {"callback": "no address"}):
        answer = await s.client.ask("POST", _hub(s), body)
        wrong = expect(answer, 400) or error_faults(s, answer)
        for fault in wrong:
            yield f"{fault}, for {body}"


@rule("hub.read", "A subscription can be read, where the document has it", DOCUMENT, about="api")
async def read(s: Subject) -> AsyncIterator[str]:
    """GET /hub/{id}."""
    async with subscribed(s) as (callback, hub):
        answer = await s.client.ask("GET", f"{_hub(s)}/{hub['id']}")
        for fault in expect(answer, 200):
            yield fault
        if answer.status == 200 and answer.doc.get("callback") != callback:
            yield f"{answer.told} with the callback {answer.doc.get('callback')}, not {callback}"


@rule("hub.removed", "A subscription is removed with 204, once", DOCUMENT, about="api")
async def removed(s: Subject) -> AsyncIterator[str]:
    """DELETE /hub/{id} twice, and of an id that nothing has."""
    async with subscribed(s) as (_, hub):
        place = f"{_hub(s)}/{hub['id']}"
        for wanted, what in ((204, place), (404, place), (404, f"{_hub(s)}/{UNKNOWN}")):
            for fault in expect(await s.client.ask("DELETE", what), wanted):
                yield fault


def _event(kind: Kind, what: str) -> str:
    return f"{kind.name[0].upper()}{kind.name[1:]}{what}Event"


def _tells(what: str) -> When:
    return lambda kind: _event(kind, what) in kind.events


async def _told_of_one(s: Subject) -> tuple[Told, Json, str]:
    """What came of creating one, the document that was created, and the event type."""
    event = _event(s.kind, "Create")
    async with subscribed(s) as (callback, _):
        doc = await s.made()
        told = await s.listener.until(callback, lambda found: _about(found) == doc["id"], s.patience)
        if told is None:
            came = [found.doc.get("eventType", "no eventType") for found in s.listener.told(callback)]
            raise Blocked(
                f"no {event} of {doc['id']} came within {s.patience:g} s; what came: {', '.join(came) or '-'}"
            )
    return told, doc, event


def _about(told: Json) -> str:
    """The id of the resource that a notification is about; empty: none."""
    event = told.get("event")
    inner = next(iter(event.values()), None) if isinstance(event, dict) and event else None
    return inner.get("id", "") if isinstance(inner, dict) else ""


@rule("event.comes", "A creation is told to those who have subscribed", DOCUMENT, "create", when=_tells("Create"))
async def comes(s: Subject) -> AsyncIterator[str]:
    """One is made; its event comes to the listener."""
    event = _event(s.kind, "Create")
    async with subscribed(s) as (callback, _):
        doc = await s.made()
        told = await s.listener.until(callback, lambda found: _about(found) == doc["id"], s.patience)
        if told is None:
            yield f"no {event} of {doc['id']} came to {callback} within {s.patience:g} s"


@rule("event.envelope", "An event has its id, its time and its type", DOCUMENT, "create", when=_tells("Create"))
async def envelope(s: Subject) -> AsyncIterator[str]:
    """What surrounds the resource."""
    told, doc, event = await _told_of_one(s)
    what = f"the event of {doc['id']}"
    for name in ("eventId", "eventTime", "eventType", *(("@type",) if s.standard.v5 else ())):
        if not isinstance(told.doc.get(name), str):
            yield f"{what} has no {name}"
    for name in ("eventType", *(("@type",) if s.standard.v5 else ())):
        if told.doc.get(name, event) != event:
            yield f"{what} has the {name} {told.doc[name]}, not {event}"
    if "eventTime" in told.doc and not is_moment(told.doc["eventTime"]):
        yield f"{what} has the eventTime {told.doc['eventTime']!r}"
    if (told.method, told.kind) != ("POST", "application/json"):
        yield f"{what} came as {told.method} of {told.kind}"


@rule(
    "event.payload",
    "An event carries the resource under its name, as the document has it",
    DOCUMENT,
    "create",
    when=_tells("Create"),
)
async def payload(s: Subject) -> AsyncIterator[str]:
    """What is inside event."""
    told, doc, event = await _told_of_one(s)
    inner = told.doc["event"]
    if list(inner) != [s.kind.events[event]]:
        yield f"the {event} of {doc['id']} carries {', '.join(inner)}, not {s.kind.events[event]}"
    for fault in faults(s.standard, {"$ref": f"#/{s.kind.schema}"}, next(iter(inner.values())), "$", partial=True):
        yield f"the {event} of {doc['id']}: {fault}"


@rule("event.distinct", "Every event has an id of its own", GUIDE, "create", when=_tells("Create"))
async def distinct(s: Subject) -> AsyncIterator[str]:
    """Two creations, told to one listener."""
    event, wanted = _event(s.kind, "Create"), {}
    async with subscribed(s, f"eventType={event}") as (callback, _):
        for doc in (await s.made(), await s.made()):
            told = await s.listener.until(callback, lambda found, doc=doc: _about(found) == doc["id"], s.patience)
            if told is None:
                raise Blocked(f"no {event} of {doc['id']} came")
            wanted[doc["id"]] = told.doc.get("eventId")
    if len(set(wanted.values())) < len(wanted):
        yield f"two events have the eventId {next(iter(wanted.values()))}"


@rule("event.query", "A query tells a listener only of what it asks for", DOCUMENT, "create", when=_tells("Create"))
async def query(s: Subject) -> AsyncIterator[str]:
    """One listener asks for the event, another for one of another type."""
    event = _event(s.kind, "Create")
    async with (
        subscribed(s, f"eventType={event}") as (all_of_it, _),
        subscribed(s, "eventType=NoSuchEvent") as (none, _),
    ):
        doc, began = await s.made(), time.monotonic()
        if not await s.listener.until(all_of_it, lambda found: _about(found) == doc["id"], s.patience):
            raise Blocked(f"no {event} of {doc['id']} came for eventType={event}")
        await s.lull(time.monotonic() - began)
        for told in s.listener.told(all_of_it):
            if told.doc.get("eventType") != event:
                yield f"a {told.doc.get('eventType')} came for the query eventType={event}"
        for told in s.listener.told(none):
            yield f"a {told.doc.get('eventType')} came for the query eventType=NoSuchEvent"


@rule("event.silent", "Who has unsubscribed is told nothing more", GUIDE, "create", when=_tells("Create"))
async def silent(s: Subject) -> AsyncIterator[str]:
    """One listener leaves; another, who stays, is told."""
    event = _event(s.kind, "Create")
    async with subscribed(s) as (stays, _):
        async with subscribed(s) as (leaves, _):
            pass
        doc, began = await s.made(), time.monotonic()
        if not await s.listener.until(stays, lambda found: _about(found) == doc["id"], s.patience):
            raise Blocked(f"no {event} of {doc['id']} came to the one who stays")
        await s.lull(time.monotonic() - began)
        for told in s.listener.told(leaves):
            if _about(told.doc) == doc["id"]:  # what happened before may still have been on its way
                yield f"a {told.doc.get('eventType')} of {doc['id']} came to a listener that had unsubscribed"


@rule(
    "event.removal",
    "A removal is told, where the document has an event for it",
    DOCUMENT,
    "create delete",
    when=_tells("Delete"),
)
async def removal(s: Subject) -> AsyncIterator[str]:
    """One is made and removed; the event of its end comes."""
    event = _event(s.kind, "Delete")
    async with subscribed(s, f"eventType={event}") as (callback, _):
        doc = await s.made()
        answer = await s.client.ask("DELETE", s.place(doc))
        if answer.status not in (200, 202, 204):
            raise Blocked(f"nothing could be removed: {answer.told}")
        if not await s.listener.until(callback, lambda found: _about(found) == doc["id"], s.patience):
            yield f"no {event} of {doc['id']} came within {s.patience:g} s"


@rule(
    "event.change",
    "A change is told, where the document has an event for it",
    KITS,
    "create patch",
    when=_tells("AttributeValueChange"),
)
async def change(s: Subject) -> AsyncIterator[str]:
    """One is made and changed; the event of the change comes."""
    event = _event(s.kind, "AttributeValueChange")
    async with subscribed(s, f"eventType={event}") as (callback, _):
        doc = await s.made()
        body = s.ground.change(s.kind, doc)
        answer = await s.client.ask("PATCH", s.place(doc), body)
        if answer.status != 200:
            raise Blocked(f"nothing could be changed: {answer.told}")
        if not await s.listener.until(callback, lambda found: _about(found) == doc["id"], s.patience):
            yield f"no {event} of {doc['id']} came within {s.patience:g} s"
