"""The OWASP API Security Top 10 of 2023, each as an attack over HTTP. What other files prove is named at its line.

API1 objects of others: test_sight, test_matrix · API2 authentication: test_tokens · API4 resources: test_limits, and
here · API5 functions of others: test_matrix, and here · API8 misconfiguration: test_limits (what does not start), here.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from tests.conftest import BALANCE, CONSUMPTION, OPERATOR, USAGE, usage_body
from tests.identity.conftest import Ground, client, new_key, party
from tests.waiting import PATIENCE

from oxl.apis import APIS
from oxl.identity.gate import Gate
from oxl.outbox.callbacks import resolve
from oxl.outbox.sending import put

INSIDE = (
    "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
    "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0/", "https://169.254.169.254/latest",
    "https://[fd00:ec2::254]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/", "https://10.0.0.1/",
    "https://192.168.1.1/", "https://[fe80::1]/", "https://user@public.example/",
    "file:///etc/passwd", "gopher://public.example/", "https://public.example\\@10.0.0.1/", "//public.example/",
)  # fmt: skip


@pytest.fixture(scope="module")
async def operator(gate: Gate, alpha: Ground) -> AsyncIterator[httpx.AsyncClient]:
    async with client(gate, credential=await new_key(alpha.tenant)) as http:
        yield http


async def _main(http: httpx.AsyncClient, line: dict[str, Any]) -> dict[str, Any]:
    found = await http.get(f"{BALANCE}/bucket?partyAccount.id={line['billingAccount']['id']}&usageType=monetary")
    return found.json()[0]


# ── API3: attributes that are not the client's ──


@pytest.mark.parametrize(
    ("path", "set_by_server"),
    [
        (f"{BALANCE}/topupBalance", {"id": "mine", "href": "https://evil.example", "status": "completed"}),
        (
            f"{BALANCE}/topupBalance",
            dict.fromkeys(("requestedDate", "confirmationDate"), "1999-01-01T00:00:00Z"),
        ),
        (f"{BALANCE}/reserveBalance", {"status": "cancelled", "statusReason": "x"}),
    ],
)
async def test_api3_what_the_server_sets_is_not_set_by_a_body(
    operator: httpx.AsyncClient, alpha: Ground, path: str, set_by_server: dict[str, Any]
) -> None:
    main = await _main(operator, alpha.ada)
    body = {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": main["id"]}}
    credit = await operator.post(f"{BALANCE}/topupBalance", json=body)
    assert credit.status_code == 201
    made = await operator.post(path, json=body | set_by_server)
    assert made.status_code == 201, made.text
    for name, value in set_by_server.items():
        assert made.json().get(name) != value or (name, value) == ("status", "completed"), name


async def test_api3_a_patch_moves_nothing_to_somebody_else_and_makes_nobody_rich(
    gate: Gate, operator: httpx.AsyncClient, alpha: Ground
) -> None:
    main, theirs = await _main(operator, alpha.ada), await _main(operator, alpha.bob)
    body = {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": main["id"]}}
    made = (await operator.post(f"{BALANCE}/topupBalance", json=body)).json()
    key = await new_key(alpha.tenant, "subscriber", party(alpha.ada), scopes=["tmf:read", "tmf:write"])
    async with client(gate, credential=key) as ada:
        for change in (
            {"amount": {"amount": 1000, "units": "EUR"}}, {"bucket": {"id": theirs["id"]}}, {"id": "mine"},
            {"partyAccount": {"id": alpha.bob["billingAccount"]["id"]}},
        ):  # fmt: skip
            answer = await ada.patch(f"{BALANCE}/topupBalance/{made['id']}", json=change)
            assert answer.status_code in (400, 403, 409), (change, answer.text)
        assert (
            await ada.patch(f"{BALANCE}/bucket/{main['id']}", json={"remainingValue": {"amount": 9}})
        ).status_code == 403
    assert (await operator.get(f"{BALANCE}/topupBalance/{made['id']}")).json() == made


# ── API4 and API6: what costs much, and what starves others ──


@pytest.mark.parametrize(
    "query",
    [
        "limit=1000000000", "offset=999999999", "name.regex=(a%2B)%2B%24", "filter=$..*", "filter=$[?(@.a=~/(a|a)*b/)]",
        "sort=-name,-name,-name,-name,-name,-name", "name=" + ",".join("x" * 3 for _ in range(900)),
        "&".join(f"name.ne=x{n}" for n in range(200)),
    ],
)  # fmt: skip
async def test_api4_no_query_costs_more_than_it_may(operator: httpx.AsyncClient, query: str) -> None:
    async with asyncio.timeout(PATIENCE):  # what is not bounded takes for ever
        answer = await operator.get(f"{BALANCE}/bucket?{query}")
    assert answer.status_code in (200, 206, 400, 414, 501), answer.text


async def test_api6_codes_are_not_guessed_for_long(operator: httpx.AsyncClient, alpha: Ground) -> None:
    main = await _main(operator, alpha.bob)
    codes = []
    for n in range(25):
        body = {"voucher": f"{n:016d}", "bucket": {"id": main["id"]}}
        codes.append((await operator.post(f"{BALANCE}/topupBalance", json=body)).json()["code"])
    assert codes[0] == "voucherInvalid"
    assert codes[-1] == "voucherLocked"


# ── API7: where OXL is made to call ──


@pytest.mark.parametrize("address", INSIDE)
async def test_api7_no_subscription_and_no_export_leads_inside(
    gate: Gate, alpha: Ground, operator: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oxl.outbox.callbacks.Guard.dev", False, raising=False)
    hub = await operator.post(f"{BALANCE}/hub", json={"callback": address})
    on_loopback = hub.status_code == 201  # a server on loopback calls loopback, and nothing else inside
    if on_loopback:
        host = httpx.URL(address).host
        found = await resolve(host, 80)
        assert all(ipaddress.ip_address(each).is_loopback or each.is_loopback for each in found), address
    else:
        assert hub.status_code == 400, hub.text
    job = await operator.post(f"{USAGE.removesuffix('productUsage')}exportJob", json={"url": address})
    assert job.status_code in (201, 400), job.text
    if job.status_code == 201:  # it fails without having called anybody
        assert job.json()["status"] == "Not Started"


async def test_api7_an_export_follows_nobody_to_another_address(tmp_path: Path) -> None:
    came: list[str] = []

    async def lead_away(request: web.Request) -> web.Response:
        came.append(request.path)
        await request.read()
        return web.Response(status=307, headers={"Location": str(request.url.with_path("/inside"))})

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", lead_away)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    file = tmp_path / "a"
    file.write_bytes(b"x" * 3_000_000)
    try:
        with pytest.raises(OSError, match="HTTP 307"):
            await put(file, f"http://127.0.0.1:{runner.addresses[0][1]}/in/a", 10)
    finally:
        await runner.cleanup()
    assert came == ["/in/a"]
    for inside in ("https://169.254.169.254/in/a", "https://[fd00:ec2::254]/in/a"):
        with pytest.raises(OSError, match="does not call"):
            await put(file, inside, 2)


# ── API8 and API9: what an answer tells, and what is served ──


async def test_api8_answers_tell_nothing_of_the_inside(
    operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("select secret from place /srv/oxl")

    monkeypatch.setattr("oxl.kernel.select.page", broken)
    answer = await operator.get(f"{BALANCE}/bucket", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 500
    assert not [word for word in ("secret", "/srv", "Traceback", "asyncpg", "RuntimeError") if word in answer.text]
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers
    monkeypatch.undo()
    for method in ("TRACE", "CONNECT", "OPTIONS", "PUT", "PROPFIND"):
        answer = await operator.request(method, f"{BALANCE}/bucket")
        assert (answer.status_code, answer.json()["@type"]) == (405, "Error"), method


async def test_api9_what_is_served_is_what_is_published(operator: httpx.AsyncClient) -> None:
    for api in APIS:
        published = (await operator.get(f"{api.base}/openapi.json")).json()["paths"]
        for resource in api.resources:
            assert any(path.endswith(f"/{resource.name}") for path in published), resource.name
        for leftover in ("v1", "v2", "v3", "v6", "admin", "debug", "metrics", "internal"):
            base = api.base.rpartition("/")[0]
            if f"{base}/{leftover}" not in {each.base for each in APIS}:
                answer = await operator.get(f"{base}/{leftover}/{api.resources[0].name}")
                assert answer.status_code == 404, answer.url


# ── API10: what others send ──


@pytest.mark.parametrize(
    "raw",
    [b'{"amount": NaN}', b'{"amount": 1e400}', b'{"amount": {"amount": 1E+1000000, "units": "EUR"}}', b"\xff\xfe",
     b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b'{"amount": 1, "amount": 2}', b'{"__proto__": {"x": 1}}', b"[]", b""],
)  # fmt: skip
async def test_api10_what_others_send_is_never_an_error_of_ours(operator: httpx.AsyncClient, raw: bytes) -> None:
    for path in (f"{BALANCE}/topupBalance", USAGE, f"{CONSUMPTION}/queryUsageConsumption", f"{OPERATOR}/subscriber"):
        answer = await operator.post(path, content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 400, 409, 422), answer.text


async def test_injected_text_stays_text(operator: httpx.AsyncClient, alpha: Ground) -> None:
    for text in (
        "'; drop table bucket; --",
        '" or 1=1 --',
        "$$; select 1; $$",
        "%27%20or%201%3D1",
        "${7*7}",
        "{{7*7}}",
    ):
        for query in ({"name": text}, {"filter": f"$[?(@.name=='{text}')]"}, {"sort": text}, {"fields": text}):
            answer = await operator.get(f"{BALANCE}/bucket", params=query)
            assert answer.status_code in (200, 206, 400), answer.text
            if "name" in query:
                assert answer.json() == []
    number = alpha.ada["logicalResource"]["value"]
    made = await operator.post(USAGE, json=usage_body("sms", number, destinationPhoneNumber="'; delete from usage; --"))
    assert made.status_code in (201, 400), made.text
    assert (await operator.get(f"{BALANCE}/bucket")).json()
