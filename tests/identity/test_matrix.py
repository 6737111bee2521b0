"""Every operation of every API by every kind of caller, by a table of its own; and no tenant ever sees another's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.conftest import BALANCE, CONSUMPTION, USAGE, usage_body
from tests.identity.conftest import Ground, client, new_key, party
from tests.identity.issuer import Issuer
from tests.waiting import PATIENCE

from oxl.apis import APIS
from oxl.clock import system_now
from oxl.db.database import Tenant
from oxl.identity.gate import Gate
from oxl.kernel.declare import Api, Resource

METHODS = {"list": "GET", "retrieve": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
ASKING = {"queryUsageConsumption", "queryProductRecommendation"}  # what a subscriber may create without more ado
# Both tenants have published the same catalog, and have these by the same names.
ALIKE = {"productOffering", "usageSpecification", "pricePlan", "overview", "loopStep", "sandbox"}
BY_OPERATORS = {"adjustBalance", "bucket", "customerBill"}  # what no partner writes


class Call(NamedTuple):
    """One operation."""

    api: Api
    resource: str
    name: str
    method: str
    owned: bool

    def path(self, found: str) -> str:
        collection = f"{self.api.base}/{self.resource}"
        return collection if self.name in ("list", "create", "subscribe") else f"{collection}/{found}"


def calls_of(api: Api) -> list[Call]:
    found = [
        Call(api, each.name, name, METHODS[name], each.owner is not None)
        for each in api.resources
        for name in each.operations
    ]
    for each in api.resources:
        found += [_stream(api, each, stream.name, stream.method) for stream in each.streams]
    if api.hub:
        found += [Call(api, "hub", "subscribe", "POST", False), Call(api, "hub", "unsubscribe", "DELETE", False)]
    return found


def _stream(api: Api, resource: Resource, name: str, method: str) -> Call:
    if method == "POST":
        return Call(api, f"{resource.name}/{name}", "create", method, False)
    return Call(api, resource.name, f"retrieve/{name}", method, False)


CALLS = [call for api in APIS for call in calls_of(api)]
CALLERS = (
    "nobody", "expired key", "revoked key", "expired token", "wrong scope", "operator", "reading operator", "partner",
    "owner", "neighbour", "other operator", "other partner", "other subscriber",
)  # fmt: skip


def expected(caller: str, call: Call) -> set[int] | str:
    """The statuses that must come, or `let in`: anything but 401 and 403."""
    reads, public = call.method == "GET", bool(call.api.number)
    if caller in ("nobody", "expired key", "revoked key", "expired token"):
        return {401}
    if caller == "wrong scope" or (caller == "reading operator" and (not reads or call.resource == "hub")):
        return {403}
    if caller in ("operator", "reading operator"):
        return "let in"
    if caller == "other operator":
        return "let in" if call.name in ("list", "create", "subscribe") or call.resource in ALIKE else {404, 405}
    if not public:
        return {403}
    if caller in ("partner", "other partner"):
        if call.resource in BY_OPERATORS and not reads:
            return {403}
        alike = call.name in ("list", "create", "subscribe") or call.resource in ALIKE
        return "let in" if caller == "partner" or alike else {404, 405}
    if reads and call.resource != "hub":
        if call.name == "list":
            return {200, 206}
        return {200, 404} if caller == "owner" else {404}
    return "let in" if call.resource in ASKING and call.method == "POST" else {403}


@pytest.fixture(scope="module")
async def credentials(alpha: Ground, beta: Ground, issuer: Issuer) -> dict[str, str]:
    """One of each kind of caller; those of `alpha` unless they are others."""
    past = system_now() - timedelta(days=9)
    revoked = await new_key(alpha.tenant)
    async with alpha.tenant.connection() as conn:
        await conn.execute("update api_key set revoked_at = now() where id = $1", revoked.split(".")[2])
    return {
        "nobody": "",
        "expired key": await new_key(alpha.tenant, now=past),
        "revoked key": revoked,
        "expired token": issuer.token(tenant=alpha.tenant.name, exp=int(past.timestamp())),
        "wrong scope": await new_key(alpha.tenant, scopes=["TMF999:read"]),
        "operator": await new_key(alpha.tenant),
        "reading operator": await new_key(alpha.tenant, scopes=["*:read"]),
        "partner": await new_key(alpha.tenant, "partner"),
        "owner": await new_key(alpha.tenant, "subscriber", party(alpha.ada)),
        "neighbour": await new_key(alpha.tenant, "subscriber", party(alpha.bob)),
        "other operator": issuer.token(tenant=beta.tenant.name),
        "other partner": await new_key(beta.tenant, "partner"),
        "other subscriber": issuer.token(tenant=beta.tenant.name, role="subscriber", party=party(beta.ada)),
    }


@pytest.fixture(scope="module")
async def ids(gate: Gate, alpha: Ground, credentials: dict[str, str]) -> dict[str, str]:
    """An id of Ada's of every resource, where there is one."""
    number = alpha.ada["logicalResource"]["value"]
    async with client(gate, credential=credentials["operator"]) as http:
        account = alpha.ada["billingAccount"]["id"]
        main = (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]["id"]
        amount = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": main}}
        for path, body in (
            (f"{BALANCE}/topupBalance", amount), (f"{BALANCE}/adjustBalance", amount | {"reason": "goodwill"}),
            (f"{BALANCE}/reserveBalance", amount),
            (USAGE, usage_body("sms", number, destinationPhoneNumber="+493012345")),
            (f"{CONSUMPTION}/queryUsageConsumption", {"searchCriteria": {"logicalResource": [{"value": number}]}}),
        ):  # fmt: skip
            answer = await http.post(path, json=body)
            assert answer.status_code == 201, answer.text
        found = {}
        for call in CALLS:
            if call.name == "list":
                query = f"?partyAccount.id={account}" if call.resource == "bucket" else ""
                rows = (await http.get(call.path("") + query)).json()
                found[call.path("")] = rows[0]["id"] if rows else "nothing"
        return found


