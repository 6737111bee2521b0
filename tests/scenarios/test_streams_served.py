"""The stream of a live report through a real server: it tells, and holds up nobody's stop."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from tests.conftest import CONSUMPTION, OPERATOR, USAGE, usage_body
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_gone, until_serving
from tests.waiting import PATIENCE


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def used(report: dict[str, Any]) -> Any:
    (data,) = [each for each in report["bucket"] if each["usageType"] == "data"]
    return data["bucketCounter"][0]["value"]["amount"]


def test_a_stream_tells_and_ends_with_the_server(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.run("seed", "conformance")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = cli.start("serve", "--port", str(port))
    until_serving(url, server)
    with httpx.Client(base_url=url, timeout=PATIENCE) as http:
        number = http.get(f"{OPERATOR}/subscriber").json()[0]["logicalResource"]["value"]
        with http.stream("GET", f"{CONSUMPTION}/usageConsumptionReport/live-{number}/stream") as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            told = events(stream.iter_lines())
            before = used(next(told))
            start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            body = usage_body("data", number, start=start, volume=100, volumeUnit="MB")
            with httpx.Client(base_url=url, timeout=PATIENCE) as other:
                assert other.post(USAGE, json=body).json()["status"] == "rated"
            assert round(used(next(told)) - before, 6) == 0.1
            server.send_signal(signal.SIGTERM)
            assert list(told) == []
    server.communicate()
    until_gone(cli.data)
