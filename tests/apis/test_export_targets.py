"""Exports that are sent on: by one PUT over HTTP, in parts to a bucket; whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.apis.test_exports import JOBS
from tests.conftest import USAGE, usage_body

from oxl.apis.product_usage import targets
from oxl.apis.product_usage.exporting import Exporter


class Store:
    """A store that takes files by PUT, and in parts as S3 has it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.parts: dict[str, bytes] = {}
        self.broken = False
        self.signed: list[str] = []
        self.base = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.signed.append(request.headers.get("Authorization", ""))
        if self.broken:
            return web.Response(status=403, text="no")
        if request.method == "POST" and "uploads" in request.query:
            return web.Response(
                text="<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
            )
        if request.method == "PUT" and "partNumber" in request.query:
            self.parts[request.query["partNumber"]] = body
            return web.Response(headers={"ETag": f'"{request.query["partNumber"]}"'})
        if request.method == "POST":
            order = re.findall(r"<PartNumber>(\d+)<", body.decode())
            self.files[request.path] = b"".join(self.parts[number] for number in order)
            return web.Response(text="<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
        self.files[request.path] = body
        return web.Response(headers={"ETag": '"e"'})


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    made = Store()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def records(http, subscribe) -> None:
    number = (await subscribe("postpaid-l"))["logicalResource"]["value"]
    for n in range(20):
        body = usage_body("voice", number, duration=60 + n, destinationPhoneNumber="+493012345")
        assert (await http.post(USAGE, json=body)).status_code == 201


async def _job(http, tenant, folder: Path, allow: str, url: str, monkeypatch) -> dict[str, Any]:
    monkeypatch.setenv("OXL_EXPORT_ALLOW", allow)
    asked = await http.post(JOBS, json={"@type": "ExportJob", "url": url, "contentType": "application/x-ndjson"})
    assert asked.status_code == 201, asked.text
    assert await Exporter(tenant, folder, allow=allow).work()
    return (await http.get(f"{JOBS}/{asked.json()['id']}")).json()


async def test_a_file_is_put_to_an_allowed_address(http, tenant, records, store, tmp_path, monkeypatch) -> None:
    url = f"{store.base}/in/june.ndjson"
    job = await _job(http, tenant, tmp_path, f"{store.base}/in/", url, monkeypatch)
    assert (job["status"], job["url"]) == ("Succeeded", url)
    assert job["checksum"] == f"sha256:{hashlib.sha256(store.files['/in/june.ndjson']).hexdigest()}"
    assert list(tmp_path.iterdir()) == []
    assert (await http.get(f"{JOBS}/{job['id']}/content")).status_code == 404


async def test_a_file_goes_to_a_bucket_in_parts(http, tenant, records, store, tmp_path, monkeypatch) -> None:
    for name, value in (("ENDPOINT_URL", store.base), ("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "s"),
                        ("REGION", "eu-1"), ("ALLOW_HTTP", "true")):  # fmt: skip
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(targets, "_PART", 5000)
    job = await _job(http, tenant, tmp_path, "s3://usage/in/", "s3://usage/in/june.ndjson", monkeypatch)
    assert job["status"] == "Succeeded", job
    (path,) = store.files
    assert path == "/usage/in/june.ndjson"
    assert len(store.parts) > 1
    assert job["checksum"] == f"sha256:{hashlib.sha256(store.files[path]).hexdigest()}"
    assert all(each.startswith("AWS4-HMAC-SHA256") for each in store.signed)


async def test_a_store_that_refuses_makes_the_job_fail(http, tenant, store, tmp_path, monkeypatch) -> None:
    store.broken = True
    job = await _job(http, tenant, tmp_path, f"{store.base}/in/", f"{store.base}/in/a", monkeypatch)
    assert job["status"] == "Failed"
    assert job["errorLog"].startswith(f"url: {store.base}/in/a did not take the file")
    assert list(tmp_path.iterdir()) == []
