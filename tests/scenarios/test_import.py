"""Bulk import: it comes to what POSTing its lines comes to, twice is once, and a kill -9 on its way changes nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest
from tests.conftest import DEMO_CATALOG, NOON, USAGE, client_of
from tests.scenarios.commands import Cli
from tests.scenarios.month import figures, make_files, provision

from oxl.apis.product_usage.jobs import OUTCOMES, import_file
from oxl.apis.product_usage.mapping import read_mapping
from oxl.clock import system_now
from oxl.db.database import Database
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


async def _final(data: Path) -> dict[str, list[tuple]]:
    database = await Database.open(Settings(data=data))
    tenant = await database.tenant("default")
    found = await figures(tenant)
    await database.close()
    return found


def _seconds(cli: Cli, *words: str) -> float:
    began = time.monotonic()
    cli.run(*words)
    return time.monotonic() - began


_THREE, _TWENTY = ("server", "import", "server"), ("import", "import", "import", "server") * 5


@pytest.mark.parametrize("kills", [_THREE, pytest.param(_TWENTY, marks=pytest.mark.torture)], ids=["three", "twenty"])
async def test_a_killed_import_run_again_ends_as_if_undisturbed(folder: Path, kills: tuple[str, ...]) -> None:
    people, usage = make_files(folder, system_now(), 40, 12_000)
    results, start_up, work = [], 0.0, 0.0
    for name, planned in (("calm", ()), ("killed", kills)):
        cli = Cli(folder / name)
        cli.run("catalog", "publish", str(DEMO_CATALOG))
        database = await Database.open(Settings(data=cli.data))
        await provision(await database.tenant("default"), people)
        await database.close()
        random, to_come = Random(3), list(planned)
        for _ in range(4 * len(kills)):
            if not to_come:
                break
            process = cli.start("usage", "import", str(usage))
            time.sleep(start_up + random.uniform(0.2, 1.5) * work / (len(kills) + 1))
            cli.kill_server() if to_come[0] == "server" else process.kill()
            told, _ = process.communicate(timeout=120)
            if process.returncode != 0:  # else it was through before it could be hit
                assert to_come.pop(0) == "import" or "run the same command again" in told, told
        assert not to_come
        start_up = start_up or _seconds(cli, "usage", "retry")
        began = time.monotonic()
        told = cli.run("usage", "import", str(usage))
        work = work or max(time.monotonic() - began - start_up, 1)
        assert "12,000 records" in told
        results.append(await _final(cli.data))
    calm, killed = results
    for name in calm:
        assert calm[name] == killed[name], name


def test_a_bad_mapping_says_what_is_wrong(folder: Path) -> None:
    (folder / "m.yaml").write_text("characteristics: {a: b}\nusageSpec: voice\n")
    with pytest.raises(ValueError, match="usageSpec"):
        read_mapping(folder / "m.yaml")
    (folder / "n.yaml").write_text(json.dumps({"characteristics": {}}))
    with pytest.raises(ValueError, match="either usageSpecification"):
        read_mapping(folder / "n.yaml")
