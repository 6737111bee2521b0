"""What an API tells the kernel of itself: resources as data. The kernel reads declarations and calls their verbs.

An API folder declares one `Api`; everything generic (routes, filters, answers, events, OpenAPI) follows from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from oxl.verbs import Done, Refused, Work

Kind = Literal["text", "number", "boolean", "instant"]
Verb = Callable[[Work, Sequence[dict[str, Any]]], Awaitable[list[Done | Refused]]]


class Field(msgspec.Struct, frozen=True):
    """An attribute that a list may be asked for through a plain column of the view rather than through the document."""

    column: str
    kind: Kind = "text"


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
    events: Mapping[str, str] = {}  # change → event type
    vendor_events: tuple[str, ...] = ()  # those of the changes whose event the API's document does not have
    summary: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """What the collection answers to."""
        return ("GET", "HEAD", "POST") if self.create else ("GET", "HEAD")


class HubDeclaration(msgspec.Struct, frozen=True):
    """How an API's events are subscribed to; `read`: whether its document lets a subscription be read."""

    read: bool = False


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """One API: its place, its version, its resources. `generation` is the design rules' (4 or 5)."""

    name: str
    number: str  # TMF635 …; empty for OXL's own
    title: str
    version: str
    generation: Literal[4, 5]
    base: str  # path prefix, such as /tmf-api/productUsageManagement/v5
    resources: tuple[Resource, ...]
    description: str = ""
    hub: HubDeclaration = HubDeclaration()


class Operation(msgspec.Struct, frozen=True):
    """A POST as the flusher knows it: one per resource."""

    api: Api
    resource: Resource
    verb: Verb

    @property
    def key(self) -> str:
        """The scope of an idempotency key."""
        return f"POST {self.api.base}/{self.resource.name}"


def operation_of(api: Api, name: str) -> Operation:
    """The POST of the API's resource of that name; LookupError when there is none."""
    for resource in api.resources:
        if resource.name == name and resource.create:
            return Operation(api, resource, resource.create)
    raise LookupError(f"{api.title} has no POST {name}")
