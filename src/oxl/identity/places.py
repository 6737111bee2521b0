"""What a request asks for, by its method and path: the operation that a scope must allow. Pure.

It reads a path as the kernel's router does; what it does not know is answered with 404 and never handed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oxl.identity.scopes import Operation, Verb
from oxl.kernel.declare import Api

HUB = "hub"
_VERBS: dict[str, Verb] = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


class Place(NamedTuple):
    """An operation; whether its body or answer may be of any length; and the id in its path, if any."""

    operation: Operation
    is_stream: bool
    id: str


class Places:
    """The operations of a set of APIs."""

    def __init__(self, apis: Sequence[Api]) -> None:
        self._apis = sorted(apis, key=lambda api: -len(api.base))
        self._streams = {stream.name for api in apis for each in api.resources for stream in each.streams}
        self._resources = {(api.name, each.name): each for api in apis for each in api.resources}

    def route(self, path: str) -> str:
        """The pattern of a path, without ids: what figures and logs may name."""
        place = self.find("GET", path)
        if place is None:
            return "other"
        api = next(each for each in self._apis if each.name == place.operation.api)
        last = place.id.rpartition("/")[2] if place.is_stream or "/" in place.id else ""
        below = "" if not place.id else f"/{{id}}/{last}" if last in self._streams else "/{id}"
        return f"{api.base}/{place.operation.resource}{below}"

    def find(self, method: str, path: str) -> Place | None:
        """The place that a decoded path means, or None."""
        api = next((each for each in self._apis if path.startswith(f"{each.base}/")), None)
        if api is None:
            return None
        name, _, rest = path[len(api.base) + 1 :].rstrip("/").partition("/")
        if name == HUB and api.hub:
            return Place(Operation(api.name, api.number, HUB, "hub"), False, rest)
        resource = self._resources.get((api.name, name))
        if resource is None:
            return None
        last = rest.rpartition("/")[2]
        asked = "GET" if method == "HEAD" else method
        is_stream = any((each.name, each.method) == (last, asked) for each in resource.streams)
        return Place(Operation(api.name, api.number, name, _VERBS.get(method, "read")), is_stream, rest)
