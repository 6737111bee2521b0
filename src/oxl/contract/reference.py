"""Pages of the reference that follow from declarations: one for each API, and one of all events. Markdown.

They are kept in docs/reference, where people read them; a test holds them against the declarations.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Literal

import msgspec

from oxl.kernel.declare import Api, Resource
from oxl.kernel.shapes import EXTENSION, bare, facts_of, kinds

_KINDS = {str: "text", int: "integer", bool: "true or false", Decimal: "number", datetime: "date-time", Any: "anything"}
_METHODS = {"get": "GET", "post": "POST", "patch": "PATCH", "delete": "DELETE"}
NOTE = "<!-- Generated of the declarations: `python -m tests.reference` writes it anew. -->\n"


def file_of(api: Api) -> str:
    """What the page of an API is called."""
    return f"{api.name.replace('_', '-')}.md"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *lines))


def api_page(api: Api, document: Mapping[str, Any]) -> str:
    """The page of an API: resources with operations, attributes, events; then the types that they hold.

    document: its published contract.
    """
    title = f"{api.number} {api.title} v{api.version}".strip()
    found = [f"# {title}\n\n{NOTE}\n", f"{api.description}\n\n" if api.description else ""]
    found.append(f"Base path `{api.base}`, contract at `{api.base}/openapi.json`, to be tried at `{api.base}/docs`.\n")
    found.append("What every resource answers to: [lists](../lists.md), [filters](../filters.md), "
                 "[changes](../changes.md), [errors](../errors.md). "
                 "`id`, `href` and the `@` attributes are not repeated below.\n")  # fmt: skip
    found += [_resource(resource, document["paths"]) for resource in api.resources]
    inner: dict[type, None] = {}
    for resource in api.resources:
        for shape in _held(resource.shape):
            _gather(shape, inner)
    told = {resource.name.lower() for resource in api.resources}  # their attributes are above
    shapes = sorted((each for each in inner if each.__name__.lower() not in told), key=lambda each: each.__name__)
    found.append("\n## Types\n" if shapes else "")
    found += [f"\n### {shape.__name__}\n\n{_first(shape)}\n\n{_attributes(shape, None)}" for shape in shapes]
    return "".join(found)


def events_page(apis: Sequence[Api]) -> str:
    """All events, by API and resource."""
    lines = [
        (f"`{event}`", f"`{resource.name}`", f"[{api.number or api.title}](api/{file_of(api)})",
         "OXL's own" if event in resource.own_events or not api.number else "")
        for api in apis
        for resource in api.resources
        for event in resource.events.values()
    ]  # fmt: skip
    about = "What each event type is of. Who is told, how and when is in [events](events.md).\n\n"
    return f"# Every event\n\n{NOTE}\n{about}{table(('event', 'resource', 'API', ''), lines)}"


def _resource(resource: Resource, paths: Mapping[str, Any]) -> str:
    found = [f"\n## {resource.name}\n\n", f"{_first(resource.shape) or resource.summary}\n\n"]
    lines = [
        (f"`{_METHODS[method]} {path}`", operation.get("summary", ""))
        for path, methods in paths.items()
        if path.split("/")[1] == resource.name
        for method, operation in methods.items()
        if method in _METHODS
    ]
    found += [table(("operation", "what it does"), lines), "\n"] if lines else []
    found.append(_attributes(resource.shape, resource))
    if resource.askable:
        names = ", ".join(f"`{name}`" for name in sorted(resource.askable))
        found.append(f"\nFound through a column, and so the fastest to be asked for: {names}.\n")
    if resource.events:
        found.append(f"\nEvents: {', '.join(f'`{event}`' for event in resource.events.values())}.\n")
    return "".join(found)


def _first(shape: type) -> str:
    return (shape.__doc__ or "").partition("\n")[0]


def _attributes(shape: type, resource: Resource | None) -> str:
    """The table of a shape's attributes; of a resource also what a client may say of each."""
    lines = []
    for name, hints in _hints(shape).items():
        if name[0] == "@" or (resource and name in ("id", "href")):
            continue  # of all of them
        told = " or ".join(dict.fromkeys(_kind(hint) for hint in hints))
        lines.append((f"`{name}`", told, ", ".join(_said(shape, resource, name, hints))))
    return table(("attribute", "kind", ""), lines)


def _said(shape: type, resource: Resource | None, name: str, hints: Sequence[Any]) -> Iterator[str]:
    create = facts_of(shape).create
    if resource and (name in resource.server_set or name in resource.computed):
        yield "set by the server"
    elif resource and resource.create and name in resource.required:
        yield "required in a POST"
    elif not resource and create and name in create.required:
        yield "required in a body"
    if resource and name in resource.immutable:
        yield "does not change"
    if any(EXTENSION in bare(hint)[1] for hint in hints):
        yield "extension"


def _hints(shape: type) -> dict[str, list[Any]]:
    """The attributes of a shape and of the classes that it may be, with what each may hold."""
    found: dict[str, list[Any]] = {}
    for kind in (shape, *kinds(shape).values()):
        for field in msgspec.structs.fields(kind):
            found.setdefault(field.encode_name, []).append(field.type)
    return found


def _kind(hint: Any) -> str:
    """What an attribute is, for a reader."""
    kind, _ = bare(hint)
    origin, within = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return f"list of {_kind(within[0])}"
    if origin is Literal:
        return " · ".join(f"`{each}`" for each in within)
    if origin is dict or kind is dict:
        return "object"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return _KINDS[kind]


def _held(shape: type) -> Iterator[type]:
    for hint in chain.from_iterable(_hints(shape).values()):
        kind, _ = bare(hint)
        while typing.get_origin(kind) is list:
            kind, _ = bare(typing.get_args(kind)[0])
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield kind


def _gather(shape: type, found: dict[type, None]) -> None:
    if shape not in found:
        found[shape] = None
        for inner in _held(shape):
            _gather(inner, found)
