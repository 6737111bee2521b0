"""The published contract: it parses, everything in it is served, and real answers are of its shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import USAGE, usage_body

from oxl.apis import APIS

BASES = [api.base for api in APIS]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "$ref":
                yield member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


async def contract(http: Any, base: str) -> dict[str, Any]:
    answer = await http.get(f"{base}/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json;charset=utf-8")
    return answer.json()


@pytest.mark.parametrize("base", BASES)
async def test_the_contract_says_what_it_is_and_every_reference_in_it_is_there(http, base: str) -> None:
    found = await contract(http, base)
    assert found["openapi"] == "3.0.3"
    assert found["info"]["version"]
    assert found["servers"] == [{"url": base}]
    wanted = set(references(found))
    assert wanted
    for reference in wanted:
        inner: Any = found
        for name in reference.removeprefix("#/").split("/"):
            inner = inner[name]


@pytest.mark.parametrize("base", BASES)
async def test_every_path_and_method_is_served_and_no_other(http, base: str) -> None:
    seen = set()
    for path, operations in (await contract(http, base))["paths"].items():
        if path.startswith("/listener/"):
            continue  # what a listener serves
        where = base + path.replace("{id}", "none")
        for method in ("get", "post", "put", "patch", "delete"):
            answer = await http.request(method.upper(), where)
            if method in operations:
                streamed = method == "post" and "application/json" not in operations[method]["requestBody"]["content"]
                unfit = 415 if streamed else 400
                assert answer.status_code == (404 if "{id}" in path else unfit if method == "post" else 200)
                assert operations[method]["operationId"] not in seen
                seen.add(operations[method]["operationId"])
            else:
                assert answer.status_code == 405
                assert method.upper() not in answer.headers["allow"]


@pytest.mark.parametrize("base", BASES)
async def test_every_attribute_of_a_real_answer_is_in_its_schema(http, subscribe, base: str) -> None:
    line = await subscribe("prepaid-m")
    number = line["logicalResource"]["value"]
    await http.post(USAGE, json=usage_body("sms", number, destinationPhoneNumber="+493012345"))
    await http.post("/tmf-api/usageConsumption/v5/queryUsageConsumption", json={"partyAccount": [
        {"id": line["billingAccount"]["id"]}]})  # fmt: skip
    found = await contract(http, base)
    schemas = found["components"]["schemas"]
    for path, operations in found["paths"].items():
        if "{id}" in path or "get" not in operations:
            continue
        reference = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]["items"]["$ref"]
        for doc in (await http.get(base + path)).json():
            unknown = list(beyond(doc, {"$ref": reference}, schemas))
            assert unknown == [], (path, unknown)


def properties(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a schema, with those that it inherits, and those of each alternative."""
    if "$ref" in schema:
        return properties(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    found = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ())):
        found |= properties(part, schemas)
    for name in schema.get("discriminator", {}).get("mapping", {}).values():
        found |= schemas[name.rpartition("/")[2]].get("properties", {})
    return found


def beyond(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    """Attributes of a document that its schema does not know."""
    if isinstance(value, dict) and (known := properties(schema, schemas)):
        for name, member in value.items():
            if name not in known:
                yield name
            else:
                yield from (f"{name}.{each}" for each in beyond(member, known[name], schemas))
    elif isinstance(value, list) and "items" in schema:
        for member in value:
            yield from beyond(member, schema["items"], schemas)


async def test_an_error_is_of_the_published_shape(http) -> None:
    error = (await http.get(f"{USAGE}/none")).json()
    schema = (await contract(http, BASES[0]))["components"]["schemas"]["Error"]
    assert set(schema["required"]) <= set(error) <= set(schema["properties"])
    assert all(isinstance(value, str) for value in error.values())