def test_the_matrix_is_as_large_as_was_asked_for() -> None:
    assert len(CALLS) >= 68
    assert len(CALLERS) >= 12
    assert {call.api.name for call in CALLS} == {api.name for api in APIS}


@pytest.mark.parametrize("caller", CALLERS, ids=lambda name: name.replace(" ", "-"))
async def test_every_operation_lets_in_whom_it_should(
    caller: str, gate: Gate, alpha: Ground, credentials: dict[str, str], ids: dict[str, str]
) -> None:
    wrong = []
    async with client(gate, credential=credentials[caller]) as http:
        for call in CALLS:
            found = ids.get(f"{call.api.base}/{call.resource}", "nothing")
            path = call.path(found) + (f"/{call.name.partition('/')[2]}" if "/" in call.name else "")
            body = None if call.method in ("GET", "DELETE") else {}
            if call.method == "DELETE" and caller in ("operator", "partner"):
                path = call.path("nothing")  # who may delete must not take away what the others look for
            answer = await http.request(call.method, path, json=body)
            wanted = expected(caller, call)
            refused = answer.status_code in (401, 403, 500) and "notYours" not in answer.text
            good = not refused if wanted == "let in" else answer.status_code in wanted
            if not good or answer.status_code >= 500 != 501:
                wrong.append(f"{call.method} {path} by {caller}: {answer.status_code}, not {wanted}")
            if caller.startswith("other") and found != "nothing" and call.method == "GET":
                shown = answer.text if call.name == "list" and answer.status_code < 300 else ""
                if f'"id":"{found}"' in shown.replace(" ", "") and len(found) > 20:
                    wrong.append(f"{path} shows another tenant's {found}")
    assert not wrong, "\n".join(wrong)


