"""What an operator tries out: catalog files, replays, and sandboxes, which only some tenants are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from tests.conftest import BALANCE, DEMO_CATALOG, OPERATOR, client_of

from oxl.db import sandbox
from oxl.db.faults import NONE, Faults, faults_of, happens, text_of
from oxl.engines.billing import setup
from oxl.engines.billing.policy import Policy
from oxl.kernel.background import once
from oxl.operations.faults import Faulty

ACTION = f"{OPERATOR}/sandboxAction"


@pytest.fixture
async def back(tenant):
    """The tenant's clock as it was."""
    was = tenant.clock.frozen
    yield
    async with tenant.connection() as conn:
        await conn.execute("delete from tenant_clock")
    tenant.clock.frozen, tenant.clock.offset, tenant.faults = was, timedelta(0), NONE


async def test_files_are_checked_and_nothing_is_published(http) -> None:
    before = (await http.get(f"{OPERATOR}/pricePlan")).json()
    made = await http.post(f"{OPERATOR}/catalogCheck", json={"file": [{"path": "plans/x.yaml", "text": "plans: 1\n"}]})
    assert (made.status_code, made.json()["status"]) == (201, "faulty")
    problem = made.json()["problem"][0]
    assert (problem["file"], problem["line"]) == ("plans/x.yaml", 1)
    tax = {"path": "tax.yaml", "text": (DEMO_CATALOG / "tax.yaml").read_text("utf-8")}
    good = await http.post(f"{OPERATOR}/catalogCheck", json={"file": [tax]})
    assert (good.json()["status"], good.json()["problem"]) == ("good", [])
    assert (await http.get(f"{OPERATOR}/pricePlan")).json() == before
    for wrong in ([], [{"path": "../x", "text": ""}], [{"text": "plans: 1"}]):
        bad = await http.post(f"{OPERATOR}/catalogCheck", json={"file": wrong})
        assert bad.status_code == 400, bad.text


async def test_a_listener_is_told_again_and_no_other(http, tenant) -> None:
    await http.post(f"{OPERATOR}/hub", json={"callback": "https://listener.example/told"})
    listener = (await http.get(f"{OPERATOR}/hubListener")).json()[0]["id"]
    async with tenant.connection() as conn:
        await conn.execute("""
            insert into undelivered (subscription_id, event_id, xid, resource, resource_id, attempts, since, dead_at,
                                     status, reason)
            select $1, n, '1', 'subscriber', n, 1, now(), now(), 500, 'HTTP 500' from unnest(array['a', 'b', 'c']) n
        """, listener)  # fmt: skip
    one = {"hubListener": {"id": listener}, "deadLetter": {"id": f"{listener}.b"}}
    assert (await http.post(f"{OPERATOR}/eventReplay", json=one)).json()["number"] == 1
    rest = await http.get(f"{OPERATOR}/deadLetter")
    assert [each["eventId"] for each in rest.json()] == ["a", "c"]
    assert (await http.post(f"{OPERATOR}/eventReplay", json={"hubListener": {"id": listener}})).json()["number"] == 2
    since = {"hubListener": {"id": listener}, "startDateTime": "2026-06-15T00:00:00Z"}
    assert "number" not in (await http.post(f"{OPERATOR}/eventReplay", json=since)).json()
    for body, code in (
        ({"hubListener": {"id": "none"}}, "unknownListener"),
        ({"hubListener": {"id": listener}, "deadLetter": {"id": "other.b"}}, "invalidValue"),
    ):
        refused = await http.post(f"{OPERATOR}/eventReplay", json=body)
        assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert len((await http.get(f"{OPERATOR}/eventReplay")).json()) == 3


