"""Files that mean harm or were broken: what is bad is told at its line, what is good is in, and memory stays small."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from tests.conftest import usage_body

from oxl.apis.product_usage.files import MAX_LINE, opened
from oxl.apis.product_usage.jobs import Report, import_file
from oxl.apis.product_usage.mapping import read_mapping
from oxl.db.database import Tenant

_PEAK = """
import resource, sys
from pathlib import Path
from oxl.apis.product_usage.files import opened
with opened(Path(sys.argv[1])) as source:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = [line.fault for line in source.lines]
print(len(told), sum(1 for each in told if each), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def _lines(number: str, count: int, first: int = 0) -> list[bytes]:
    bodies = [
        usage_body("voice", number, duration=60, destinationPhoneNumber="+493012345")
        | {"externalIdentifier": [{"@type": "ExternalIdentifier", "owner": "s", "id": f"{first + n}"}]}
        for n in range(count)
    ]
    return [json.dumps(body).encode() for body in bodies]


@pytest.fixture(scope="module")
async def number(subscribe) -> str:
    return (await subscribe("postpaid-l"))["logicalResource"]["value"]


async def _imported(tenant: Tenant, path: Path, content: bytes, mapping: Path | None = None) -> Report:
    await asyncio.to_thread(path.write_bytes, content)
    return await import_file(tenant, path, read_mapping(mapping) if mapping else None)


async def _told(tenant: Tenant, file: str) -> list[tuple[int, str]]:
    async with tenant.connection() as conn:
        rows = await conn.fetch(
            "select l.line, l.reason from usage_import_line l join usage_import i on i.id = l.import_id"
            " where i.file = $1 order by l.line",
            file,
        )
    return [(row["line"], row["reason"]) for row in rows]


async def test_ndjson_cut_in_the_middle(tenant, number, tmp_path) -> None:
    content = b"\n".join(_lines(number, 5))
    report = await _imported(tenant, tmp_path / "cut.ndjson", content[:-100])
    assert dict(report.outcome) == {"rated": 4, "rejected": 1}
    assert [line for line, _ in await _told(tenant, "cut.ndjson")] == [5]


async def test_an_array_cut_in_the_middle_or_at_a_line(tenant, number, tmp_path) -> None:
    lines = _lines(number, 4, 10)
    whole = b"[\n" + b",\n".join(lines) + b"\n]\n"
    report = await _imported(tenant, tmp_path / "cut1.json", whole[: whole.index(lines[3]) + 50])
    assert dict(report.outcome) == {"rated": 3, "rejected": 2}
    report = await _imported(tenant, tmp_path / "cut2.json", whole[: whole.index(lines[2])])
    assert dict(report.outcome) == {"duplicate": 2, "rejected": 1}
    assert "the array has no end" in (await _told(tenant, "cut2.json"))[-1][1]
    report = await _imported(tenant, tmp_path / "whole.json", b"[" + b",".join(lines) + b"]")
    assert dict(report.outcome) == {"duplicate": 3, "rated": 1}
    assert (await _imported(tenant, tmp_path / "empty.json", b"[]")).records == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
async def test_wrong_encodings(tenant, number, tmp_path, encoding: str) -> None:
    lines = [json.loads(line) | {"note": "Grüße"} for line in _lines(number, 3, {"u": 20, "l": 30}[encoding[0]])]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    report = await _imported(tenant, tmp_path / f"{encoding}.ndjson", text.encode(encoding))
    assert dict(report.outcome) == ({"rated": 3} if encoding == "utf-8-sig" else {"rejected": 3})


async def test_gzip_that_is_cut_or_none(tenant, number, tmp_path) -> None:
    packed = gzip.compress(b"\n".join(_lines(number, 2000, 100)))
    report = await _imported(tenant, tmp_path / "cut.ndjson.gz", packed[: len(packed) // 2])
    assert report.outcome["rated"] > 100
    assert "cannot be unpacked" in (await _told(tenant, "cut.ndjson.gz"))[-1][1]
    report = await _imported(tenant, tmp_path / "none.ndjson.gz", b"this is no gzip")
    assert dict(report.outcome) == {"rejected": 1}


async def test_rows_of_csv_that_are_ragged_quoted_or_binary(tenant, number, tmp_path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "usageSpecification: voice\nexternalIdentifier: {owner: csv, column: id}\ncharacteristics:\n"
        "  originatingPhoneNumber: a\n  destinationPhoneNumber: b\n  startDateTime: start\n"
        "  duration: {column: secs, type: integer}\n"
    )

    def row(key: str, more: bytes = b"") -> bytes:
        return f"{key},+{number},+493012345,2026-06-14T10:00:00Z,90".encode() + more

    rows = [
        b"id,a,b,start,secs", row("1"), row("2", b",extra"), b"3,+49", b'"4' + row("4"), row("5"), b"",
        row("6", b"\x00"),
        b"\xff\xfe" + row("7"), b"8," + b"9" * 2 * MAX_LINE, row("9"), b",,,,", row("10", b"e999999999"), row("11"),
    ]  # fmt: skip
    report = await _imported(tenant, tmp_path / "rows.csv", b"\r\n".join(rows), mapping)
    assert report.outcome["rated"] == 4, await _told(tenant, "rows.csv")  # 1, 5, 9, 11
    assert [line for line, _ in await _told(tenant, "rows.csv")] == [3, 4, 5, 8, 9, 10, 12, 13]


async def test_csv_without_a_document_says_what_is_missing(tenant, tmp_path) -> None:
    report = await _imported(tenant, tmp_path / "odd.csv", b"a,b\n1,2\n")
    assert dict(report.outcome) == {"rejected": 1}
    assert "document" in (await _told(tenant, "odd.csv"))[0][1]


async def test_parquet_that_is_none(tenant, tmp_path) -> None:
    report = await _imported(tenant, tmp_path / "none.parquet", b"PAR1" + os.urandom(5000) + b"PAR1")
    assert dict(report.outcome) == {"rejected": 1}
    assert "Parquet" in (await _told(tenant, "none.parquet"))[0][1]


async def test_ids_that_are_made_up_change_no_record(tenant, number, tmp_path) -> None:
    (line,) = _lines(number, 1, 5000)
    report = await _imported(tenant, tmp_path / "first.ndjson", line)
    assert report.outcome["rated"] == 1
    async with tenant.connection() as conn:
        usage_id = await conn.fetchval("select max(id) from usage")
    times = {"creationDate": "2026-06-01T00:00:00Z", "lastUpdate": "2026-06-01T00:00:00Z"}
    other = json.loads(_lines(number, 1, 5001)[0]) | times
    bodies = [other | {"id": usage_id}, other | {"id": "../x"}, other | {"id": 7}, other | {"id": usage_id}]
    report = await _imported(tenant, tmp_path / "ids.ndjson", "\n".join(map(json.dumps, bodies)).encode())
    assert dict(report.outcome) == {"duplicate": 3, "rated": 1}


def _write_long_line(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(b'{"a":1}\n{"a":"')
        for _ in range(size >> 20):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"a":2}\n')


def _write_bomb(path: Path, size: int) -> None:
    packer = zlib.compressobj(9, wbits=31)
    with path.open("wb") as file:
        file.write(packer.compress(b'{"a":1}\n'))
        for _ in range(size >> 20):
            file.write(packer.compress(b"\n" * (1 << 20)))
        file.write(packer.flush())


@pytest.mark.parametrize(
    ("write", "name", "records", "faults"),
    [(_write_long_line, "long.ndjson", 3, 1), (_write_bomb, "bomb.ndjson.gz", 2, 1)],
)
def test_a_line_of_a_gigabyte_and_a_zip_bomb_are_read_in_little_memory(tmp_path, write, name, records, faults) -> None:
    path = tmp_path / name
    write(path, 1 << 30)
    told = subprocess.run([sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, check=True).stdout
    found, bad, grown = map(int, told.split())
    assert (found, bad) == (records, faults)
    assert grown < 32_000  # kB


def test_what_is_packed_well_but_honestly_is_read(tmp_path) -> None:
    path = tmp_path / "honest.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 200_000))
    with opened(path) as source:
        assert sum(1 for line in source.lines if not line.fault) == 200_000
