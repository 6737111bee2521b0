"""The OpenAPI document of an API, made from its declaration: what is published is what is served.

Operation ids, tags, parameters and statuses are the design rules' of the API's generation; what a declaration adds to
the official document is marked x-extension.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from oxl.contract.schemas import FormName, Schemas, ref
from oxl.kernel.declare import Api, Resource, Stream

JSON, MERGE = "application/json", "application/merge-patch+json"
PATCHES = ("application/json-patch+json", "application/json-patch-query+json")
_READ, _WRITE = "400 401 403 404 405 500 501 503", "400 401 403 404 405 409 500 501 503"
_FLAT = "400 401 403 404 405 409 500"
_TASK_ERRORS = ("404", "405", "409", "500")


class _Kind(NamedTuple):
    """One kind of operation: where it is, what it may answer by generation, and what it says it does."""

    method: str
    on_one: bool
    success: dict[int, str]
    errors: dict[int, str]
    summary: str
    form: FormName = ""


_KINDS = {
    "list": _Kind("get", False, {4: "200", 5: "200"}, {4: _FLAT, 5: _READ}, "List {}; any attribute filters"),
    "create": _Kind("post", False, {4: "201", 5: "201 202"}, {4: _FLAT.replace("404 ", ""), 5: _WRITE},
                    "Create a {}", "create"),
    "retrieve": _Kind("get", True, {4: "200", 5: "200"}, {4: _FLAT, 5: _READ}, "Read one {}"),
    "patch": _Kind("patch", True, {4: "200", 5: "200 202"}, {4: _FLAT, 5: _WRITE}, "Change a {}", "update"),
    "delete": _Kind("delete", True, {4: "204", 5: "202 204"}, {4: _FLAT, 5: _WRITE}, "Remove a {}"),
}  # fmt: skip
_PARAMETERS = {
    "fields": ("string", "first-level attributes to answer with, separated by commas"),
    "offset": ("integer", "how many to pass over"),
    "limit": ("integer", "how many at most"),
    "before": ("string", "a cursor: the page that ends before it"),
    "after": ("string", "a cursor: the page that begins after it"),
    "sort": ("string", "attributes to order by, separated by commas; a minus in front turns the order round"),
    "filter": ("string", "a JSONPath expression that what is listed must meet"),
}
_COUNTERS = {
    name: {"description": text, "schema": {"type": "integer"}}
    for name, text in {"X-Total-Count": "how many match", "X-Result-Count": "how many are in this answer"}.items()
}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_HUB_TAG = "events subscription"
_HUB_IDS = {
    4: {"create": "registerListener", "delete": "unregisterListener", "retrieve": "retrieveListener"},
    5: {"create": "createHub", "delete": "hubDelete", "retrieve": "hubGet"},
}


def contract(api: Api, public: str) -> dict[str, Any]:
    """The API's contract as an OpenAPI 3.0 document."""
    made = _Contract(api)
    info = {"title": api.title, "version": api.version, "description": api.description}
    if api.number:
        info["x-api-id"] = api.number
    return {
        "openapi": "3.0.3",
        "info": info,
        "servers": [{"url": f"{public}{api.base}"}],
        "tags": [{"name": name} for name in made.tags],
        "paths": made.paths,
        "components": {"schemas": dict(sorted(made.schemas.found.items()))},
    }


