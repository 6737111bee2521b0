"""`oxl usage simulate`: files of usage, each a part, priced by a plan of a catalog; nothing of it needs a database."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.conftest import DEMO_CATALOG, usage_body
from typer.testing import CliRunner

from oxl.apis.product_usage import simulating
from oxl.apis.product_usage.simulating import executor_of, simulate
from oxl.cli.main import app
from oxl.engines.catalog.catalog import read_texts

LINES = [
    usage_body("voice", "4915550000001", destinationPhoneNumber="+493012345", duration=90),
    usage_body("sms", "4915550000001", destinationPhoneNumber="+493012345", messageCount=1),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files, one with a line that is none."""
    good = b"".join(msgspec.json.encode(line) + b"\n" for line in LINES)
    found = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    for file, text in zip(found, (good, good + b"{\n"), strict=True):
        file.write_bytes(text)
    return found


def test_files_come_to_the_sum_of_their_usages(files: list[Path]) -> None:
    found = simulate(read_texts(DEMO_CATALOG), "postpaid-l", None, files, map)
    rows = {(row.component, row.zone): (row.usages, row.billable, row.unit, row.net) for row in found.rows}
    assert rows == {
        ("voice-national", "national"): (2, 180, "second", "0.46"),  # 0.05 and 1.5 minutes at 0.12, each
        ("sms-national", "national"): (2, 2, "message", "0.14"),
    }
    assert (found.refused, found.files, found.currency) == ({"invalidBody": 1}, 2, "EUR")


@pytest.mark.parametrize(("plan", "version"), [("nothing", None), ("postpaid-l", 7)])
def test_a_plan_that_is_not_there_is_told(plan: str, version: int | None, files: list[Path]) -> None:
    with pytest.raises(LookupError, match=plan):
        simulate(read_texts(DEMO_CATALOG), plan, version, files, executor_of(""))


def test_the_command_writes_what_it_found(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulating, "here", map)
    out = tmp_path / "out.json"
    words = [*map(str, files), "--plan", "postpaid-l.1", "--catalog", str(DEMO_CATALOG), "--out", str(out)]
    told = CliRunner().invoke(app, ["usage", "simulate", *words])
    assert told.exit_code == 0, told.output
    result = msgspec.json.decode(out.read_bytes())
    assert (result["plan"], len(result["rows"]), len(result["digest"])) == ("postpaid-l.1", 2, 64)
    assert result["digest"] in told.output.replace("\n", "")


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["usage", "simulate", str(tmp_path / "none.parquet"), "--plan", "postpaid-l"])
    assert told.exit_code == 1
