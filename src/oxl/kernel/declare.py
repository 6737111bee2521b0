"""What an API tells the kernel of itself: resources as data. The kernel reads declarations and calls their verbs.

An API folder declares one `Api`; everything generic (routes, filters, answers, events, OpenAPI) follows from it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from oxl.callers import Owner, Sight
from oxl.query.condition import ALWAYS, NEVER, Condition, every
from oxl.verbs import Done, Refused, Work

Kind = Literal["text", "number", "boolean", "instant"]
Method = Literal["POST", "PATCH", "DELETE"]


class Change(NamedTuple):
    """A PATCH as its verb gets it: the documents without href, and the first-level attributes in which they differ."""

    id: str
    before: dict[str, Any]
    after: dict[str, Any]
    changed: tuple[str, ...]


Verb = Callable[[Work, Sequence[dict[str, Any]]], Awaitable[list[Done | Refused]]]
PatchVerb = Callable[[Work, Sequence[Change]], Awaitable[list[Done | Refused]]]
DeleteVerb = Callable[[Work, Sequence[str]], Awaitable[list[Done | Refused]]]


class Field(msgspec.Struct, frozen=True):
    """An attribute that a list may be asked for through a plain column of the view rather than through the document."""

    column: str
    kind: Kind = "text"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that is work to be done. Its verbs may answer Done with a state that is not final: accepted, later.

    What then happens is told through `background.change`.
    """

    final: tuple[str, ...]  # the states in which nothing happens any more
    accepted: int = 201  # the answer to a POST that did not come to one of them
    later: Verb | None = None  # takes a task without doing it, for clients that prefer not to wait
    flagged: bool = False  # whether the official document marks its POST as a task, which answers with other statuses


class Exchange(NamedTuple):
    """One request as a stream gets it: the id in its path (empty: none), its body in parts, its headers."""

    tenant: Any
    operation: Any  # the POST of the resource, where it has one
    resource_id: str
    parts: AsyncIterator[bytes]
    headers: Mapping[bytes, bytes]
    gone: Callable[[], Awaitable[Any]]  # returns, once the body has been taken, when the client has gone away


Streamed = tuple[Sequence[tuple[str, str]], AsyncIterator[bytes]]  # headers, and a body that is sent as it comes


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A path below a resource for bodies of any length: GET {id}/{name}, or POST {name}. It may raise Problem first."""

    name: str
    method: Literal["GET", "POST"]
    answer: Callable[[Exchange], Awaitable[Streamed]]
    takes: str = ""  # the media type of the request body
    gives: str = "application/octet-stream"
    summary: str = ""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One resource: its outward shape, where it is read, and what may be done to it.

    view: a SQL function of the tenant's now, giving at least id text, doc jsonb (the resource from outside, without
    href) and every column that `askable` names; body (jsonb, indexed) where the document's other attributes can be
    asked for faster than through doc. `one` is such a function of now and ids, for reading by id, where more ids
    resolve than are listed.
    """

    name: str
    type: str
    shape: type[msgspec.Struct]
    view: str
    one: str = ""
    has_body: bool = False
    computed: tuple[str, ...] = ()  # attributes of doc that are in no body, besides those that `askable` names
    askable: Mapping[str, Field] = {}
    create: Verb | None = None
    required: tuple[str, ...] = ()  # attributes that a create body must have
    server_set: tuple[str, ...] = ()  # attributes that no create body sets, besides id and href
    patch: PatchVerb | None = None
    immutable: tuple[str, ...] = ()  # attributes that no PATCH changes, besides identity and what is computed
    patchable: tuple[str, ...] = ()  # where given: the only ones of the shape that a PATCH changes
    delete: DeleteVerb | None = None
    state: str = ""  # the attribute whose change is a stateChange
    task: Task | None = None
    streams: tuple[Stream, ...] = ()
    owner: Owner | None = None  # none: callers who see only what is theirs see none of it
    theirs: Mapping[str, str] = {}  # what these may name in a create body only where it is theirs
    events: Mapping[str, str] = {}  # change → event type
    faces: Mapping[str, Resource] = {}  # by API, what it is in other versions: there its events are told as well
    summary: str = ""
    own_operations: frozenset[str] = frozenset()  # operations that the official document does not have
    own_events: frozenset[str] = frozenset()  # event types of `events` that the official document does not have

    def seen_by(self, sight: Sight) -> Condition:
        """The condition that those meet which a sight shows."""
        if self.owner is None or self.owner.kind == "everyone":
            return ALWAYS if self.owner else NEVER
        mine = Condition("text", self.owner.column, values=getattr(sight, self.owner.kind))
        return every([mine, Condition("boolean", self.owner.shown, values=(True,))]) if self.owner.shown else mine

    @property
    def operations(self) -> tuple[str, ...]:
        """What is served, in the words of the standard's operation ids."""
        served = {"list": True, "create": self.create, "retrieve": True, "patch": self.patch, "delete": self.delete}
        return tuple(name for name, verb in served.items() if verb)

    @property
    def methods(self) -> tuple[str, ...]:
        """What the collection answers to."""
        return ("GET", "HEAD", "POST") if self.create else ("GET", "HEAD")

    @property
    def single_methods(self) -> tuple[str, ...]:
        """What one of them answers to."""
        served = {"GET": True, "HEAD": True, "PATCH": self.patch, "DELETE": self.delete}
        return tuple(method for method, verb in served.items() if verb)

    def changes_of(self, changed: Sequence[str]) -> tuple[str, ...]:
        """The declared changes that a change of these attributes is."""
        told = "stateChange" in self.events and self.state in changed
        others = any(not told or name != self.state for name in changed)
        found = {"attributeValueChange": others, "stateChange": told}
        return tuple(change for change, happened in found.items() if happened and change in self.events)


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """One API: its place, its version, its resources. `generation` is the design rules' (4 or 5)."""

    name: str
    number: str  # the standard's number; empty for an API of OXL's own
    title: str
    version: str
    generation: Literal[4, 5]
    base: str  # path prefix of all resources, with the major version at its end
    resources: tuple[Resource, ...]
    description: str = ""
    extra_parameters: frozenset[str] = frozenset()  # of lists, that the official document does not have
    hub: tuple[str, ...] = ()  # the operations on subscriptions that are served: create, retrieve, delete
    event: type[msgspec.Struct] | None = None  # what surrounds every event's resource
    strict: bool = False  # refuse what lenient fills in, leaves out or keeps


class Operation(msgspec.Struct, frozen=True):
    """A method of a resource as the flusher knows it."""

    api: Api
    resource: Resource
    verb: Any  # a Verb, PatchVerb or DeleteVerb, by the method
    method: Method = "POST"

    @property
    def key(self) -> str:
        """The scope of an idempotency key of a bulk write."""
        return f"{self.method} {self.api.base}/{self.resource.name}"


def operation_of(api: Api, name: str) -> Operation:
    """The POST of the API's resource of that name; LookupError when there is none."""
    for resource in api.resources:
        if resource.name == name and resource.create:
            return Operation(api, resource, resource.create)
    raise LookupError(f"{api.title} has no POST {name}")