class _Contract:
    """One document while it is made."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.schemas = Schemas(api.generation)
        self.schemas.found |= _error(api.generation)
        self.paths: dict[str, dict[str, Any]] = {}
        self.tags = [resource.name for resource in api.resources]
        for resource in api.resources:
            for name in resource.operations:
                path = f"/{resource.name}/{{id}}" if _KINDS[name].on_one else f"/{resource.name}"
                self.paths.setdefault(path, {})[_KINDS[name].method] = self._operation(name, resource)
            for stream in resource.streams:
                path = f"/{resource.name}/{'{id}/' if stream.method == 'GET' else ''}{stream.name}"
                self.paths[path] = {stream.method.lower(): _streamed(resource, stream)}
        if api.hub:
            self._hub()

    def _operation(self, name: str, resource: Resource) -> dict[str, Any]:
        kind = _KINDS[name]
        parameters = [_ID] if kind.on_one else []
        if name == "list":
            parameters += [self._parameter(each) for each in _PARAMETERS]
        elif name == "retrieve" or (name != "delete" and self.api.generation == 5):
            parameters.append(self._parameter("fields"))
        about = resource.summary if name == "create" and resource.summary else kind.summary.format(resource.name)
        found: dict[str, Any] = {
            "operationId": f"{name}{resource.type}",
            "tags": [resource.name],
            "summary": about,
            "parameters": parameters,
        }
        if kind.form:
            body = {JSON: {"schema": self.schemas.of(resource.shape, kind.form)}}
            if name == "patch" and self.api.generation == 5:
                self.schemas.found |= _PATCH_SCHEMAS
                body[MERGE] = body[JSON]
                body |= {kind: {"schema": ref("JsonPatchOperations")} for kind in PATCHES}
            found["requestBody"] = {"required": True, "content": body}
        if name == "create" and resource.task and resource.task.flagged:
            return found | {"x-tmf-task-resource": True, "responses": self._task_responses(resource)}
        mark = {"x-extension": True} if name in resource.own_operations else {}
        return found | mark | {"responses": self._responses(name, kind, resource)}

    def _task_responses(self, resource: Resource) -> dict[str, Any]:
        """What the POST of a flagged task may answer; 200 is the document's, for those that keep nothing."""
        found = self._responses("create", _KINDS["create"], resource)
        own = [each for each in found if each >= "400" and each not in (*_TASK_ERRORS, "default")]
        found |= {each: {**found[each], "x-extension": True} for each in own}
        return {"200": _answer("Success", self.schemas.of(resource.shape))} | found

    def _parameter(self, name: str) -> dict[str, Any]:
        kind, text = _PARAMETERS[name]
        mark = {"x-extension": True} if name in self.api.extra_parameters else {}
        return {"name": name, "in": "query", "description": text, "schema": {"type": kind}} | mark

    def _responses(self, name: str, kind: _Kind, resource: Resource) -> dict[str, Any]:
        generation = self.api.generation
        first, *rest = kind.success[generation].split()
        found: dict[str, Any] = {first: {"description": "Success"}}
        found |= {status: {"description": "Accepted" if status == "202" else "Deleted"} for status in rest}
        if name != "delete":
            schema = self.schemas.of(resource.shape, "answer")
            if name == "list":
                schema = {"type": "array", "items": schema}
                found["206"] = _answer("A page of what matches", schema) | {"headers": _COUNTERS, "x-extension": True}
                found[first]["headers"] = _COUNTERS
            found[first] |= _answer("Success", schema)
        if kind.method == "get":
            found["304"] = {"description": "What the client has is what there is", "x-extension": True}
        return found | dict.fromkeys([*kind.errors[generation].split(), "default"], _answer("Error", ref("Error")))

    def _hub(self) -> None:
        """Subscriptions, and what is sent to those who have subscribed."""
        v5 = self.api.generation == 5
        given, kept = ("Hub_FVO", "Hub") if v5 else ("EventSubscriptionInput", "EventSubscription")
        self.schemas.found |= _hub_schemas(self.api.generation)
        self.tags.append(_HUB_TAG)
        answers = {"create": ("201", kept), "retrieve": ("200", kept), "delete": ("204", "")}
        for name in self.api.hub:
            status, schema = answers[name]
            errors = ["default"] if v5 else [each for each in _FLAT.split() if (name, each) != ("delete", "409")]
            operation: dict[str, Any] = {
                "operationId": _HUB_IDS[self.api.generation][name],
                "tags": [_HUB_TAG],
                "summary": _KINDS[name].summary.format("subscription"),
                "parameters": [_ID] if _KINDS[name].on_one else [],
                "responses": {status: _answer("Success", ref(schema)) if schema else {"description": "Deleted"}}
                | dict.fromkeys([*errors, "default"], _answer("Error", ref("Error"))),
            }
            if name == "create":
                operation["requestBody"] = {"required": True, "content": {JSON: {"schema": ref(given)}}}
            if not v5 and name == "retrieve":
                operation["x-extension"] = True
            path = "/hub/{id}" if _KINDS[name].on_one else "/hub"
            self.paths.setdefault(path, {})[_KINDS[name].method] = operation
        for resource in self.api.resources:
            for event in resource.events.values():
                self._listener(resource, event, kept)

    def _listener(self, resource: Resource, event: str, kept: str) -> None:
        """The path that a listener answers at, as the official documents tell it: the listener's side, not OXL's."""
        v5 = self.api.generation == 5
        payload = {"type": "object", "properties": {resource.name: self.schemas.of(resource.shape)}}
        carried: dict[str, Any] = {"type": "object", "properties": {"event": ref(f"{event}Payload")}}
        if v5 and self.api.event:
            mapping = {event: f"#/components/schemas/{event}"}
            carried["allOf"] = [self.schemas.of(self.api.event)]
            carried["discriminator"] = {"propertyName": "@type", "mapping": mapping}
        elif self.api.event:
            carried["properties"] |= self.schemas.schema(self.api.event)["properties"]
        self.schemas.found |= {f"{event}Payload": payload, event: carried}
        name = event[0].lower() + event[1:]
        success = {"204": {"description": "Notified"}} if v5 else {"201": _answer("Notified", ref(kept))}
        errors = ["default"] if v5 else [*_FLAT.split(), "default"]
        tag = "notification listener" if v5 else "notification listeners (client side)"
        if tag not in self.tags:
            self.tags.append(tag)
        operation = {
            "operationId": name if v5 else f"listenTo{event}",
            "tags": [tag],
            "summary": f"Answered by a listener: takes a {event}",
            "requestBody": {"required": True, "content": {JSON: {"schema": ref(event)}}},
            "responses": success | dict.fromkeys(errors, _answer("Error", ref("Error"))),
        }
        if event in resource.own_events:
            operation["x-extension"] = True
        self.paths[f"/listener/{name}"] = {"post": operation}


