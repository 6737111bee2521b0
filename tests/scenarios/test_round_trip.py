"""What is exported comes back: the same documents, prices and balances, from every format; twice is once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import NOON, USAGE, client_of
from tests.scenarios.month import figures, make_files, provision

from oxl.apis.product_usage.exporting import Exporter
from oxl.apis.product_usage.formats import FORMATS
from oxl.apis.product_usage.jobs import import_file
from oxl.db.database import Database, Tenant

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


@pytest.fixture(scope="module")
async def origin(make_tenant, database, tmp_path_factory):
    """A tenant with a month of usage, its exports in every format, and a function that makes one like it without."""
    folder = tmp_path_factory.mktemp("trip")
    people, usage = make_files(folder, NOON, 25, 900)
    first: Tenant = await make_tenant()
    await provision(first, people)
    others = [await make_tenant() for _ in range(3)]
    for other in others:
        await _like(database, other, first)
    await import_file(first, usage)
    async with client_of(first) as http:
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
    assert set(report.outcome) == {"rated", "failed", "notRated"} & {each["status"] for each in told}
    assert not [reason for reason in report.reason if "was " in reason]
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
