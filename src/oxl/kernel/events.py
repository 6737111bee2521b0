"""Events as listeners see them: the envelope of each generation, and what a subscription's query lets through.

An outbox row holds the resource as it was; how much of it an event tells follows from its generation and its type's
ending: version 4 tells all, version 5 what changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from oxl.kernel import represent, request
from oxl.kernel.declare import Api, Resource
from oxl.kernel.problem import Problem
from oxl.outbox.outbox import Event
from oxl.query.grammar import Asked, Term
from oxl.values import instant_text

MAX_QUERY = 2000  # characters
_STATES = ("state", "status", "lifecycleStatus")  # where documents keep what a StateChange event is about
_OLD_NAMES = (("CreationNotification", "CreateEvent"), ("RemoveNotification", "DeleteEvent"), ("Notification", "Event"))
_DOC = msgspec.json.Decoder(dict[str, msgspec.Raw])


class EventType(NamedTuple):
    """A type of event that an API can send; `is_extension`: its official document does not have it."""

    name: str
    resource: Resource
    is_extension: bool


def events_of(api: Api) -> dict[str, EventType]:
    """Every type of event of an API, by name; the published contract lists them."""
    return {
        name: EventType(name, resource, not api.number or name in resource.own_events)
        for resource in api.resources
        for name in resource.events.values()
    }


class Voice(NamedTuple):
    """Who speaks in an envelope: an API, the prefix of its hrefs, and where its events can be read again."""

    api: Api
    public: str
    events_at: str
    types: Mapping[str, EventType]

    def resource(self, event: Event) -> Resource | None:
        """The resource that an event is about, where it is still declared."""
        return next((each for each in self.api.resources if each.name == event.resource), None)

    def wants(self, query: str, event: Event) -> bool:
        """Whether a subscription's query lets the event through."""
        return _wanted(query).holds(self, event)

    def text(self, query: str, event: Event) -> bytes:
        """The notification for a subscription; made once for all who are told the whole of it."""
        if (fields := _wanted(query).fields) is not None:
            return envelope(self, event, fields)
        event.text = event.text or envelope(self, event)
        return event.text


def voices(apis: Sequence[Api], public: str = "", events_at: str = "") -> dict[str, Voice]:
    """Who speaks for each API, by its name."""
    return {api.name: Voice(api, public, events_at, events_of(api)) for api in apis}


def _head(voice: Voice, event: Event) -> dict[str, Any]:
    """The envelope without what happened."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", event.event_type.removesuffix("Event")).capitalize()
    at, is_v5 = instant_text(event.at), voice.api.generation == 5
    head: dict[str, Any] = {"@type": event.event_type, "@baseType": "Event", "id": event.id} if is_v5 else {}
    if is_v5 and voice.events_at:
        head["href"] = f"{voice.events_at}/{event.id}"
    head |= {
        "eventId": event.id,
        "eventTime": at,
        "eventType": event.event_type,
        "correlationId": event.trace or event.resource_id,
        "domain": voice.api.title,
        "title": words,
        "description": f"{words} of {event.resource} {event.resource_id}",
        "priority": "1",
        "timeOccurred" if is_v5 else "timeOcurred": at,  # the spelling of each generation's documents
    }
    if is_v5:
        head["reportingSystem"] = {"@type": "EntityRef", "id": "oxl", "name": "OXL", "@referredType": "System"}
    known = voice.types.get(event.event_type)
    if known is None or known.is_extension:
        head["x-oxl-extension"] = True
    return head


def _names(generation: int, event: Event, doc: Mapping[str, Any]) -> set[str] | None:
    """The attributes that an event tells; None: all of them."""
    if generation == 4:
        return None
    if event.event_type.endswith("AttributeValueChangeEvent"):
        return set(event.changed) or None
    if event.event_type.endswith("StateChangeEvent"):
        return {next((name for name in _STATES if name in doc), "state")}
    return set() if event.event_type.endswith("DeleteEvent") else None


def envelope(voice: Voice, event: Event, fields: Sequence[str] | None = None) -> bytes:
    """The notification, as it is sent; `fields` are the first-level attributes that its listener asked for."""
    href = represent.collection_href(voice.public, voice.api, resource) if (resource := voice.resource(event)) else ""
    text = represent.with_href(event.doc, event.resource_id, href)
    members = _DOC.decode(text)
    names = _names(voice.api.generation, event, members)
    if fields is not None:
        names = set(fields) if names is None else names & set(fields)
    if names is not None:
        null = msgspec.Raw(b"null")  # what a change took away, as in a merge patch
        told = {name: members[name] for name in (*represent.ALWAYS, *sorted(names)) if name in members}
        gone = {name: null for name in sorted(names) if name in event.changed and name not in members}
        text = msgspec.json.encode(told | gone).decode()
    head = msgspec.json.encode(_head(voice, event))
    return b'%s,"event":{%s:%s}}' % (head[:-1], msgspec.json.encode(event.resource), text.encode())


class Wanted(msgspec.Struct, frozen=True):
    """What a subscription's query lets through: types (none: all), conditions on the envelope, attributes to tell."""

    types: frozenset[str] | None
    terms: tuple[Term, ...]
    fields: tuple[str, ...] | None

    def holds(self, voice: Voice, event: Event) -> bool:
        """Whether the event is wanted."""
        if self.types is not None and event.event_type not in self.types:
            return False
        if not self.terms:
            return True
        document = _head(voice, event) | {"event": {event.resource: msgspec.json.decode(event.doc)}}
        return all(any(_meets(document, asked) for asked in term) for term in self.terms)


