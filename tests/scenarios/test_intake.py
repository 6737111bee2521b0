"""Records that come in bulk without a command: in one HTTP request, or put into the watched folder."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta

import pytest
from tests.conftest import USAGE, usage_body
from tests.waiting import until

from oxl.apis.product_usage.files import MAX_LINE
from oxl.apis.product_usage.watching import MAPPING, Watch
from oxl.clock import system_now

INTO = f"{USAGE}/import"
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
async def number(subscribe) -> str:
    return (await subscribe("postpaid-l"))["logicalResource"]["value"]


def _line(number: str, key: str) -> bytes:
    body = usage_body("voice", number, duration=60, destinationPhoneNumber="+493012345")
    return json.dumps(
        body | {"externalIdentifier": [{"@type": "ExternalIdentifier", "owner": "s", "id": key}]}
    ).encode()


async def _sent(http, content) -> list[dict]:
    answer = await http.post(INTO, content=content, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.splitlines()]


async def test_95_each_line_is_answered_in_order(http, number) -> None:
    good = [_line(number, f"a{n}") for n in range(3)]
    unknown = json.dumps(usage_body("voice", "4900", duration=1, destinationPhoneNumber="+4930")).encode()
    bad = good[0].replace(b'"duration"', b'"durance"').replace(b'"a0"', b'"a9"')
    told = await _sent(http, b"\n".join([good[0], b"", b"{", good[1], good[0], unknown, bad, b"\xff", good[2]]))
    assert [(each["line"], each["outcome"]) for each in told] == [
        (1, "rated"), (3, "rejected"), (4, "rated"), (5, "duplicate"), (6, "failed"), (7, "rejected"), (8, "rejected"),
        (9, "rated"),
    ]  # fmt: skip
    assert told[3]["id"] == told[0]["id"]
    assert told[4]["reason"] == "unknownSubscriber"
    assert told[5]["message"].startswith("usageCharacteristic.dur")
    assert (await http.get(f"{USAGE}/{told[7]['id']}")).json()["status"] == "rated"


async def test_a_long_request_is_streamed_and_its_parts_may_end_anywhere(http, number) -> None:
    content = b"\n".join(_line(number, f"b{n}") for n in range(1200))

    async def parts():
        for start in range(0, len(content), 7777):
            yield content[start : start + 7777]

    assert len(content) > 1 << 19  # half of what one body may be here
    told = await _sent(http, parts())
    assert [each["line"] for each in told] == list(range(1, 1201))
    assert {each["outcome"] for each in told} == {"rated"}
    assert {each["outcome"] for each in await _sent(http, content)} == {"duplicate"}


async def test_a_line_that_is_too_long_is_passed_over(http, number) -> None:
    async def parts():
        yield _line(number, "c1") + b'\n{"a":"'
        for _ in range(5):
            yield b"x" * (MAX_LINE // 2)
        yield b'"}\n' + _line(number, "c2")

    assert [each["outcome"] for each in await _sent(http, parts())] == ["rated", "rejected", "rated"]
    assert await _sent(http, b"") == []


async def test_other_bodies_and_methods_are_refused(http) -> None:
    assert (await http.post(INTO, json={})).status_code == 415
    assert (await http.get(INTO)).headers["allow"] == "POST"
    assert (await http.put(INTO, content=b"")).status_code == 405
    contract = (await http.get(f"{USAGE.rpartition('/')[0]}/openapi.json")).json()
    assert contract["paths"]["/productUsage/import"]["post"]["x-extension"] is True


async def test_a_client_that_goes_away_leaves_what_was_taken(http, number) -> None:
    content = b"\n".join(_line(number, f"d{n}") for n in range(600)) + b"\n"
    came = iter([{"type": "http.request", "body": content, "more_body": True}, {"type": "http.disconnect"}])
    sent: list[dict] = []

    async def receive() -> dict:
        return next(came)

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/x-ndjson")]
    scope = {"type": "http", "method": "POST", "path": INTO, "query_string": b"", "headers": headers}
    await http._transport.app(scope, receive, send)
    assert sent == []
    told = await _sent(http, b"\n".join(_line(number, f"d{n}") for n in range(600)))
    outcomes = [each["outcome"] for each in told]
    assert outcomes == ["duplicate"] * 500 + ["rated"] * 100


async def test_files_of_the_watched_folder_are_taken_when_they_are_whole(tenant, number, tmp_path) -> None:
    late = [timedelta(hours=-1)]
    watch = Watch(tenant, tmp_path, lambda: system_now() + late[0])
    (tmp_path / "one.ndjson").write_bytes(b"\n".join([_line(number, "e1"), _line(number, "e2"), b"{"]))
    (tmp_path / "growing.ndjson.part").write_bytes(_line(number, "e3"))
    (tmp_path / ".hidden").write_bytes(_line(number, "e4"))
    assert watch.waiting() == []
    late[0] = timedelta(seconds=5)
    assert [path.name for path in watch.waiting()] == ["one.ndjson"]
    stop = asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    await until((tmp_path / "done" / "one.ndjson").exists)
    report = json.loads((tmp_path / "done" / "one.ndjson.report.json").read_bytes())
    assert report["records"] == 3
    assert report["outcome"] == {"rated": 2, "rejected": 1}
    (tmp_path / "one.part").write_bytes(_line(number, "e1"))
    (tmp_path / "one.part").rename(tmp_path / "one.ndjson")  # the watch has no patience with it any more
    await until((tmp_path / "done" / "1.one.ndjson").exists)
    stop.set()
    await running
    assert json.loads((tmp_path / "done" / "1.one.ndjson.report.json").read_bytes())["outcome"] == {"duplicate": 1}
    assert sorted(os.listdir(tmp_path)) == [".hidden", "done", "growing.ndjson.part"]


async def test_two_workers_do_not_take_one_file(tenant, number, tmp_path) -> None:
    path = tmp_path / "two.ndjson"
    path.write_bytes(b"\n".join(_line(number, f"f{n}") for n in range(300)))
    reports = await asyncio.gather(*(Watch(tenant, tmp_path).take(path) for _ in range(3)))
    assert [report.records for report in reports if report] == [300]


async def test_a_mapping_in_the_folder_is_for_its_csv_and_a_bad_one_is_told(tenant, number, tmp_path) -> None:
    rules = "usageSpecification: voice\ncharacteristics:\n  originatingPhoneNumber: a\n  destinationPhoneNumber: b\n"
    rules += "  startDateTime: start\n  duration: {column: secs, type: integer}\n"
    (tmp_path / MAPPING).write_text(rules)
    row = f"+{number},+4930777,2026-06-14T10:00:00Z,90"
    for name in ("g1.csv", "g2.csv"):
        (tmp_path / name).write_text(f"a,b,start,secs\n{row}\n")
    watch = Watch(tenant, tmp_path)
    report = await watch.take(tmp_path / "g1.csv")
    assert report
    assert dict(report.outcome) == {"rated": 1}
    (tmp_path / MAPPING).write_text("nonsense: 1\n")
    assert await watch.take(tmp_path / "g2.csv") is None
    assert "nonsense" in (tmp_path / "failed" / "g2.csv.report.json").read_text()
