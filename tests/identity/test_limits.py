"""What a client may cost: heads, bodies, rates, slowness, crowds; and what does not start because it is not safe."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import BALANCE, CONSUMPTION, client_of
from tests.identity.conftest import Ground, client, new_key, settings_of
from tests.waiting import PATIENCE, until

from oxl.app import gate_of
from oxl.db.database import Database
from oxl.db.reach import limits_of
from oxl.identity.gate import Gate
from oxl.identity.limits import MAX_HEADERS, MAX_PATH, patient, taken
from oxl.identity.rates import MOST, Believed, Rates
from oxl.identity.rules import check_settings
from oxl.kernel.problem import ClientGoneError, Problem
from oxl.query.body import MAX_DEPTH, MAX_MEMBERS
from oxl.settings import Settings, read_settings

BUCKETS = f"{BALANCE}/bucket"


@pytest.mark.parametrize(
    ("headers", "status"), [(MAX_HEADERS - 1000, 200), (MAX_HEADERS, 431)], ids=["just fits", "does not"]
)
async def test_headers_are_bounded(gate: Gate, alpha: Ground, headers: int, status: int) -> None:
    async with client(gate, ("X-Long", "x" * headers), credential=await new_key(alpha.tenant)) as http:
        assert (await http.get(BUCKETS)).status_code == status


async def test_paths_and_queries_are_bounded(gate: Gate, alpha: Ground) -> None:
    async with client(gate, credential=await new_key(alpha.tenant)) as http:
        room = MAX_PATH - len(BUCKETS) - 1
        assert (await http.get(f"{BUCKETS}/{'x' * room}")).status_code == 404
        long = await http.get(f"{BUCKETS}/{'x' * (room + 1)}")
        assert (long.status_code, long.json()["code"]) == (414, "pathTooLong")
        assert (await http.get(f"{BUCKETS}?name={'x' * 4092}")).status_code == 414


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2), 201),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, 400),
        ("[" * 100_000 + "]" * 100_000, 400),
        ("[" + ",".join(["1"] * MAX_MEMBERS) + "]", 201),
        ("[" + ",".join(["1"] * (MAX_MEMBERS + 1)) + "]", 400),
        ("{" + ",".join(f'"{n}":1' for n in range(MAX_MEMBERS + 1)) + "}", 400),
    ],
    ids=["deep", "too deep", "far too deep", "wide", "too wide", "too many names"],
)
async def test_bodies_are_bounded_in_depth_and_width(alpha: Ground, body: str, status: int) -> None:
    text = f'{{"searchCriteria": {{}}, "extension": {body}}}'
    async with client_of(alpha.tenant) as http:
        answer = await http.post(
            "/tmf-api/usageConsumption/v5/queryUsageConsumption",
            content=text, headers={"Content-Type": "application/json"},
        )  # fmt: skip
    assert answer.status_code == status, answer.text[:300]


async def test_line_119_a_caller_who_asks_too_often_is_told_when_to_come_again(
    database: Database, alpha: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1000.0]
    monkeypatch.setattr("oxl.identity.gate.time", SimpleNamespace(monotonic=lambda: at[0]))
    gate = gate_of(settings_of(database), database)
    async with client(gate, credential=await new_key(alpha.tenant, rate=5)) as http:
        answers = [await http.get(f"{BUCKETS}/nothing") for _ in range(20)]
        assert [answer.status_code for answer in answers] == [404] * 10 + [429] * 10
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].json()["code"] == "tooManyRequests"
        async with client(gate, credential=await new_key(alpha.tenant)) as other:
            assert (await other.get(BUCKETS)).status_code == 200
        at[0] += 1
        statuses = [(await http.get(f"{BUCKETS}/nothing")).status_code for _ in range(10)]
        assert statuses == [404] * 5 + [429] * 5


@given(
    rate=st.integers(1, 1000),
    gaps=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_a_burst_and_their_rate(rate: int, gaps: list[float]) -> None:
    rates, at, let_in = Rates(), 0.0, 0
    for gap in gaps:
        at += gap
        wait = rates.wait("who", rate, at)
        let_in += wait == 0
        if wait:
            assert 0 < wait <= 1 / rate + 1e-9
    assert let_in <= rate * 2 + rate * sum(gaps) + 1e-6


def test_strangers_without_number_take_no_memory_without_end() -> None:
    rates, believed = Rates(), Believed[int](5)
    for n in range(MOST + 100):
        rates.wait(n, 10, 0.0)
        believed.keep(n, n, 0.0)
    assert len(rates._buckets) == len(believed._found) == MOST
    assert believed.get(MOST, 4.9) == MOST
    assert believed.get(MOST, 5.1) is None


async def test_a_crowd_is_refused_fast_and_the_rest_is_served(database: Database, alpha: Ground) -> None:
    gate = gate_of(settings_of(database, inflight=10, rate=100_000), database)
    async with client(gate, credential=await new_key(alpha.tenant)) as http:
        answers = await asyncio.gather(*[http.get(BUCKETS) for _ in range(100)])
        statuses = {answer.status_code for answer in answers}
        assert statuses == {200, 503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert (refused.headers["retry-after"], refused.json()["code"]) == ("1", "overloaded")
        assert (await http.get(BUCKETS)).status_code == 200


async def test_who_listens_to_events_is_not_at_work(database: Database, alpha: Ground) -> None:
    gate = gate_of(settings_of(database, inflight=2, rate=100_000), database)
    key = await new_key(alpha.tenant)
    path = f"{CONSUMPTION}/usageConsumptionReport/live-{alpha.ada['logicalResource']['id']}/stream"
    headers = [(b"host", b"oxl.example"), (b"authorization", f"Bearer {key}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    hung_up, begun = asyncio.Event(), []

    async def receive() -> Any:
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        begun.extend([message["status"]] if "status" in message else [])

    listening = []
    for n in range(5):
        listening.append(asyncio.create_task(gate(dict(scope), receive, send)))
        await until(lambda n=n: len(begun) > n)
    assert begun == [200] * 5
    async with client(gate, credential=key) as http:
        assert (await http.get(BUCKETS)).status_code == 200
    hung_up.set()
    await asyncio.wait_for(asyncio.gather(*listening), PATIENCE)
    assert gate._inflight == 0


async def test_a_client_that_sends_too_slowly_is_given_up() -> None:
    async def never() -> Any:
        await asyncio.sleep(3600)

    async def drip() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Problem) as told:
        await patient(never, 0.02, None)()
    assert told.value.status == 408
    calm = patient(drip, PATIENCE, 0.1)
    with pytest.raises(Problem):
        await _drained(calm)
    calm = patient(drip, PATIENCE, None)
    for _ in range(10):  # of any length, as long as it comes
        await calm()


async def _drained(receive: Any) -> None:
    for _ in range(20):
        await receive()


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    async def stuck(_: Any) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(ClientGoneError):
        await taken(stuck, 0.02)({})


async def test_a_statement_that_takes_too_long_is_ended_by_the_database(database: Database, make_tenant: Any) -> None:
    name = (await make_tenant()).name
    await database.forget(name)
    short = Database(database.settings, database._owner, None)
    short.statement_seconds = 1
    tenant = await short.tenant(name)
    try:
        async with tenant.connection() as conn:
            with pytest.raises(Exception, match="statement timeout"):
                await conn.execute("select pg_sleep(3600)")
    finally:
        await tenant.close()
    assert limits_of(0) == {}


# ── what does not start ──


@pytest.mark.parametrize(
    ("told", "is_local", "why"),
    [
        ({}, False, "dev lets everybody in"),
        ({"auth": "required"}, False, "in the clear"),
        ({"auth": "required", "tls_cert": "a.pem"}, False, "without the other"),
        ({"issuers": "https://id.example"}, True, "audience"),
        ({"issuers": "http://id.example", "audience": "oxl"}, True, "no https"),
        ({"issuers": "https://id.example,https://id.example=a", "audience": "oxl"}, True, "twice"),
        ({"algorithms": "RS256,HS256"}, True, "HS256"),
        ({"algorithms": "none"}, True, "none"),
        ({"hosts": "alpha.example"}, True, "host=tenant"),
        ({"rate": 0}, True, "rate"),
        ({"inflight": 0}, True, "inflight"),
    ],
)
def test_what_is_not_safe_does_not_start_and_says_why(told: dict[str, Any], is_local: bool, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_settings(read_settings(**told), is_local)


def test_what_is_safe_starts() -> None:
    assert check_settings(Settings(), True).hosts == {}
    check_settings(Settings(auth="required", behind_proxy=True), False)
    check_settings(Settings(auth="required", tls_cert="a.pem", tls_key="b.pem"), False)
    rules = check_settings(Settings(issuers="https://a.example,https://b.example=beta", audience="oxl"), True)
    assert rules.reading.issuers == {"https://a.example": "", "https://b.example": "beta"}


# ── dev mode, and tenants by host name ──


async def test_dev_mode_answers_under_names_of_this_machine_only(database: Database, alpha: Ground) -> None:
    hosts = f"alpha.example={alpha.tenant.name}"
    gate = gate_of(settings_of(database, auth="dev", hosts=hosts, public_url="http://api.example:9000"), database)
    for host, status in (
        ("localhost:8080", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200), ("alpha.example", 200),
        ("api.example:9000", 200), ("evil.example", 421), ("localhost.evil.example", 421), ("", 421),
    ):  # fmt: skip
        async with client(gate, ("Host", host)) as http:
            assert (await http.get(BUCKETS)).status_code == status, host
    async with client(gate, ("Host", "alpha.example")) as http:
        assert (await http.get(f"/oxl/v1/subscriber/{alpha.ada['id']}")).status_code == 200
    async with client(gate, ("Host", "localhost")) as http:
        assert (await http.get(f"/oxl/v1/subscriber/{alpha.ada['id']}")).status_code == 404


async def test_a_host_name_binds_its_tenant(database: Database, alpha: Ground, beta: Ground) -> None:
    hosts = f"alpha.example={alpha.tenant.name},beta.example={beta.tenant.name}"
    gate = gate_of(settings_of(database, hosts=hosts), database)
    key = await new_key(alpha.tenant)
    for host, status in (
        ("alpha.example", 200),
        ("ALPHA.example:443", 200),
        ("else.example", 200),
        ("beta.example", 401),
    ):
        async with client(gate, ("Host", host), credential=key) as http:
            assert (await http.get(BUCKETS)).status_code == status, host


async def test_documents_are_for_everybody_and_resources_are_not(gate: Gate) -> None:
    async with client(gate) as http:
        assert (await http.get(f"{BALANCE}/openapi.json")).status_code == 200
        assert (await http.post(f"{BALANCE}/openapi.json")).status_code == 401
        for path in ("/nothing", f"{BALANCE}/nothing", f"{BALANCE}//bucket", "/tmf-api"):
            assert (await http.get(path)).status_code == 401, path


async def test_tenants_that_nobody_asks_for_are_closed(database: Database, make_tenant: Any) -> None:
    tenants = [await make_tenant() for _ in range(4)]
    own = Database(settings_of(database), database._owner, None)
    gate = gate_of(settings_of(database, tenants=2), own)
    keys = [await new_key(each) for each in tenants]
    for _ in range(2):
        for key in keys:
            async with client(gate, credential=key) as http:
                assert (await http.get(BUCKETS)).status_code == 200
            assert len(own._tenants) <= 2
    await asyncio.gather(*[_buckets(gate, key) for key in keys * 10])
    assert len(own._tenants) <= 2
    for each in list(own._tenants.values()):
        await each.close()


async def _buckets(gate: Gate, key: str) -> None:
    async with client(gate, credential=key) as http:
        answer: httpx.Response = await http.get(BUCKETS)
        assert answer.status_code == 200
