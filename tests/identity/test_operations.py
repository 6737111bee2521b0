"""Health, figures, traces and logs, as an installation shows them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE
from tests.identity.conftest import Ground, client, new_key, settings_of

from oxl.app import served_by
from oxl.db.database import Database, Tenant
from oxl.operations import logs
from oxl.operations.watch import drain_mark

TRACE = "0af7651916cd43dd8448eb211c80319c"
BUCKETS = f"{BALANCE}/bucket"


def served(database: Database, **more: Any) -> Any:
    return served_by(settings_of(database, **more), database)


def asking(app: Any, credential: str = "", **headers: str) -> httpx.AsyncClient:
    return client(app, *headers.items(), credential=credential)


async def test_line_116_health_tells_of_the_database_and_metrics_of_requests_and_events(
    database: Database, alpha: Ground
) -> None:
    app, key = served(database), await new_key(alpha.tenant)
    async with asking(app, key) as http:
        assert (await http.get("/health/live")).json() == {"status": "pass"}
        assert (await http.get("/health/ready")).status_code == 200
        assert (await http.get(BUCKETS)).status_code == 200
        assert (await http.get(f"{BUCKETS}/12345")).status_code == 404
        made = await http.post("/oxl/v1/hub", json={"callback": "https://listener.example/a"})
        assert made.status_code == 201
        shown = await http.get("/metrics")
        assert shown.headers["content-type"].startswith("text/plain")
        assert (
            f'http_server_request_duration_seconds_count{{method="GET",route="{BUCKETS}",status="200"}}' in shown.text
        )
        assert f'route="{BUCKETS}/{{id}}",status="404"' in shown.text
        assert 'oxl_events{type="SubscriberCreateEvent"}' in shown.text
        assert "12345" not in shown.text
    absent = Database(settings_of(database), database._owner | {"port": 1}, None)
    absent._tenants = {alpha.tenant.name: _nowhere(alpha)}
    async with asking(served_by(settings_of(database), absent)) as http:
        down = await http.get("/health/ready")
        assert (down.status_code, down.json()["status"]) == (503, "fail")
        assert (await http.get("/health/live")).status_code == 200


def _nowhere(alpha: Ground) -> Any:
    return Tenant(alpha.tenant.name, alpha.tenant._connect | {"port": 1}, 1)


async def test_figures_are_for_operators_where_credentials_are_required(database: Database, alpha: Ground) -> None:
    app = served(database)
    reader, narrow = [await new_key(alpha.tenant, scopes=[scope]) for scope in ("*:read", "TMF654:read")]
    for credential, status in (("", 401), (await new_key(alpha.tenant, "partner"), 403), (narrow, 403), (reader, 200)):
        async with asking(app, credential) as http:
            assert (await http.get("/metrics")).status_code == status
            assert (await http.get("/health/ready")).status_code == 200
    async with asking(served(database, metrics_open=True)) as http:
        assert (await http.get("/metrics")).status_code == 200


async def test_a_server_that_is_being_stopped_says_so_and_still_answers(
    database: Database, alpha: Ground, tmp_path: Path
) -> None:
    app, key = served(database, data=tmp_path), await new_key(alpha.tenant)
    async with asking(app, key) as http:
        assert (await http.get("/health/ready")).status_code == 200
        drain_mark(tmp_path, settings_of(database).port).touch()
        assert (await http.get("/health/ready")).status_code == 503
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get(BUCKETS)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
        {"X-B3-TraceId": TRACE, "X-B3-SpanId": "b7ad6b7169203331", "X-B3-Sampled": "1"},
        {"b3": f"{TRACE}-b7ad6b7169203331-1"},
    ],
    ids=["w3c", "b3 of several", "b3 of one"],
)
async def test_line_117_a_trace_from_outside_is_in_events_audit_and_logs(
    database: Database, alpha: Ground, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    app, key = served(database), await new_key(alpha.tenant)
    caplog.set_level(logging.INFO, "oxl.request")
    number = {"w": "4915550000701", "b": "4915550000702", "X": "4915550000703"}[
        next(iter(headers))[0].replace("t", "w")
    ]
    body = {
        "party": {"name": "Cy"}, "logicalResource": {"value": number}, "productOffering": {"id": "prepaid-m"},
        "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
    }  # fmt: skip
    async with asking(app, key, **headers) as http:
        made = await http.post("/oxl/v1/subscriber", json=body)
        assert made.status_code == 201, made.text
        records = (await http.get(f"/oxl/v1/auditRecord?resourceId={made.json()['id']}")).json()
        assert [each["traceId"] for each in records] == [TRACE]
    assert {record.trace_id for record in caplog.records if record.name == "oxl.request"} == {TRACE}  # type: ignore[attr-defined]
    async with alpha.tenant.connection() as conn:
        kept = await conn.fetch("select trace from outbox where resource_id = $1", made.json()["id"])
        assert [row["trace"] for row in kept] == [TRACE]


async def test_no_log_holds_what_was_sent(
    database: Database, alpha: Ground, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, key = served(database), await new_key(alpha.tenant)
    caplog.set_level(logging.DEBUG)
    number, name, code = "4915559998877", "Canary-Xq7", "9XK2-M4TR-77QP"
    async with asking(app, key) as http:
        await http.get(f"{BUCKETS}?name={name}")
        await http.get(f"/tmf-api/usageConsumption/v5/usageConsumptionReport/live-{number}")
        await http.post(f"{BALANCE}/topupBalance", json={"voucher": code, "description": name})
        await http.post("/oxl/v1/subscriber", json={"party": {"name": name}, "logicalResource": {"value": number}})

        async def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError(f"Key (number)=({number}) code {code} of {key} already exists")

        monkeypatch.setattr("oxl.kernel.select.page", broken)
        assert (await http.get(BUCKETS)).status_code == 500
    for form in (logs.Plain(), logs.Json()):
        told = "\n".join(form.format(record) for record in caplog.records if not record.name.startswith("http"))
        assert "already exists" in told
        for secret in (number, name, code, key, key.rpartition(".")[2]):
            assert secret not in told, secret


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("from +49 155 50001234 on", "from <number> on"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer …"),
        ("postgresql://oxl:s3cret@db.example/oxl", "postgresql://oxl:…@db.example/oxl"),
        ("password='hunter2'", "password='…'"),
        ("id 019ecb27-2200-7059-8a48-0c1b889cae45", "id 019ecb27-2200-7059-8a48-0c1b889cae45"),
        ("took 1234567 µs", "took 1234567 µs"),
    ],
)
def test_what_is_secret_is_taken_out_and_ids_are_not(said: str, kept: str) -> None:
    assert logs.scrubbed(said) == kept


def test_json_lines_are_whole_and_say_what_programs_ask_for() -> None:
    record = logging.makeLogRecord(
        {"name": "oxl.request", "levelname": "INFO", "msg": "a\nb", "trace_id": TRACE, "ms": 1.5}
    )
    told = json.loads(logs.Json().format(record))
    assert told["trace_id"] == TRACE
    assert told["ms"] == 1.5
    assert told["msg"] == "a\nb"
    assert "\n" not in logs.Json().format(record)