async def test_the_clock_only_goes_on(http, tenant, back) -> None:
    made = await http.post(ACTION, json={"kind": "moveClock"})
    assert (made.status_code, made.json()["state"]) == (201, "done")
    tenant.clock.frozen = None
    await tenant.refresh_clock()
    assert tenant.clock.now().date().isoformat() == "2026-06-30"  # the month ends at midnight in Berlin
    assert tenant.clock.now() >= datetime(2026, 6, 30, 22, 1, tzinfo=UTC)
    for until in ("2026-06-01T00:00:00Z", "2028-06-01T00:00:00Z"):
        refused = await http.post(ACTION, json={"kind": "moveClock", "until": until})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalidValue")
        assert refused.json()["message"].startswith("until: ")
    moved = await http.post(ACTION, json={"kind": "moveClock", "until": "2026-07-15T12:00:00Z"})
    assert moved.status_code == 201
    shown = (await http.get(f"{OPERATOR}/sandbox/sandbox")).json()
    assert (shown["id"], shown["isMarked"]) == ("sandbox", False)


async def test_the_operators_time_zone_is_told(http, tenant) -> None:
    async def told() -> str:
        return (await http.get(f"{OPERATOR}/sandbox/sandbox")).json()["timeZone"]

    before = await once(tenant, setup.policy_of)
    assert await told() == before.time_zone
    for policy in (Policy(time_zone="Asia/Tokyo"), before):
        text = msgspec.json.encode(policy).decode()
        await once(tenant, lambda work, text=text: setup.set_policy(work, text))
        assert await told() == policy.time_zone


async def test_faults_are_kept_and_taken_back(http, tenant, back) -> None:
    wanted = {"errorShare": 1, "errorStatus": 502, "duplicateShare": 0.5}
    assert (await http.post(ACTION, json={"kind": "setFaults", "faults": wanted})).status_code == 201
    assert (await http.get(f"{OPERATOR}/sandbox/sandbox")).json()["faults"] == wanted
    await tenant.refresh_clock()
    async with client_of(tenant) as inside:
        faulty = Faulty(inside._transport.app, tenant)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(faulty), base_url="http://oxl.example") as client:
            failed = await client.get(f"{BALANCE}/bucket")
            assert (failed.status_code, failed.json()["code"]) == (502, "injectedFault")
            assert (await client.get(f"{OPERATOR}/subscriber")).status_code == 200
            assert (await http.post(ACTION, json={"kind": "setFaults"})).status_code == 201
            await tenant.refresh_clock()
            assert (await client.get(f"{BALANCE}/bucket")).status_code == 200
    for wrong in ({"errorShare": 2}, {"duplicateShare": -1}, {"errorStatus": 404}, {"eventDelay": 99_999}):
        refused = await http.post(ACTION, json={"kind": "setFaults", "faults": wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalidValue")
        assert f"faults.{next(iter(wrong))}" in refused.json()["message"]


async def test_only_sandboxes_are_played_with_where_keys_are_required(http, tenant, back, monkeypatch) -> None:
    monkeypatch.setenv("OXL_AUTH", "required")
    for kind in ("moveClock", "setFaults", "resetDemo"):
        refused = await http.post(ACTION, json={"kind": kind})
        assert (refused.status_code, refused.json()["code"]) == (409, "notASandbox")
    async with tenant.connection() as conn:
        await sandbox.mark(conn, True)
    asked = await http.post(ACTION, json={"kind": "resetDemo", "subscribers": 10, "records": 0})
    assert (asked.status_code, asked.json()["state"]) == (201, "acknowledged")
    async with tenant.connection() as conn:
        found = await sandbox.unfinished(conn)
        assert found is not None
        assert found.id == asked.json()["id"]
        await sandbox.tell(conn, found.id, "done", "as a worker would")
        await sandbox.mark(conn, False)
    assert (await http.post(ACTION, json={"kind": "setFaults"})).status_code == 409


def test_faults_are_read_as_they_are_written_and_happen_by_their_share() -> None:
    for faults in (NONE, Faults(error_share=0.25, event_delay=10), Faults(duplicate_share=1.0)):
        assert faults_of(text_of(faults)) == faults
    assert not any(happens(0) for _ in range(100))
    assert all(happens(1) for _ in range(100))