def _streamed(resource: Resource, stream: Stream) -> dict[str, Any]:
    success = {"description": "Success", "content": {stream.gives: {"schema": {"type": "string", "format": "binary"}}}}
    found: dict[str, Any] = {
        "operationId": f"{stream.name}{resource.type}",
        "tags": [resource.name],
        "summary": stream.summary,
        "x-extension": True,
        "parameters": [_ID] if stream.method == "GET" else [],
        "responses": {"200": success} | dict.fromkeys(["default"], _answer("Error", ref("Error"))),
    }
    if stream.takes:
        body = {stream.takes: {"schema": {"type": "string", "format": "binary"}}}
        found["requestBody"] = {"required": True, "content": body}
    return found


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema}}}


_TEXT: dict[str, Any] = {"type": "string"}
_URI: dict[str, Any] = {"type": "string", "format": "uri"}
_NOTES = dict.fromkeys(("@type", "@baseType", "@schemaLocation"), _TEXT)
_PATCH_SCHEMAS: dict[str, Any] = {
    "JsonPatch": {
        "type": "object",
        "required": ["op", "path"],
        "properties": {
            "op": {"type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"]},
            "path": _TEXT,
            "value": {},
            "from": _TEXT,
        },
    },
    "JsonPatchOperations": {"type": "array", "items": ref("JsonPatch")},
}


def _error(generation: int) -> dict[str, Any]:
    names = dict.fromkeys(("code", "reason", "message", "status", "referenceError"), _TEXT)
    if generation == 4:
        notes = _NOTES | {"@schemaLocation": _URI}
        found = {
            "type": "object",
            "required": ["code", "reason"],
            "properties": names | {"referenceError": _URI} | notes,
        }
    else:
        found = {"type": "object", "required": ["@type", "code", "reason"], "properties": names | _NOTES}
        found["discriminator"] = {"propertyName": "@type", "mapping": {"Error": "#/components/schemas/Error"}}
    return {"Error": found}


def _hub_schemas(generation: int) -> dict[str, Any]:
    asked = {"callback": _TEXT, "query": _TEXT}
    if generation == 4:
        given = {"type": "object", "required": ["callback"], "properties": asked}
        kept = {"type": "object", "required": ["id", "callback"], "properties": {"id": _TEXT, **asked}}
        return {"EventSubscriptionInput": given, "EventSubscription": kept}
    given = {"type": "object", "required": ["@type", "callback"], "properties": asked | _NOTES}
    own = _NOTES | {"id": _TEXT, "href": _TEXT}
    return {"Hub_FVO": given, "Hub": given | {"properties": asked | own}}
