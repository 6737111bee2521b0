"""`oxl serve`: the printed walk works as pasted, a restart finds everything, and nothing outlives the command."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION, OPERATOR
from tests.scenarios.commands import Cli


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_serving(url: str, process: subprocess.Popen[str]) -> float:
    """Seconds until the server answers."""
    began = time.monotonic()
    while time.monotonic() < began + 60:
        assert process.poll() is None, process.communicate()[0]
        try:
            if httpx.get(f"{url}{OPERATOR}/product?limit=1").status_code < 300:
                return time.monotonic() - began
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def running(data: Path) -> list[str]:
    """The processes that name the data folder in their command line."""
    found = subprocess.run(["pgrep", "-af", str(data)], capture_output=True, text=True, check=False).stdout
    return found.splitlines()


def until_gone(data: Path) -> None:
    end = time.monotonic() + 20
    while running(data):
        assert time.monotonic() < end, running(data)
        time.sleep(0.1)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: apt-get install curl")
def test_the_walk_works_and_a_restart_finds_everything(folder: Path) -> None:
    cli = Cli(folder / "data")
    told = cli.run("seed", "demo", "--subscribers", "20", "--records", "500")
    assert "the ledger adds up" in told
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = cli.start("serve", "--port", str(port))
    until_serving(url, server)
    bucket = httpx.get(f"{url}{BALANCE}/bucket?usageType=monetary").json()[0]["id"]
    server.send_signal(signal.SIGTERM)
    told = server.communicate(timeout=30)[0]
    assert server.returncode == 0, told
    lines = [line for line in told.splitlines() if line.startswith("curl")]
    assert len(lines) == 5

    server = cli.start("serve", "--port", str(port))
    assert until_serving(url, server) < 20
    assert httpx.get(f"{url}{BALANCE}/bucket/{bucket}").status_code == 200
    answers = [
        json.loads(subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout) for line in lines
    ]
    used = [_used(answers[n], "100 minutes") for n in (0, 2)]
    assert round((used[1] - used[0]) * 60) == 300
    assert answers[1]["status"] == "rated"
    assert answers[3]["status"] == "completed"
    assert answers[4]["id"] == answers[3]["bucket"]["id"]
    again = httpx.post(f"{url}{BALANCE}/topupBalance", json={"amount": {"amount": 1}, "bucket": {"id": bucket}})
    assert again.status_code == 400
    assert "amount.units" in again.json()["message"]
    server.kill()  # kill -9: children and database must go by themselves
    server.communicate(timeout=30)
    until_gone(folder)


def _used(report: dict, name: str) -> float:
    (bucket,) = [bucket for bucket in report["bucket"] if bucket["name"] == name]
    return bucket["bucketCounter"][0]["value"]["amount"]


def test_the_server_comes_through_a_kill_of_its_database(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.run("seed", "conformance")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = cli.start("serve", "--port", str(port), "--workers", "2")
    until_serving(url, server)
    credit = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": "11"}}
    headers = {"Idempotency-Key": "before the kill"}
    first = httpx.post(f"{url}{BALANCE}/topupBalance", json=credit, headers=headers)
    assert first.status_code == 201
    cli.kill_server()
    end = time.monotonic() + 30
    while True:
        answer = httpx.post(f"{url}{BALANCE}/topupBalance", json=credit, headers=headers)
        if answer.status_code == 201:
            break
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert time.monotonic() < end
        time.sleep(0.1)
    assert answer.json() == first.json()
    bucket = httpx.get(f"{url}{BALANCE}/bucket/11").json()
    assert bucket["remainingValue"] == {"amount": 1005, "units": "EUR"}
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)
    until_gone(folder)


def test_a_second_command_joins_the_running_server(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.run("seed", "conformance")
    port = free_port()
    server = cli.start("serve", "--port", str(port))
    until_serving(f"http://127.0.0.1:{port}", server)
    shown = cli.run("subscriber", "show", "4915559990001")
    assert re.search(r"100 minutes\s+│ 100 min", shown), shown
    changed = cli.run("subscriber", "suspend", "4915559990001")
    assert "suspended" in changed
    answer = httpx.get(f"http://127.0.0.1:{port}{CONSUMPTION}/usageConsumptionReport/live-4915559990001").json()
    assert {bucket["status"] for bucket in answer["bucket"] if bucket["name"] != "Main balance"} == {"suspended"}
    assert "every balance equals its transfers" in cli.run("doctor")
    taken = cli.start("serve", "--port", str(port))
    told = taken.communicate(timeout=30)[0]
    assert taken.returncode == 1
    assert "choose another with --port" in told
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)


def test_a_stopped_server_leaves_nothing_behind(folder: Path) -> None:
    cli = Cli(folder / "data")
    port = free_port()
    server = cli.start("serve", "--port", str(port))
    until_serving(f"http://127.0.0.1:{port}", server)
    server.send_signal(signal.SIGINT)
    told = server.communicate(timeout=30)[0]
    assert server.returncode == 0, told
    until_gone(folder)
