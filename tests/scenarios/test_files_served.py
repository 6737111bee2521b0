"""Files through a real server and its worker: exported, put into the watched folder, sent back in one request."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx
from tests.conftest import USAGE
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_gone, until_serving
from tests.waiting import PATIENCE, until_now

JOBS = USAGE.removesuffix("productUsage") + "exportJob"


def test_what_is_exported_is_fetched_watched_and_sent_back(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.run("seed", "demo", "--subscribers", "10", "--records", "400")
    watched = folder / "in" / "default"
    watched.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    cli.environment |= {"OXL_IMPORTS": str(folder / "in"), "OXL_EXPORTS": str(folder / "out")}
    server = cli.start("serve", "--port", str(port))
    until_serving(url, server)
    with httpx.Client(base_url=url, timeout=PATIENCE) as http:
        job = http.post(JOBS, json={"@type": "ExportJob", "contentType": "application/x-ndjson"}).json()
        place = f"{JOBS}/{job['id']}"
        until_now(lambda: http.get(place).json()["status"] == "Succeeded")
        job = http.get(place).json()
        assert job["url"] == f"{url}{place}/content"
        content = http.get(job["url"]).content
        assert job["checksum"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        records = len(content.splitlines())
        assert records == job["recordCount"] > 300

        answer = http.post(f"{USAGE}/import", content=content, headers={"Content-Type": "application/x-ndjson"})
        outcomes = [json.loads(line)["outcome"] for line in answer.content.splitlines()]
        assert len(outcomes) == records
        assert set(outcomes) <= {"duplicate"}

        (watched / "june.part").write_bytes(content)
        (watched / "june.part").rename(watched / "june.ndjson")  # whole at once, however slowly it was written
        report = watched / "done" / "june.ndjson.report.json"
        until_now(report.exists)
        assert json.loads(report.read_bytes())["outcome"] == {"duplicate": records}
    told = server.end()
    assert server.returncode == 0, told
    until_gone(folder / "data")