async def test_credentials_of_one_tenant_show_nothing_of_another_in_any_list_or_event(
    gate: Gate, alpha: Ground, beta: Ground, credentials: dict[str, str]
) -> None:
    marks = [alpha.ada["id"], party(alpha.ada), alpha.ada["billingAccount"]["id"], alpha.ada["logicalResource"]["id"]]
    async with client(gate, credential=credentials["other operator"]) as http:
        for call in CALLS:
            if call.name == "list" and call.resource != "auditRecord":  # it tells what these very callers asked for
                answer = await http.get(call.path(""))
                assert answer.status_code in (200, 206), answer.text
                assert not [mark for mark in marks if mark in answer.text], call
        for mark in marks:
            assert (await http.get(f"/oxl/v1/eventRecord?resourceId={mark}")).json() == []
            assert (await http.get(f"{BALANCE}/bucket?partyAccount.id={mark}")).headers["x-total-count"] == "0"


async def _ask(gate: Gate, path: str, credential: str) -> tuple[int, bytes]:
    """One GET without a client library between."""
    path, _, query = path.partition("?")
    told: list[dict[str, Any]] = []
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {credential}".encode()), (b"host", b"oxl.example")],
    }  # fmt: skip

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    await gate(scope, receive, send)
    return told[0]["status"], told[1]["body"]


async def test_10_000_mixed_requests_never_meet_another_tenants_connection(
    gate: Gate, alpha: Ground, beta: Ground, credentials: dict[str, str]
) -> None:
    chance = random.Random(10)
    keys = {"alpha": credentials["operator"], "beta": await new_key(beta.tenant)}
    mine: dict[str, list[str]] = {}
    for name, key in keys.items():
        _, body = await _ask(gate, f"{BALANCE}/bucket", key)
        mine[name] = [each["id"] for each in msgspec.json.decode(body)]
    assert mine["alpha"]
    assert not set(mine["alpha"]) & set(mine["beta"])
    counted = {"alpha": 0, "beta": 0}

    async def one() -> None:
        name = chance.choice(("alpha", "beta"))
        other = "beta" if name == "alpha" else "alpha"
        kind, own, theirs = chance.random(), chance.choice(mine[name]), chance.choice(mine[other])
        if kind < 0.45:
            status, body = await _ask(gate, f"{BALANCE}/bucket/{own}", keys[name])
            assert (status, own.encode() in body) == (200, True)
        elif kind < 0.9:
            status, body = await _ask(gate, f"{BALANCE}/bucket/{theirs}", keys[name])
            assert status == 404
        else:
            status, body = await _ask(gate, f"{BALANCE}/bucket?limit=3", keys[name])
            shown = {each["id"] for each in msgspec.json.decode(body)}
            assert shown <= set(mine[name])
        counted[name] += 1

    for _ in range(200):
        await asyncio.gather(*[one() for _ in range(50)])
    assert sum(counted.values()) == 10_000
    assert min(counted.values()) > 4000


async def test_a_connection_is_of_its_tenant_whatever_became_of_the_one_before(
    make_tenant: Callable[[], Any], alpha: Ground, beta: Ground
) -> None:
    chance = random.Random(20)
    tenants: list[Tenant] = [alpha.tenant, beta.tenant, await make_tenant()]

    async def one(tenant: Tenant) -> None:
        async with tenant.connection() as conn:
            row = await conn.fetchrow("select current_user as role, current_schema as schema")
            assert (row["role"], row["schema"]) == (f"oxl_{tenant.name}", f"oxl_{tenant.name}")
            fate = chance.random()
            if fate < 0.02:
                conn.terminate()
            elif fate < 0.04:
                raise ValueError("broken off")
            elif fate < 0.06:
                async with asyncio.timeout(0.05):
                    await conn.execute("select pg_sleep(3600)")

    async def tried(tenant: Tenant) -> bool:
        try:
            await one(tenant)
        except (ValueError, TimeoutError):
            return False
        return True

    held = 0
    for _ in range(10):
        async with asyncio.timeout(PATIENCE):
            held += sum(await asyncio.gather(*[tried(chance.choice(tenants)) for _ in range(60)]))
    assert held > 400
