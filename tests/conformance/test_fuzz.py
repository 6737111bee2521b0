"""Requests that schemathesis makes of each published contract, valid and broken, put to a seeded server.

Every API is strict. Checks that apply: no server error; statuses, content types, headers and bodies as published; what
the contract does not allow is refused. The others, and why not: positive_data_acceptance (a well-formed body may name a
bucket that is not there), ignored_auth and missing_required_header (the contract has neither yet), use_after_free and
ensure_resource_availability (test_kit follows what was created), max_response_time (benches measure time).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks
from tests.conformance.kit import FIXED, without_classes
from tests.conftest import client_of

from oxl.apis import APIS
from oxl.cli.seed import conformance
from oxl.db.database import Tenant

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.negative_data_rejection,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
SELECTED = CHECKS[:-1]  # a v4 answer with only the fields that were asked for has not all that is required
REFUSED = ["400", "404", "405", "406", "409", "413", "414", "415", "422", "501"]  # a query can be broken and too long
NOT_YET = ("filter", "depth", "expand")  # answered by 501 until they are served
LINES, ENDLESS = "application/x-ndjson", "text/event-stream"
apis = pytest.mark.parametrize("api", APIS, ids=[api.name for api in APIS])


@schemathesis.serializer(LINES)
def as_lines(_: Any, value: Any) -> bytes:
    """A body of lines is sent as it was made."""
    return str(value).encode(errors="surrogatepass")


@pytest.fixture(scope="module")
async def seeded(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with the conformance seed."""
    await conformance(tenant)
    async with client_of(tenant, "all", "http://oxl.example") as client:
        yield client


@apis
async def test_answers_are_as_published(seeded: httpx.AsyncClient, api: Any) -> None:
    await fuzz(seeded, api.base, 300)


@pytest.mark.torture
@apis
async def test_answers_are_as_published_at_length(seeded: httpx.AsyncClient, api: Any) -> None:
    await fuzz(seeded, api.base, 20_000)


async def test_an_answer_that_is_not_as_published_is_noticed(seeded: httpx.AsyncClient) -> None:
    base = APIS[1].base
    document = (await seeded.get(f"{base}/openapi.json")).json()
    document["components"]["schemas"]["Bucket"]["required"] = ["odd"]
    with pytest.raises(FailureGroup) as found:
        await fuzz(seeded, base, 100, document)
    assert "'odd' is a required" in str(found.value.exceptions) or '"odd" is a required' in str(found.value.exceptions)


async def fuzz(client: httpx.AsyncClient, base: str, cases: int, document: Any = None) -> None:
    """So many requests to an API, spread over its operations, half of them broken on purpose."""
    document = document or (await client.get(f"{base}/openapi.json")).json()
    document["components"] = without_classes(document)["components"]
    document["paths"] = {path: each for path, each in document["paths"].items() if not path.startswith("/listener/")}
    schema = schemathesis.openapi.from_dict(document, config=_config())
    found = [result.ok() for result in schema.get_all_operations()]
    operations = [each for each in found if ENDLESS not in str(each.definition.raw["responses"])]  # no answer is whole
    each = max(1, cases // (2 * len(operations)))
    loop = asyncio.get_running_loop()
    statuses: set[int] = set()
    bucket = (
        await client.get(f"/tmf-api/prepayBalanceManagement/v4/bucket/{FIXED['topupBalance']['bucket']['id']}")
    ).json()
    account = {"id": bucket["partyAccount"]["id"]}

    def answered(case: Any) -> httpx.Response:
        answer = asyncio.run_coroutine_threadsafe(_send(client, base, case, account), loop).result(60)
        statuses.add(answer.status_code)
        return answer

    for operation in operations:
        collection, of_one, _ = operation.path.partition("/{id}")
        known = await _known(client, f"{base}{collection}") if of_one else []
        one = {"path_parameters": {"id": known[0]["id"]}} if known else {}
        streamed = any(each.media_type == LINES for each in operation.body)  # what is bad is told at its line
        broken = (operation.body or operation.query) and not streamed  # any text is an id
        breakable = [GenerationMode.NEGATIVE] if broken else []
        for strategy in (operation.as_strategy(**one), *map(operation.as_strategy, breakable)):
            await asyncio.to_thread(_run, answered, strategy, each)
    assert {200, 400, 404} <= statuses, "the requests came to something"


def _config() -> SchemathesisConfig:
    checked = {"negative_data_rejection": {"expected-statuses": REFUSED}}
    return SchemathesisConfig.from_dict({"checks": checked})


async def _known(client: httpx.AsyncClient, collection: str) -> list[Any]:
    """One of the collection, if it has any; the hub's are not listed."""
    if collection.endswith("/hub"):
        return [(await client.post(collection, json={"callback": "https://listener.example/fuzz"})).json()]
    return (await client.get(collection)).json()[:1]


def _run(answered: Callable[[Any], httpx.Response], strategy: Any, cases: int) -> None:
    quick = hypothesis.settings(
        max_examples=cases,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )

    @quick
    @hypothesis.given(case=strategy)
    def attempt(case: Any) -> None:
        answer = answered(case)
        if answer.status_code == 501 and answer.json()["message"].partition(":")[0] in NOT_YET:
            return
        case.validate_response(answer, checks=SELECTED if "fields" in (case.query or {}) else CHECKS)

    attempt()


async def _send(client: httpx.AsyncClient, base: str, case: Any, account: Any) -> httpx.Response:
    valid = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    if valid and isinstance(case.body, dict) and "bucket" in case.body:  # chosen, so that money moves at all
        case.body = case.body | FIXED["reserveBalance"] | {"partyAccount": account}
    given = case.as_transport_kwargs(base_url=f"http://oxl.example{base}")
    return await client.request(
        given["method"],
        given["url"],
        params=given.get("params"),
        content=given.get("data"),
        headers=dict(given["headers"]),
        **({"json": given["json"]} if "json" in given else {}),
    )
