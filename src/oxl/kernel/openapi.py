"""The OpenAPI document of an API, made from its declaration: what is published is what is served."""

from __future__ import annotations

from typing import Any

import msgspec

from oxl.kernel.declare import Api, Resource

_ERRORS = ("400", "401", "403", "404", "405", "409", "500", "501", "503")
_COUNTERS = {
    name: {"description": text, "schema": {"type": "integer"}}
    for name, text in {"X-Total-Count": "how many match", "X-Result-Count": "how many are in this answer"}.items()
}


def document(api: Api, public: str) -> bytes:
    """The API's contract as OpenAPI 3.0 JSON."""
    shapes = [resource.shape for resource in api.resources]
    _, schemas = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    schemas["Error"] = _error_schema()
    paths: dict[str, Any] = {}
    for resource in api.resources:
        paths[f"/{resource.name}"] = _collection(resource)
        paths[f"/{resource.name}/{{id}}"] = _single(resource)
    info = {"title": api.title, "version": api.version, "description": api.description}
    if api.number:
        info["x-api-id"] = api.number
    contract = {
        "openapi": "3.0.3",
        "info": info,
        "servers": [{"url": f"{public}{api.base}"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return msgspec.json.encode(contract)


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    names = ("@type", "code", "reason", "message", "status", "referenceError")
    return {"type": "object", "required": ["code", "reason"], "properties": dict.fromkeys(names, text)}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _responses(status: str, schema: dict[str, Any], headers: dict[str, Any] | None = None) -> dict[str, Any]:
    error = {"description": "Error", "content": _content({"$ref": "#/components/schemas/Error"})}
    found: dict[str, Any] = dict.fromkeys(_ERRORS, error)
    found[status] = {"description": "Success", "content": _content(schema)} | ({"headers": headers} if headers else {})
    return found


def _ref(resource: Resource) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{resource.shape.__name__}"}


def _parameter(name: str, kind: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": {"type": kind}}


_FIELDS = _parameter("fields", "string", "first-level attributes to answer with, separated by commas")


def _collection(resource: Resource) -> dict[str, Any]:
    page = [
        _parameter("offset", "integer", "how many to pass over"),
        _parameter("limit", "integer", "how many at most"),
    ]
    array = {"type": "array", "items": _ref(resource)}
    found: dict[str, Any] = {
        "get": {
            "operationId": f"list{resource.type}",
            "summary": f"List {resource.name}; any attribute filters by equality",
            "parameters": [_FIELDS, *page],
            "responses": _responses("200", array, _COUNTERS),
        }
    }
    if resource.create:
        found["post"] = {
            "operationId": f"create{resource.type}",
            "summary": resource.summary or f"Create a {resource.name}",
            "parameters": [_FIELDS],
            "requestBody": {"required": True, "content": _content(_ref(resource))},
            "responses": _responses("201", _ref(resource)),
        }
    return found


def _single(resource: Resource) -> dict[str, Any]:
    identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "get": {
            "operationId": f"retrieve{resource.type}",
            "summary": f"Read one {resource.name}",
            "parameters": [identity, _FIELDS],
            "responses": _responses("200", _ref(resource)),
        }
    }
