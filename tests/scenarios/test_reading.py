"""A file that a process of its own reads comes to what it comes to where a thread reads it; and what of it is lost."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import DEMO_CATALOG, NOON, usage_body
from tests.gates import Gate
from tests.scenarios import bystander
from tests.scenarios.month import figures, make_files, provision
from tests.waiting import until

from oxl.apis.product_usage import reading
from oxl.apis.product_usage.jobs import Report, import_file
from oxl.apis.product_usage.mapping import Mapping, read_mapping
from oxl.apis.product_usage.reading import Chunk, LostReaderError, chunks_of
from oxl.db.database import Database, Tenant
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.engines.usage.restore import restore
from oxl.kernel.background import once
from oxl.verbs import Done, Refused

_HOSTILE = (b"", b"\xff\xfe{", b"[" * 3000, b'{"a":"' + b"x" * 1_100_000 + b'"}', b'{"@type":"ProductUsage"', b"null")
_MAPPING = """
usageSpecification: voice
externalIdentifier: {owner: switch, column: id}
delimiter: ';'
characteristics:
  originatingPhoneNumber: a
  destinationPhoneNumber: b
  startDateTime: start
  duration: {column: secs, type: number}
"""
_ROWS = """id;a;b;start;secs
{n};+4915550000001;+493012345;2026-06-14T10:00:00Z;{n}.5
{n};+4915550000001;+493012345;2026-06-14T11:00:00Z;-5
{n};+4915550000001;"+4930
{n};+4915550000001;+4930\0;2026-06-14T12:00:00Z;many
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """People, and usage of theirs: also versions of records, the latest not last, and lines that are none."""
    people, usage = make_files(tmp_path_factory.mktemp("month"), NOON, 30, 500)
    number = json.loads(people.read_bytes().splitlines()[0])["logicalResource"]["value"].removeprefix("+")
    versions = [
        usage_body("sms", number, destinationPhoneNumber="+493012345", messageCount=n, recordVersion=n)
        | {"externalIdentifier": [{"owner": "switch", "id": "versions"}]}
        for n in (1, 3, 2)
    ]
    lines = usage.read_bytes().splitlines()
    usage.write_bytes(
        b"\n".join([*lines[:300], *_HOSTILE, *(json.dumps(each).encode() for each in versions), *lines[300:]])
    )
    return people, usage


@pytest.fixture
def by(monkeypatch) -> Callable[[str], None]:
    """Has files read in small chunks: by a thread; or all but the first by a process, which starts at once or then."""

    def choose(way: str) -> None:
        monkeypatch.setattr(reading, "_LINES", 90)
        monkeypatch.setattr(reading, "_BY_THREAD", 10**6 if way == "thread" else 1)
        monkeypatch.setattr(reading, "_LARGE", 1 if way == "process at once" else 1 << 40)

    return choose


async def _imported(make_tenant, files: tuple[Path, Path]) -> tuple[Tenant, Report]:
    tenant = await make_tenant()
    await provision(tenant, files[0])
    return tenant, await import_file(tenant, files[1])


async def _kept(tenant: Tenant) -> list[tuple[Any, ...]]:
    async with tenant.connection() as conn:
        rows = await conn.fetch("select line, outcome, reason, text from usage_import_line order by line")
    return [tuple(row) for row in rows]


async def test_an_import_comes_to_the_same_whoever_reads_its_file(make_tenant, files, by) -> None:
    by("thread")
    tenant, report = await _imported(make_tenant, files)
    expected = await figures(tenant)
    assert {"rated", "rejected", "duplicate", "failed"} <= report.outcome.keys()
    assert any(use[1] == "superseded" for use in expected["uses"])
    by("process")
    other, told = await _imported(make_tenant, files)
    assert told == report
    assert await _kept(other) == await _kept(tenant)
    found = await figures(other)
    for name in expected:
        assert found[name] == expected[name], name


async def _chunks(tenant: Tenant, path: Path, mapping: Mapping | None) -> list[Chunk]:
    async with aclosing(chunks_of(tenant, path, mapping)) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("name", ["usage.ndjson.gz", "usage.json", "usage.csv"])
