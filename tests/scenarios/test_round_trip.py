"""What is exported comes back: the same documents, prices and balances, from every format; twice is once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import NOON, USAGE, client_of
from tests.scenarios.month import figures, make_files, provision

from oxl.apis.product_usage import again
from oxl.apis.product_usage.exporting import Exporter
from oxl.apis.product_usage.formats import FORMATS
from oxl.apis.product_usage.jobs import import_file
from oxl.clock import system_now
from oxl.db.database import Database, Tenant
from oxl.engines.catalog import registry
from oxl.kernel.background import once

JOBS = USAGE.removesuffix("productUsage") + "exportJob"
SAME = (  # inventory and what its plans have granted, in an order that references allow
    "party", "account", "device", "product", "number_use", "product_plan", "bucket", "bucket_use", "allowance_schedule",
    "transfer", "balance_action",
)  # fmt: skip


async def _like(database: Database, made: Tenant, other: Tenant) -> None:
    """Give `made` the inventory and the balances of another tenant."""
    async with database.owner() as conn:
        for table in SAME:
            await conn.execute(f"insert into oxl_{made.name}.{table} select * from oxl_{other.name}.{table}")


async def documents(tenant: Tenant) -> list[dict[str, Any]]:
    """Every record as it looks from outside."""
    async with client_of(tenant) as http:
        found: list[dict[str, Any]] = []
        while page := (await http.get(USAGE, params={"sort": "id", "offset": len(found), "limit": 500})).json():
            found += page
        return found


async def _second_version(tenant: Tenant) -> None:
    """A plan gets another version that is valid from next month only."""
    async with tenant.connection() as conn:
        text = await conn.fetchval("select text from catalog_file where path = 'plans/postpaid-l.yaml'")
    for old, new in (
        ("version: 1", "version: 2"),
        ("2026-01-01", "2026-12-01"),
        ('"0.07"', '"0.05"'),
        ('"0.12"', '"0.2"'),
    ):
        text = text.replace(old, new)
    await once(tenant, lambda work: registry.publish(work, {"plans/postpaid-l-2.yaml": text}))


async def _change(http: httpx.AsyncClient, tenant: Tenant) -> None:
    """Have records superseded, replaced and corrected."""
    listed = (await http.get(USAGE, params={"status": "rated", "limit": 60})).json()
    for one in listed[::9]:
        assert (await http.patch(f"{USAGE}/{one['id']}", json={"status": "superseded"})).status_code == 200
    for one in listed[1::9]:
        body = {name: one[name] for name in ("@type", "usageSpecification", "externalIdentifier")}
        body["usageCharacteristic"] = [*one["usageCharacteristic"], {"name": "recordVersion", "value": 7}]
        answer = await http.post(USAGE, json=body)
        assert answer.status_code == 201, answer.text
    accounts = (await http.get("/oxl/v1/billingAccount", params={"kind": "postpaid", "limit": 3})).json()
    for one in accounts:
        chosen = {"billingAccount": {"id": one["id"]}, "pricePlan": {"id": "postpaid-l"}}
        asked = await http.post("/oxl/v1/usageJob", json={"kind": "rerate", "planVersion": 2} | chosen)
        assert asked.status_code == 201, asked.text
    assert await again.run_due(tenant) == len(accounts)


@pytest.fixture(scope="module")
async def origin(make_tenant, database, tmp_path_factory):
    """A tenant with a month of usage, its exports in every format, and a function that makes one like it without."""
    folder = tmp_path_factory.mktemp("trip")
    people, usage = make_files(folder, NOON, 25, 900)
    first: Tenant = await make_tenant()
    await provision(first, people)
    others = [await make_tenant() for _ in range(3)]
    for each in (first, *others):
        await _second_version(each)
    for other in others:
        await _like(database, other, first)
    lines = usage.read_bytes().splitlines(keepends=True)
    first.clock.frozen, first.clock.offset = None, NOON - system_now()
    async with client_of(first) as http:
        for part in range(3):
            usage.write_bytes(b"".join(lines[part::3]))
            await import_file(first, usage)
            await _change(http, first)
        one = (await http.get(USAGE, params={"status": "rated", "limit": 1})).json()[0]
        patch = {"relatedParty": [{"@type": "RelatedPartyRefOrPartyRoleRef", "role": "payer", "partyOrPartyRole": {
            "@type": "PartyRef", "@referredType": "Individual", "id": "p1"}}]}  # fmt: skip
        answer = await http.patch(
            f"{USAGE}/{one['id']}", json=patch, headers={"Content-Type": "application/merge-patch+json"}
        )
        assert answer.status_code == 200, answer.text
        for media in FORMATS:
            asked = await http.post(JOBS, json={"@type": "ExportJob", "contentType": media})
            assert asked.status_code == 201, asked.text
            assert await Exporter(first, folder).work()
    files = {path.name.partition(".")[2]: path for path in folder.glob("*-*-*")}
    return first, files, iter(others)


@pytest.mark.parametrize("ending", ["ndjson.gz", "csv", "parquet"])
async def test_an_empty_tenant_becomes_the_same_and_twice_is_once(origin, ending: str) -> None:
    first, files, others = origin
    other = next(others)
    report = await import_file(other, files[ending])
    told = await documents(first)
    assert report.records == len(told) > 800
    assert {each["status"] for each in told} == {"rated", "failed", "superseded", "corrected"}
    assert set(report.outcome) == {"rated", "failed"}
    odd = {reason for reason in report.reason if "was " in reason}
    assert odd == {"rated: was superseded", "rated: was corrected"}
    assert await documents(other) == told
    before = await figures(other)
    assert before == await figures(first)
    assert any(bucket[5] for bucket in before["buckets"]), "something was drawn"
    for path in files.values():
        again = await import_file(other, path)
        assert dict(again.outcome) == {"duplicate": len(told)}, path
    assert await figures(other) == before
    assert await documents(other) == told


async def test_where_it_came_from_nothing_changes(origin) -> None:
    first, files, _ = origin
    before = await documents(first), await figures(first)
    report = await import_file(first, files["json"])
    assert dict(report.outcome) == {"duplicate": len(before[0])}
    assert (await documents(first), await figures(first)) == before


def test_every_format_was_read(origin) -> None:
    _, files, _ = origin
    assert sorted(files) == ["csv", "csv.gz", "json", "json.gz", "ndjson", "ndjson.gz", "parquet"]
    lines = Path(files["ndjson"]).read_text().splitlines()
    assert json.loads(Path(files["json"]).read_text()) == [json.loads(line) for line in lines]
