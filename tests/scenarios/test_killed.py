"""kill -9 at random points: an import that is run again ends as if undisturbed, and no export file is ever half."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from random import Random
from signal import SIGKILL

import pytest
from tests.conftest import NOON, USAGE, client_of
from tests.gates import Gate, killed
from tests.scenarios import bystander
from tests.scenarios.month import figures, make_files, provision
from tests.waiting import PATIENCE, until

from oxl.apis.product_usage.jobs import import_file
from oxl.db.database import Database, Tenant
from oxl.kernel.background import BULK

JOBS = USAGE.removesuffix("productUsage") + "exportJob"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    return make_files(tmp_path_factory.mktemp("month"), NOON, 40, 12_000)


@pytest.fixture(scope="module")
async def calm(make_tenant, files) -> Tenant:
    tenant = await make_tenant()
    await provision(tenant, files[0])
    await import_file(tenant, files[1])
    return tenant


async def _stored(tenant: Tenant) -> int:
    async with tenant.connection() as conn:
        return await conn.fetchval("select count(*) from usage")


async def _killed_import(database: Database, make_tenant, files, calm: Tenant, kills: int, seed: int) -> None:
    tenant = await make_tenant()
    await provision(tenant, files[0])
    random, left = Random(seed), 12_000 // BULK - 1
    gate = Gate(database, tenant, "usage")
    await gate.build()
    for n in range(kills):
        after = random.randint(0, left // (kills - n))
        await gate.close(after)
        process = bystander.start(tenant, "import", files[1])
        left -= after + await killed(gate, process, random, left - after)
        assert await asyncio.to_thread(process.wait) == -SIGKILL
    await gate.take_away()
    report = await import_file(tenant, files[1])
    assert report.records == 12_000
    ended, undisturbed = await figures(tenant), await figures(calm)
    for name in undisturbed:
        assert ended[name] == undisturbed[name], name


async def test_an_import_that_was_killed_and_run_again_ends_as_if_undisturbed(
    database, make_tenant, files, calm
) -> None:
    await _killed_import(database, make_tenant, files, calm, 4, 5)


@pytest.mark.torture
async def test_an_import_that_was_killed_twenty_times(database, make_tenant, files, calm) -> None:
    await _killed_import(database, make_tenant, files, calm, 20, 6)


async def _killed_export(tenant: Tenant, folder: Path, kills: int, seed: int) -> None:
    """One job, its workers killed; whatever has a name at any time is whole."""
    random, sums = Random(seed), set()
    async with client_of(tenant) as http:
        asked = await http.post(JOBS, json={"@type": "ExportJob", "contentType": "application/x-ndjson"})
        path = folder / f"{asked.json()['id']}.ndjson"
        place = f"{JOBS}/{asked.json()['id']}"

        async def is_beyond(status: str) -> bool:
            return (await http.get(place)).json()["status"] not in ("Not Started", status)

        for n in range(kills + 1):
            process = bystander.start(tenant, "export", folder)
            await until(lambda: is_beyond("Not Started"))
            if n < kills:
                await asyncio.sleep(random.uniform(0, 2.0))
            else:
                await until(lambda: is_beyond("Running"), 3 * PATIENCE)
            process.kill()
            await asyncio.to_thread(process.wait)
            if path.exists():
                sums.add(hashlib.sha256(path.read_bytes()).hexdigest())
        job = (await http.get(place)).json()
    assert job["status"] == "Succeeded", job
    assert {f"sha256:{each}" for each in sums} == {job["checksum"]}
    lines = path.read_bytes().splitlines()
    assert len(lines) == job["recordCount"] == await _stored(tenant)
    assert all(json.loads(line)["id"] for line in lines)


async def test_an_export_whose_workers_are_killed_is_whole_or_not_there(calm, tmp_path) -> None:
    await _killed_export(calm, tmp_path, 2, 7)


@pytest.mark.torture
async def test_exports_whose_workers_are_killed_many_times(calm, tmp_path) -> None:
    for seed in range(5):
        await _killed_export(calm, tmp_path, 4, seed)