async def test_chunks_are_the_same_to_the_byte_of_the_file(tenant, files, by, tmp_path, name) -> None:
    lines, path, mapping = files[1].read_bytes().splitlines(), tmp_path / name, None
    if name.endswith(".csv"):
        (tmp_path / "mapping.yaml").write_text(_MAPPING)
        mapping = read_mapping(tmp_path / "mapping.yaml")
        rows = "".join(_ROWS.format(n=n).partition("\n")[2] for n in range(60))
        path.write_bytes(_ROWS.partition("\n")[0].encode() + b"\n" + rows.encode())
    elif name.endswith(".json"):
        path.write_bytes(b"[\n" + b",\n".join(lines))  # without its end
    else:
        packed = gzip.compress(b"\n".join(lines))
        path.write_bytes(packed[: len(packed) * 9 // 10])  # cut off
    by("thread")
    expected = await _chunks(tenant, path, mapping)
    assert len(expected) > 2
    assert any(chunk.refused for chunk in expected)
    assert [chunk.last for chunk in expected] == [False] * (len(expected) - 1) + [True]
    by("process at once")
    found = await _chunks(tenant, path, mapping)
    for one, other in zip(found, expected, strict=True):
        assert one.records == other.records
        assert one.places == other.places
        assert one.refused == other.refused


async def test_a_reader_that_is_killed_is_told_and_the_file_can_be_imported_again(
    make_tenant, files, by, monkeypatch
) -> None:
    by("process")
    calm, _ = await _imported(make_tenant, files)
    tenant, asked = await make_tenant(), []
    await provision(tenant, files[0])
    plain = reading._Process.answer

    def answer(process: Any) -> Chunk:
        asked.append(process)
        if len(asked) == 2:
            process._child.kill()
        return plain(process)

    with monkeypatch.context() as patch:
        patch.setattr(reading._Process, "answer", answer)
        with pytest.raises(LostReaderError, match=r"usage\.ndjson.*killed by signal 9.*again"):
            await import_file(tenant, files[1])
    assert asked[0]._child.returncode == -9
    report = await import_file(tenant, files[1])
    assert report.outcome["duplicate"] > 90, "what was in before is told as such"
    found, expected = await figures(tenant), await figures(calm)
    for name in expected:
        assert found[name] == expected[name], name


async def test_a_catalog_that_changes_meanwhile_counts_for_all_that_is_not_in_yet(make_tenant, by, tmp_path) -> None:
    by("process")
    tenant, texts = await make_tenant(), read_texts(DEMO_CATALOG)
    path, file = tmp_path / "usage.ndjson", "specifications.yaml"
    bodies = [usage_body("sms", "4915550000001", destinationPhoneNumber="112", messageCount=n) for n in range(1, 401)]
    path.write_text("\n".join(map(json.dumps, bodies)))
    before, after = (f"messageCount, valueType: integer, minimum: {n}, default: {n or 1}" for n in (0, 391))
    changed = texts[file].replace(before, after)
    assert changed != texts[file]
    results: list[list[Done | Refused]] = []
    readers: list[set[bytes]] = []
    async with aclosing(chunks_of(tenant, path)) as chunks:
        async for chunk in chunks:
            readers.append({each.reading.specification for each in chunk.records if each.reading})
            if len(readers) == 2:
                await once(tenant, lambda work: registry.publish(work, {file: changed}))
            results.append(list(await once(tenant, lambda work, records=chunk.records: restore(work, records))))
    assert readers[0] == readers[1] == readers[2] != set(), "the third chunk was read already when the catalog changed"
    assert readers[4] not in (set(), readers[0])
    assert [all(isinstance(each, Done) for each in group) for group in results] == [True] + [False] * 4
    assert sum(isinstance(each, Refused) for group in results[1:] for each in group) == 300
    assert [isinstance(each, Done) for each in results[4]] == [False] * 30 + [True] * 10


def test_what_a_reader_cannot_read_is_raised_where_it_was_asked(tmp_path) -> None:
    process = reading._Process(tmp_path / "none.ndjson", None)
    try:
        with pytest.raises(FileNotFoundError, match=r"none\.ndjson"):
            process.answer()
    finally:
        process.end()
    (tmp_path / "usage.ndjson").touch()
    process = reading._Process(tmp_path / "usage.ndjson", None)
    try:
        reading._send(process._child.stdin, b"\xc1")
        with pytest.raises(RuntimeError, match="DecodeError"):
            process.answer()
    finally:
        process.end()


def _readers_of(path: Path) -> list[int]:
    """The processes that read a file for an import; what has ended has no words any more."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            words = (each / "cmdline").read_bytes().split(b"\0") if each.name.isdigit() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"oxl.apis.product_usage.reading" in words and os.fsencode(path) in words:
            found.append(int(each.name))
    return found


async def test_no_reader_is_left_by_an_import_that_is_killed(database: Database, make_tenant, tmp_path) -> None:
    people, usage = make_files(tmp_path, NOON, 20, 9000)  # more than a chunk
    tenant = await make_tenant()
    await provision(tenant, people)
    gate = Gate(database, tenant, "usage")
    await gate.build()
    await gate.close(0)
    process = bystander.start(tenant, "import", usage)
    await until(gate.is_waited_at)
    readers: Sequence[int] = _readers_of(usage)
    process.kill()
    await asyncio.to_thread(process.wait)
    await gate.take_away()
    assert len(readers) == 1
    await until(lambda: not _readers_of(usage))
