"""`oxl rate`, `oxl usage retry` and `oxl usage rerate` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import DEMO_CATALOG, usage_body
from tests.scenarios.commands import Cli


def test_a_rating_is_explained_step_by_step_without_a_database(folder: Path) -> None:
    file = folder / "call.json"
    body = usage_body(
        "voice", "4915112345678", "2026-06-04T10:00:00Z", destinationPhoneNumber="+493012345", duration=700
    )
    file.write_text(json.dumps(body))
    told = Cli(folder / "none").run(
        "rate", "--plan", "postpaid-l", "--usage", str(file), "--catalog", str(DEMO_CATALOG)
    )
    for words in ("zone", "national, by the prefix 49", "voice-national", "700 of 700 second", "set-up", "0.05",
                  "from 600 on", "1.3833", "half up, to 4 decimals", "S: 19 %", "1.646127"):  # fmt: skip
        assert words in told, (words, told)
    assert not (folder / "none").exists()
    process = Cli(folder / "none").start("rate", "--plan", "none", "--usage", str(file), "--catalog", str(DEMO_CATALOG))
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "pricePlan.id" in told


def test_what_waits_is_tried_again_and_what_was_rated_is_rated_again(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.run("catalog", "publish", str(DEMO_CATALOG))
    number, usage = "4915559990001", folder / "usage.ndjson"
    bodies = [
        usage_body("voice", number, f"2026-11-0{n}T10:00:00Z", destinationPhoneNumber="+447700900123", duration=60 * n)
        for n in range(1, 6)
    ]
    usage.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    assert "unknownSubscriber" in cli.run("usage", "import", str(usage))
    told = cli.run("usage", "import", str(usage), "--spread")
    assert "duplicateUsage" in told
    assert "5 records" in told
    assert "unknownSubscriber" in cli.run("usage", "retry", "--reason", "unknownSubscriber")
    person = {"party": {"name": "Ada"}, "logicalResource": {"value": number}, "productOffering": {"id": "postpaid-l"}}
    people = folder / "people.ndjson"
    people.write_text(json.dumps(person | {"validFor": {"startDateTime": "2026-10-01T00:00:00Z"}}) + "\n")
    cli.run("subscriber", "import", str(people))
    told = cli.run("usage", "retry", "--reason", "unknownSubscriber")
    assert "rated" in told
    assert "5" in told
    assert "unchanged" in cli.run("usage", "rerate", "--plan", "postpaid-l")