def wanted_of(query: str) -> Wanted:
    """A subscription's query, read; Problem 400 when it cannot be. The one place that knows its grammar."""
    if len(query) > MAX_QUERY:
        raise Problem(400, "invalidQuery", f"query: is longer than {MAX_QUERY} characters")
    parts = (part.partition("=") for part in query.strip().removeprefix("?").split("&"))
    plain = "&".join(f"{name.strip()}{equals}{value.strip()}" for name, equals, value in parts)
    try:
        asked = request.parse_query(plain, 1)
    except Problem as problem:
        raise Problem(400, "invalidQuery", f"query: {problem}") from None
    if asked.paged or asked.sort:
        raise Problem(400, "invalidQuery", "query: events come as they happen, they have no pages and no order")
    types, terms = None, []
    for term in asked.filters:
        if others := {each.op for each in term} - {"eq", "ne"}:
            raise Problem(400, "invalidQuery", f"query: events are asked for by = and !=, not by {others.pop()}")
        if len(term) == 1 and term[0].op == "eq" and term[0].name.removeprefix("event.") == "eventType":
            types = frozenset(_type_name(value.strip()) for value in term[0].values)
        else:
            terms.append(term)
    return Wanted(types, tuple(terms), asked.fields and tuple(_attribute(name) for name in asked.fields))


_wanted = lru_cache(1000)(wanted_of)


def _type_name(text: str) -> str:
    """The type's name: its first letter may be small, and old names are known."""
    for old, new in _OLD_NAMES:
        if text.endswith(old):
            text = text.removesuffix(old) + new
            break
    return text[:1].upper() + text[1:]


def _attribute(field: str) -> str:
    """The first-level attribute of event.resource.attribute, resource.attribute or attribute."""
    names = field.strip().removeprefix("event.").split(".")
    return names[min(len(names) - 1, 1)]


def _meets(document: Mapping[str, Any], asked: Asked) -> bool:
    """Whether the name, from the envelope or from its event, leads to one of the values (ne: to none of them)."""
    path = asked.name.split(".")
    found: list[Any] = [document]
    for name in path if path[0] in document else ("event", *path):
        found = [each[name] for each in _flat(found) if isinstance(each, dict) and name in each]
    texts = {each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in _flat(found)}
    return texts.isdisjoint((*asked.values, *asked.literals)) == (asked.op == "ne")


def _flat(members: Sequence[Any]) -> list[Any]:
    """The members, those of arrays in their place."""
    return [each for member in members for each in (member if isinstance(member, list) else [member])]
