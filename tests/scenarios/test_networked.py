"""OXL as it is put on a network: what does not start, keys and tenants while it serves, and how it is stopped."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from tests.conftest import BALANCE, OPERATOR
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_gone, until_serving
from tests.waiting import PATIENCE, until, until_now

BUCKETS = f"{BALANCE}/bucket"
READY = "/health/ready"


def asked(url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    return httpx.get(f"{url}{BUCKETS}", headers=headers, timeout=PATIENCE)


def key_of(cli: Cli, *words: str) -> str:
    told = cli.run("key", "create", *words).splitlines()
    return next(line.strip() for line in told if line.startswith("oxl."))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "lets everybody in as an operator"),
        ({"OXL_AUTH": "required"}, "in the clear"),
        ({"OXL_AUTH": "required", "OXL_TLS_CERT": "a.pem"}, "without the other"),
        ({"OXL_AUTH": "off"}, "OXL_AUTH"),
    ],
)
def test_what_is_not_safe_refuses_to_start_and_says_why(folder: Path, settings: dict[str, str], why: str) -> None:
    cli = Cli(folder / "data")
    cli.environment |= settings
    server = cli.start("serve", "--host", "0.0.0.0", "--port", str(free_port()))  # noqa: S104 - it must not
    told = server.communicate()[0]
    assert server.returncode == 1, told
    assert why in " ".join(told.split())
    assert not (folder / "data").exists()


def test_keys_and_tenants_are_made_while_it_serves_and_backups_prove_themselves(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.environment |= {"OXL_AUTH": "required"}
    cli.run("seed", "conformance")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = cli.start("serve", "--port", str(port))
    until_serving(url, server, READY)
    assert asked(url).status_code == 401
    key = key_of(cli, "kit")
    mine = {"Authorization": f"Bearer {key}"}
    assert asked(url, mine).status_code == 200
    cli.run("tenant", "create", "alpha")
    assert cli.run("tenant", "list").split()[-2:] == ["alpha", "default"]
    theirs = {"X-API-Key": key_of(cli, "alpha's", "--tenant", "alpha")}
    answer = asked(url, theirs)
    assert (answer.status_code, answer.json()) == (200, [])
    assert "good" in cli.run("key", "list")
    cli.run("key", "revoke", key.split(".")[2])
    until_now(lambda: asked(url, mine).status_code == 401)
    assert "unbroken" in cli.run("audit", "verify")
    cli.run("backup", str(folder / "all.tar.gz"))
    cli.run("tenant", "export", "alpha", str(folder / "alpha.tar.gz"))
    assert "--yes" in cli.start("tenant", "erase", "alpha").communicate()[0]
    cli.run("tenant", "erase", "alpha", "--yes")
    until_now(lambda: asked(url, theirs).status_code == 401)
    told = server.end()
    assert server.returncode == 0, told
    other = Cli(folder / "other")
    told = other.run("restore", str(folder / "all.tar.gz"))
    assert "2 tenants" in told
    assert other.run("tenant", "list").split()[-2:] == ["alpha", "default"]
    assert "every balance equals its transfers" in other.run("doctor")
    until_gone(folder)


async def test_line_118_who_is_stopped_under_load_loses_nothing_and_cuts_nobody_off(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.environment |= {"OXL_DRAIN_SECONDS": "12", "OXL_RATE": "100000"}
    cli.run("seed", "conformance")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = cli.start("serve", "--port", str(port), "--workers", "2")
    await asyncio.to_thread(until_serving, url, server, READY)
    answered: list[int] = []
    plain = ssl.create_default_context()  # once: what it costs is not what the load is for

    async def ask(n: int) -> None:
        body = {"amount": {"amount": 0.01, "units": "EUR"}, "bucket": {"id": "11"}, "description": f"load {n}"}
        while True:
            async with httpx.AsyncClient(timeout=PATIENCE, verify=plain) as http:  # a new connection each time
                try:
                    answered.append((await http.post(f"{url}{BALANCE}/topupBalance", json=body)).status_code)
                except (httpx.NetworkError, httpx.RemoteProtocolError):
                    return  # nobody took it: were it cut off at work, it would be done and not answered
            await asyncio.sleep(0.02)

    load = [asyncio.create_task(ask(n)) for n in range(8)]
    await until(lambda: len(answered) >= 200)
    server.send_signal(signal.SIGTERM)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:

        async def unready() -> bool:
            answer = await http.get("/health/ready")
            return answer.status_code == 503 and "is being stopped" in answer.text

        await until(unready)
        before = len(answered)
        assert (await http.get("/health/live")).status_code == 200
    await asyncio.gather(*load)
    told = (await asyncio.to_thread(server.communicate))[0]
    assert server.returncode == 0, told
    assert len(answered) > before, "nothing was answered any more though it was still being drained"
    assert set(answered) == {201}
    again = cli.start("serve", "--port", str(port))
    await asyncio.to_thread(until_serving, url, again, READY)
    query = f"{url}{BALANCE}/topupBalance?limit=1&filter=$[?(@.amount.amount==0.01)]"
    kept = httpx.get(query, headers={"Prefer": "count=exact"}, timeout=PATIENCE)
    assert int(kept.headers["x-total-count"]) == len(answered), "what was answered is what was done"
    assert httpx.get(f"{url}{OPERATOR}/auditRecord?limit=1", timeout=PATIENCE).status_code in (200, 206)
    again.end()
    until_gone(folder)
