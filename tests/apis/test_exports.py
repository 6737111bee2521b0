"""Export jobs over HTTP and by the worker: states, events, files in every format, and what is refused."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from arro3.io import read_parquet
from tests.conftest import USAGE, usage_body

from oxl.apis.product_usage import exporting, formats
from oxl.apis.product_usage.exporting import Exporter
from oxl.apis.product_usage.formats import FORMATS
from oxl.clock import system_now
from oxl.db.database import Tenant

JOBS = USAGE.replace("productUsage", "exportJob").replace("exportJobManagement", "productUsageManagement")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module", autouse=True)
def settings(folder: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OXL_EXPORTS", str(folder))
        yield patch


@pytest.fixture(scope="module")
def exporter(tenant: Tenant, folder: Path) -> Exporter:
    return Exporter(tenant, folder / tenant.name)


@pytest.fixture(scope="module", autouse=True)
async def records(http: httpx.AsyncClient, subscribe) -> list[dict]:
    """Thirty records, two of them in suspense; one with texts that formats could stumble over."""
    line = await subscribe("postpaid-l")
    number = line["logicalResource"]["value"]
    found = []
    for n in range(30):
        body = usage_body(
            "voice", "4900" if n % 15 == 7 else number, duration=60 + n, destinationPhoneNumber="+493012345"
        )
        body["externalIdentifier"] = [{"@type": "ExternalIdentifier", "owner": "switch", "id": f"e{n}"}]
        if n == 3:
            body["note"] = 'quotes " and \\ and \u2028 and\nline ends,\x01\x02;=1+1'
        answer = await http.post(USAGE, json=body)
        assert answer.status_code == 201, answer.text
        found.append(answer.json())
    return found


async def _done(http: httpx.AsyncClient, exporter: Exporter, **body) -> dict:
    """A job that was asked for and done."""
    asked = await http.post(JOBS, json={"@type": "ExportJob"} | body)
    assert asked.status_code == 201, asked.text
    assert asked.json()["status"] == "Not Started"
    assert await exporter.work()
    return (await http.get(f"{JOBS}/{asked.json()['id']}")).json()


def _documents(media: str, content: bytes) -> list[dict]:
    content = gzip.decompress(content) if media.endswith("gzip") else content
    if "parquet" in media:
        lines = [each.as_py() for each in read_parquet(io.BytesIO(content)).read_all()["document"]]
    elif "csv" in media:
        lines = [row["document"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]
    elif media.startswith("application/json"):
        return json.loads(content)
    else:
        lines = content.decode().split("\n")[:-1]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("media", FORMATS)
async def test_every_format_holds_what_a_list_shows(http, exporter, records, media: str) -> None:
    job = await _done(http, exporter, contentType=media)
    assert (job["status"], job["recordCount"], job["recordTotal"]) == ("Succeeded", 30, 30), job
    file = await http.get(job["url"])
    assert file.status_code == 200
    assert file.headers["content-type"] == media
    assert job["fileSize"] == len(file.content) == int(file.headers["content-length"])
    assert job["checksum"] == f"sha256:{hashlib.sha256(file.content).hexdigest()}"
    listed = (await http.get(USAGE, params={"sort": "id"})).json()
    assert _documents(media, file.content) == listed
    assert {each["id"] for each in listed} == {each["id"] for each in records}


async def test_the_query_is_that_of_lists(http, exporter) -> None:
    for query, wanted in (("status=failed", 2), ("externalIdentifier.id=e3,e4", 2), ("status=superseded", 0), ("", 30)):
        job = await _done(http, exporter, query=query, contentType="application/x-ndjson")
        found = _documents("ndjson", (await http.get(job["url"])).content)
        listed = (await http.get(f"{USAGE}?{query}{'&' if query else ''}sort=id")).json()
        assert found == listed
        assert len(found) == wanted == job["recordCount"]
    job = await _done(http, exporter, query="status=superseded")
    assert json.loads((await http.get(job["url"])).content) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contentType": "image/png"}, "contentType"),
        ({"query": "status"}, "query"),
        ({"query": "fields=id"}, "query"),
        ({"query": "filter=$[?(@.a == "}, "query"),
        ({"url": "file:../../etc/passwd"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "file:.hidden"}, "url"),
        ({"url": 7}, "url"),
        ({"url": "http://127.0.0.1/latest"}, "url"),
        ({"url": "sftp://localhost/a"}, "url"),
    ],
)
async def test_94_what_cannot_be_done_is_refused_and_named(http, body: dict, field: str) -> None:
    before = (await http.get(JOBS)).json()
    answer = await http.post(JOBS, json={"@type": "ExportJob"} | body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{field}:")
    assert (await http.get(JOBS)).json() == before


async def test_allowed_addresses_are_told_by_their_beginning(http, exporter, settings) -> None:
    settings.setenv("OXL_EXPORT_ALLOW", "https://files.example/in/, s3://bucket/usage/")
    for url in ("https://files.example/out/a", "https://files.example/in/../a", "https://otherfiles.example/in/a",
                "s3://bucket/other", "https://files.example/in/a@b", "https://files.example/in/a?b",
                "sftp://files.example/in/a"):  # fmt: skip
        job = await _done(http, exporter, url=url)
        assert job["status"] == "Failed"
        assert job["errorLog"].startswith("url: is not below an address"), url
    answer = await http.post(JOBS, json={"@type": "ExportJob", "url": "https://files.example/in/a.json"})
    assert answer.status_code == 201
    assert (await http.delete(f"{JOBS}/{answer.json()['id']}")).status_code == 204


async def test_94_a_path_that_is_not_known_fails_the_job(http, exporter) -> None:
    job = await _done(http, exporter, path="/customerBill")
    assert job["status"] == "Failed"
    assert job["errorLog"].startswith("path: ")


async def test_93_the_life_of_a_job_is_told_by_events(http, exporter, tenant, folder) -> None:
    job = await _done(http, exporter, contentType="text/csv", url="file:june.csv")
    assert (folder / tenant.name / "june.csv").exists()
    assert (await http.get(f"{JOBS}/{job['id']}/content")).headers["content-disposition"].endswith('"june.csv"')
    assert (await http.delete(f"{JOBS}/{job['id']}")).status_code == 204
    assert (await http.get(f"{JOBS}/{job['id']}")).status_code == 404
    assert (await http.get(f"{JOBS}/{job['id']}/content")).status_code == 404
    events = (await http.get("/oxl/v1/eventRecord", params={"resourceId": job["id"], "sort": "id"})).json()
    told = [(each["eventType"], each["event"]["exportJob"].get("status")) for each in events]
    assert told == [
        ("ExportJobCreateEvent", "Not Started"),
        ("ExportJobStateChangeEvent", "Running"),
        ("ExportJobStateChangeEvent", "Succeeded"),
        ("ExportJobDeleteEvent", "Succeeded"),
    ]


async def test_files_go_with_their_jobs_and_others_stay(http, exporter, tenant, folder) -> None:
    kept, gone = [await _done(http, exporter) for _ in range(2)]
    place = folder / tenant.name
    (place / "operators-own.txt").write_text("x")
    (place / f".{kept['id']}.0.part").write_text("half")
    await http.delete(f"{JOBS}/{gone['id']}")
    await exporter.sweep()
    assert (await http.get(f"{JOBS}/{kept['id']}/content")).status_code == 200
    names = {path.name for path in place.iterdir()}
    assert f"{kept['id']}.json" in names
    assert "operators-own.txt" in names
    assert not any(gone["id"] in name or name.endswith(".part") for name in names)


async def test_92_a_lost_worker_is_followed_by_another_and_its_hand_is_stayed(http, tenant, folder) -> None:
    late = [timedelta(0)]
    first = Exporter(tenant, folder / tenant.name, now=lambda: system_now() + late[0])
    asked = (await http.post(JOBS, json={"@type": "ExportJob"})).json()
    held = await first._claimed()
    assert held
    assert not await first.work()  # nobody takes it while the lease runs
    late[0] = exporting.LEASE + timedelta(seconds=1)
    assert await first.work()
    assert (await http.get(f"{JOBS}/{asked['id']}")).json()["status"] == "Succeeded"
    with pytest.raises(exporting.LostError):
        await first._beat(held, 1, 1)


async def test_one_that_nobody_survives_is_given_up(http, tenant, folder) -> None:
    late = [timedelta(0)]
    worker = Exporter(tenant, folder / tenant.name, now=lambda: system_now() + late[0])
    asked = (await http.post(JOBS, json={"@type": "ExportJob"})).json()
    for _ in range(6):
        await worker._claimed()
        late[0] += exporting.LEASE + timedelta(seconds=1)
    job = (await http.get(f"{JOBS}/{asked['id']}")).json()
    assert job["status"] == "Failed"
    assert "gave up" in job["errorLog"]


async def test_a_folder_that_cannot_be_written_is_told(http, tenant, folder) -> None:
    (folder / "file").write_text("x")
    asked = (await http.post(JOBS, json={"@type": "ExportJob"})).json()
    assert await Exporter(tenant, folder / "file").work()
    job = (await http.get(f"{JOBS}/{asked['id']}")).json()
    assert job["status"] == "Failed"
    assert "export folder" in job["errorLog"]


async def test_too_many_at_once_are_refused(http, exporter) -> None:
    while await exporter.work():
        pass
    codes = [(await http.post(JOBS, json={"@type": "ExportJob"})).status_code for _ in range(11)]
    assert codes == [201] * 10 + [409]
    while await exporter.work():
        pass


async def test_what_nobody_foresaw_fails_the_job_and_not_the_worker(http, exporter, monkeypatch) -> None:
    async def broken(*_: object) -> None:
        raise ArithmeticError("odd")

    monkeypatch.setattr(exporting.select, "copy", broken)
    job = await _done(http, exporter)
    assert (job["status"], "unexpected" in job["errorLog"]) == ("Failed", True)
    assert (await http.get(f"{JOBS}/{job['id']}/content")).status_code == 404


async def test_a_deleted_job_ends_its_worker(http, exporter, monkeypatch, folder, tenant) -> None:
    written = exporting.select.copy

    async def deleted(*given: object) -> None:
        (job,) = (await http.get(JOBS, params={"status": "Running"})).json()
        assert (await http.delete(f"{JOBS}/{job['id']}")).status_code == 204
        await written(*given)

    monkeypatch.setattr(exporting.select, "copy", deleted)
    asked = (await http.post(JOBS, json={"@type": "ExportJob"})).json()
    assert await exporter.work()
    assert (await http.get(f"{JOBS}/{asked['id']}")).status_code == 404
    await exporter.sweep()
    assert not [path for path in (folder / tenant.name).iterdir() if asked["id"] in path.name]


@pytest.mark.parametrize("block", [1, 1 << 20])
async def test_a_disk_that_is_full_fails_the_job(http, exporter, monkeypatch, folder, tenant, block: int) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "BLOCK", block)
    monkeypatch.setattr(formats._Lines, "write", full)
    job = await _done(http, exporter, contentType="application/x-ndjson")
    assert job["status"] == "Failed"
    assert "No space left" in job["errorLog"]
    assert not [path for path in (folder / tenant.name).iterdir() if job["id"] in path.name]


@pytest.mark.parametrize("media", FORMATS)
async def test_blocks_may_be_of_any_length(http, exporter, monkeypatch, media: str) -> None:
    whole = await _done(http, exporter, contentType=media)
    monkeypatch.setattr(exporting, "BLOCK", 3000)
    job = await _done(http, exporter, contentType=media)
    first, second = [_documents(media, (await http.get(each["url"])).content) for each in (whole, job)]
    assert (job["recordCount"], second) == (whole["recordCount"], first)
