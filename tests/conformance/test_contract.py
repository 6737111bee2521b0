"""The published contract of each API against the official document, attribute by attribute.

Compared: paths, methods, operation ids, tags, parameters, bodies by media type, statuses, headers, and of every schema
that what is served needs: attributes, types, formats, enums, required lists, classes and alternatives. Not compared:
descriptions and examples; `default: 1` of Quantity.amount, which OXL never lets apply; the response `default`, which
says the same of errors that have no status of their own there.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from tests.conformance.documents import Contract, Operation, facts, flat, official, plain, reachable, read

from oxl.apis import APIS
from oxl.contract import openapi
from oxl.kernel.declare import Api, Resource

STANDARD = [api for api in APIS if api.number]
OPERATIONS_NOT_SERVED, EVENTS_NOT_DECLARED = 0, 0  # these may only fall
by_number = pytest.mark.parametrize("api", STANDARD, ids=[api.number for api in STANDARD])


class Whole(Resource):
    """A resource as if all operations were served, to see what the contract would say of them."""

    @property
    def operations(self) -> tuple[str, ...]:
        """All of them."""
        return ("list", "create", "retrieve", "patch", "delete")


def whole(api: Api) -> Api:
    """The API with every operation on the resources that it has, and with subscriptions."""
    resources = tuple(Whole(**{name: getattr(each, name) for name in each.__struct_fields__}) for each in api.resources)
    return msgspec.structs.replace(api, resources=resources, hub=("create", "retrieve", "delete"))


def faults(theirs: Contract, ours: Contract) -> Iterator[str]:
    """What the official document has for the operations served and ours has not, or has otherwise."""
    shared = [key for key in theirs.operations if key in ours.operations]
    for key in shared:
        for fault in _operation(theirs.operations[key], ours.operations[key]):
            yield f"{' '.join(key)}: {fault}"
    for name in sorted(reachable(theirs, [theirs.operations[key] for key in shared])):
        if name not in ours.schemas:
            yield f"{name}: is missing"
        else:
            yield from (f"{name}{fault}" for fault in _schema(theirs, ours, name))


def _operation(theirs: Operation, ours: Operation) -> Iterator[str]:
    if (theirs.id, theirs.tags) != (ours.id, ours.tags):
        yield f"is {theirs.id} {theirs.tags}, not {ours.id} {ours.tags}"
    for name, parameter in theirs.parameters.items():
        mine = ours.parameters.get(name, {})
        said = [parameter.get("required", False), plain(parameter.get("schema", parameter))]
        if said != [mine.get("required", False), plain(mine.get("schema", {}))]:
            yield f"parameter {name} is {said}, not {mine}"
    for kind, schema in theirs.bodies.items():
        if kind not in ours.bodies or plain(schema) != plain(ours.bodies[kind]):
            yield f"takes {kind} {plain(schema)}, not {ours.bodies.get(kind)}"
    for status, response in theirs.responses.items():
        mine = ours.responses.get(status)
        if mine is None or plain(response["schema"] or {}) != plain(mine["schema"] or {}):
            yield f"answers {status} {response['schema']}, not {mine}"
        elif not response["headers"].keys() <= mine["headers"].keys():
            yield f"{status} has the headers {[*response['headers']]}"


def _schema(theirs: Contract, ours: Contract, name: str) -> Iterator[str]:
    wanted, found = flat(theirs, name), flat(ours, name)
    for attribute, schema in wanted.attributes.items():
        if attribute not in found.attributes:
            yield f".{attribute}: is missing"
        elif plain(schema) != plain(found.attributes[attribute]):
            yield f".{attribute}: is {plain(schema)}, not {plain(found.attributes[attribute])}"
    if wanted.required != found.required:
        yield f": requires {sorted(wanted.required)}, not {sorted(found.required)}"
    if not wanted.classes.items() <= found.classes.items():
        yield f": may be {wanted.classes}, not {found.classes}"
    if (wanted.one_of, wanted.itself) != (found.one_of, found.itself):
        yield f": is {wanted.one_of or wanted.itself}, not {found.one_of or found.itself}"


def unmarked(theirs: Contract, ours: Contract) -> Iterator[str]:
    """What ours adds to the official document without saying so."""
    for key, operation in ours.operations.items():
        if key not in theirs.operations:
            if not operation.extension:
                yield f"{' '.join(key)}"
            continue
        known = theirs.operations[key]
        for name, parameter in operation.parameters.items():
            if name not in known.parameters and "x-extension" not in parameter:
                yield f"{' '.join(key)}: parameter {name}"
        for status, response in operation.responses.items():
            if status not in known.responses and status != "default" and not response["extension"]:
                yield f"{' '.join(key)}: {status}"
    for name in ours.schemas.keys() & theirs.schemas.keys():
        known = flat(theirs, name).attributes
        for attribute, schema in flat(ours, name).attributes.items():
            if attribute not in known and "x-extension" not in schema:
                yield f"{name}.{attribute}"


@by_number
def test_111_what_is_served_is_published_as_the_official_document_has_it(api: Api) -> None:
    theirs, ours = read(official(api.number)), read(openapi.contract(api, ""))
    assert list(faults(theirs, ours)) == []


@by_number
def test_what_is_added_is_marked(api: Api) -> None:
    theirs, ours = read(official(api.number)), read(openapi.contract(api, ""))
    assert list(unmarked(theirs, ours)) == []


@by_number
def test_what_is_not_served_yet_would_be_published_as_well(api: Api) -> None:
    theirs, ours = read(official(api.number)), read(openapi.contract(whole(api), ""))
    assert list(faults(theirs, ours)) == []


@by_number
def test_the_document_says_which_api_it_is(api: Api) -> None:
    theirs, ours = official(api.number)["info"], openapi.contract(api, "")["info"]
    assert (ours["version"], ours["x-api-id"]) == (theirs["version"], api.number)
    assert openapi.contract(api, "")["openapi"].startswith("3.0.")
    assert {each["basePath"] for each in facts("operations") if each["api"] == api.number} == {api.base}


def test_what_is_not_served_yet_is_counted_by_name() -> None:
    served = {(api.number, *key) for api in STANDARD for key in read(openapi.contract(api, "")).operations}
    missing = [each for each in facts("operations") if (each["api"], each["method"], each["path"]) not in served]
    names = sorted(f"{each['api']} {each['operationId']}" for each in missing)
    assert len(facts("operations")) == 68
    assert len(names) <= OPERATIONS_NOT_SERVED, names
    assert len(names) >= OPERATIONS_NOT_SERVED, f"lower OPERATIONS_NOT_SERVED to {len(names)}"


def test_events_that_cannot_occur_yet_are_counted_by_name() -> None:
    declared = {(api.number, event) for api in STANDARD for each in api.resources for event in each.events.values()}
    names = sorted(
        event["eventType"] for event in facts("events") if (event["api"], event["eventType"]) not in declared
    )
    assert len(facts("events")) == 26
    assert len(names) <= EVENTS_NOT_DECLARED, names
    assert len(names) >= EVENTS_NOT_DECLARED, f"lower EVENTS_NOT_DECLARED to {len(names)}"
    known = {(event["api"], event["eventType"]) for event in facts("events")}
    for api in STANDARD:
        for resource in api.resources:
            own = {event for event in resource.events.values() if (api.number, event) not in known}
            assert own == set(resource.own_events), resource.name


def test_a_difference_of_any_kind_is_noticed() -> None:
    api = STANDARD[0]
    document = openapi.contract(api, "")
    ours = read(document)
    name = api.resources[0].shape.__name__
    schema = document["components"]["schemas"][name]
    for change in (
        {"properties": {key: value for key, value in schema["properties"].items() if key != "status"}},
        {"properties": schema["properties"] | {"status": {"type": "string"}}},
        {"required": ["status"]},
        {"discriminator": {"mapping": {}}},
    ):
        schemas = ours.schemas | {name: schema | change}
        found = list(faults(read(official(api.number)), ours._replace(schemas=schemas)))
        assert found, change
        assert all(fault.startswith(name) for fault in found)
    added = schema | {"properties": schema["properties"] | {"odd": {"type": "string"}}}
    assert f"{name}.odd" in list(
        unmarked(read(official(api.number)), ours._replace(schemas=ours.schemas | {name: added}))
    )
    theirs = read(official(api.number))
    for key, operation in ((key, each) for key, each in ours.operations.items() if key in theirs.operations):
        for changed in (
            operation._replace(id="odd"),
            operation._replace(parameters={}),
            operation._replace(responses={"200": operation.responses.get("200", {"schema": None, "headers": {}})}),
        ):
            operations = ours.operations | {key: changed}
            if changed != operation:
                assert list(faults(theirs, ours._replace(operations=operations))), key
