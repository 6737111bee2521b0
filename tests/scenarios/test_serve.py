"""`oxl serve`: the printed walk works as pasted, a restart finds everything, and nothing outlives the command."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_gone, until_serving
from tests.waiting import PATIENCE, until_now


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: apt-get install curl")
def test_the_walk_works_and_a_restart_finds_everything(folder: Path) -> None:
    cli = Cli(folder / "data")
    told = cli.run("seed", "demo", "--subscribers", "20", "--records", "500")
    assert "the ledger adds up" in told
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = cli.start("serve", "--port", str(port))
    until_serving(url, server)
    bucket = httpx.get(f"{url}{BALANCE}/bucket?usageType=monetary", timeout=PATIENCE).json()[0]["id"]
    told = server.end()
    assert server.returncode == 0, told
    lines = [line for line in told.splitlines() if line.startswith("curl")]
    assert len(lines) == 5

    server = cli.start("serve", "--port", str(port))
    until_serving(url, server)
    assert httpx.get(f"{url}{BALANCE}/bucket/{bucket}", timeout=PATIENCE).status_code == 200
    answers = [
        json.loads(subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout) for line in lines
    ]
    used = [_used(answers[n], "100 minutes") for n in (0, 2)]
    assert round((used[1] - used[0]) * 60) == 300
    assert answers[1]["status"] == "rated"
    assert answers[3]["status"] == "completed"
    assert answers[4]["id"] == answers[3]["bucket"]["id"]
    short = {"amount": {"amount": 1}, "bucket": {"id": bucket}}
    again = httpx.post(f"{url}{BALANCE}/topupBalance", json=short, timeout=PATIENCE)
    assert again.status_code == 400
    assert "amount.units" in again.json()["message"]
    server.kill()  # kill -9: children and database must go by themselves
    server.communicate()
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
    first = httpx.post(f"{url}{BALANCE}/topupBalance", json=credit, headers=headers, timeout=PATIENCE)
    assert first.status_code == 201
    cli.kill_server()

    def again() -> httpx.Response | None:
        answer = httpx.post(f"{url}{BALANCE}/topupBalance", json=credit, headers=headers, timeout=PATIENCE)
        if answer.status_code == 201:
            return answer
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        return None

    answer = until_now(again, 2 * PATIENCE)
    assert answer is not None
    assert answer.json() == first.json()

    def bucket_11() -> Any:
        shown = httpx.get(f"{url}{BALANCE}/bucket/11", timeout=PATIENCE)  # perhaps by the other worker
        assert shown.status_code in (200, 503)
        return shown.json() if shown.status_code == 200 else None

    bucket = until_now(bucket_11)
    assert bucket["remainingValue"] == {"amount": 1005, "units": "EUR"}
    server.end()
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
    answer = httpx.get(
        f"http://127.0.0.1:{port}{CONSUMPTION}/usageConsumptionReport/live-4915559990001", timeout=PATIENCE
    ).json()
    assert {bucket["status"] for bucket in answer["bucket"] if bucket["name"] != "Main balance"} == {"suspended"}
    assert "every balance equals its transfers" in cli.run("doctor")
    taken = cli.start("serve", "--port", str(port))
    told = taken.communicate()[0]
    assert taken.returncode == 1
    assert "choose another with --port" in told
    server.end()


def test_a_stopped_server_leaves_nothing_behind(folder: Path) -> None:
    cli = Cli(folder / "data")
    port = free_port()
    server = cli.start("serve", "--port", str(port))
    until_serving(f"http://127.0.0.1:{port}", server)
    told = server.end(signal.SIGINT)
    assert server.returncode == 0, told
    until_gone(folder)
