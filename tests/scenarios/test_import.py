"""Bulk import: it comes to what POSTing its lines comes to, twice is once, and a kill -9 on its way changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.conftest import DEMO_CATALOG, NOON, USAGE, client_of
from tests.gates import Gate, killed
from tests.scenarios.commands import Cli
from tests.scenarios.month import figures, make_files, provision

from oxl.apis.product_usage.jobs import OUTCOMES, import_file
from oxl.apis.product_usage.mapping import read_mapping
from oxl.db.database import Database, Tenant
from oxl.kernel.background import BULK
from oxl.settings import Settings


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    return make_files(tmp_path_factory.mktemp("month"), NOON, 60, 2000)


@pytest.fixture(scope="module")
async def imported(make_tenant, files):
    """A tenant into which the files were imported, and the report."""
    tenant = await make_tenant()
    await provision(tenant, files[0])
    return tenant, await import_file(tenant, files[1])


async def test_every_record_is_in_the_report_once_and_has_its_reason(imported, files) -> None:
    tenant, report = imported
    assert report.records == sum(report.outcome[outcome] for outcome in OUTCOMES) == 2000
    told = report.outcome["duplicate"] + report.outcome["failed"] + report.outcome["rejected"]
    assert sum(report.reason.values()) == told > 0
    async with tenant.connection() as conn:
        kept = await conn.fetchval("select count(*) from usage_import_line where reason <> '' and text <> ''")
        stored = await conn.fetchval("select count(*) from usage")
    assert kept == report.outcome["duplicate"] + report.outcome["rejected"]
    assert stored == 2000 - kept


async def test_the_same_file_by_import_and_by_post_comes_to_the_same(imported, files, make_tenant) -> None:
    posted = await make_tenant()
    await provision(posted, files[0])
    codes: dict[int, int] = {}
    async with client_of(posted) as http:
        for line in files[1].read_bytes().splitlines():
            answer = await http.post(USAGE, content=line)
            codes[answer.status_code] = codes.get(answer.status_code, 0) + 1
    tenant, report = imported
    assert codes == {
        201: report.outcome["rated"] + report.outcome["notRated"] + report.outcome["failed"],
        409: report.outcome["duplicate"],
        400: report.outcome["rejected"],
    }
    by_import, by_post = await figures(tenant), await figures(posted)
    for name in by_import:
        assert by_import[name] == by_post[name], name
    assert any(bucket[5] for bucket in by_import["buckets"]), "something was drawn"


async def test_importing_twice_charges_once(imported, files) -> None:
    tenant, first = imported
    before = await figures(tenant)
    again = await import_file(tenant, files[1])
    assert again.outcome["rated"] == again.outcome["notRated"] == again.outcome["failed"] == 0
    assert again.outcome["rejected"] == first.outcome["rejected"]
    assert again.outcome["duplicate"] == 2000 - first.outcome["rejected"]
    assert await figures(tenant) == before


async def test_csv_rows_become_the_same_records(make_tenant, files, tmp_path) -> None:
    tenant = await make_tenant()
    await provision(tenant, files[0])
    mapping = tmp_path / "switch.yaml"
    mapping.write_text(
        "usageSpecification: voice\n"
        "externalIdentifier: {owner: switch, column: id}\n"
        "delimiter: ';'\n"
        "characteristics:\n"
        "  originatingPhoneNumber: a\n"
        "  destinationPhoneNumber: b\n"
        "  startDateTime: start\n"
        "  duration: {column: secs, type: integer}\n"
    )
    rows = tmp_path / "switch.csv"
    rows.write_text(
        "id;a;b;start;secs\n"
        "1;+4915550000001;+493012345;2026-06-14T10:00:00Z;90\n"
        "2;+4915550000001;+493012345;2026-06-14T11:00:00Z;-5\n"
        "3;+4915550000001;+493012345;2026-06-14T12:00:00Z;many\n"
        "4;+4915550000001\n"
        "1;+4915550000001;+493012345;2026-06-14T10:00:00Z;90\n"
    )
    report = await import_file(tenant, rows, read_mapping(mapping))
    assert dict(report.outcome) == {"rated": 1, "rejected": 3, "duplicate": 1}
    assert report.reason["rejected: usageCharacteristic.duration"] == 2


async def test_hostile_lines_are_told_and_the_good_ones_are_in(make_tenant, files, tmp_path) -> None:
    tenant = await make_tenant()
    await provision(tenant, files[0])
    good = files[1].read_bytes().splitlines()[0]
    path = tmp_path / "hostile.ndjson"
    lines = [good, b"", b"\xff\xfe{", b"[" * 3000, b'{"a":"' + b"x" * 2_000_000 + b'"}', good[: len(good) // 2]]
    path.write_bytes(b"\n".join(lines))
    report = await import_file(tenant, path)
    assert report.records == 5
    assert report.outcome["rejected"] == 4


@asynccontextmanager
async def _opened(cli: Cli) -> AsyncIterator[tuple[Database, Tenant]]:
    database = await Database.open(Settings(data=cli.data))
    try:
        yield database, await database.tenant("default")
    finally:
        await database.close()


async def _final(cli: Cli) -> dict[str, list[tuple]]:
    async with _opened(cli) as (_, tenant):
        return await figures(tenant)


_THREE, _TWENTY = ("server", "import", "server"), ("import", "import", "import", "server") * 5


@pytest.mark.parametrize("kills", [_THREE, pytest.param(_TWENTY, marks=pytest.mark.torture)], ids=["three", "twenty"])
async def test_a_killed_import_run_again_ends_as_if_undisturbed(folder: Path, kills: tuple[str, ...]) -> None:
    people, usage = make_files(folder, NOON, 40, 12_000)
    results = []
    for name, planned in (("calm", ()), ("killed", kills)):
        cli = Cli(folder / name)
        cli.run("catalog", "publish", str(DEMO_CATALOG))
        async with _opened(cli) as (_, tenant):
            await tenant.set_clock(timedelta(0), NOON)  # both in the same month
            await provision(tenant, people)
        random, left = Random(3), 12_000 // BULK - 1
        for n, victim in enumerate(planned):
            async with _opened(cli) as (database, tenant):
                gate = Gate(database, tenant, "usage")
                await (gate.open() if n else gate.build())
                after = random.randint(0, left // (len(planned) - n))
                await gate.close(after)
                process = cli.start("usage", "import", str(usage))
                struck = _Server(cli) if victim == "server" else process
                left -= after + await killed(gate, struck, random, left - after)
                told, _ = await asyncio.to_thread(process.communicate)
                assert process.returncode != 0
                assert victim == "import" or "run the same command again" in told, told
        if planned:
            async with _opened(cli) as (database, tenant):
                await Gate(database, tenant, "usage").take_away()
        assert "12,000 records" in cli.run("usage", "import", str(usage))
        results.append(await _final(cli))
    calm, killed_ = results
    for name in calm:
        assert calm[name] == killed_[name], name


class _Server:
    """What is killed where it is the database's turn."""

    def __init__(self, cli: Cli) -> None:
        self.kill = cli.kill_server


def test_a_bad_mapping_says_what_is_wrong(folder: Path) -> None:
    (folder / "m.yaml").write_text("characteristics: {a: b}\nusageSpec: voice\n")
    with pytest.raises(ValueError, match="usageSpec"):
        read_mapping(folder / "m.yaml")
    (folder / "n.yaml").write_text(json.dumps({"characteristics": {}}))
    with pytest.raises(ValueError, match="either usageSpecification"):
        read_mapping(folder / "n.yaml")
