"""What is kept of a party, as a file: all that is theirs, and nothing of anybody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.conftest import BALANCE, client_of
from tests.identity.conftest import Ground, party

from oxl.cli.parties import write_party


async def test_a_party_takes_away_all_that_is_theirs_and_nothing_else(alpha: Ground, tmp_path: Path) -> None:
    for line in (alpha.ada, alpha.bob):
        async with client_of(alpha.tenant) as http:
            account = line["billingAccount"]["id"]
            main = (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]
            body = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": main["id"]}}
            assert (await http.post(f"{BALANCE}/topupBalance", json=body)).status_code == 201
    file = tmp_path / "ada.ndjson"
    lines = await write_party(alpha.tenant, party(alpha.ada), file)
    found: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(found) == lines
    assert {"Bucket", "TopupBalance"} <= {each.get("@type", "Bucket") for each in found}
    assert file.stat().st_mode & 0o777 == 0o600
    assert alpha.bob["billingAccount"]["id"] not in file.read_text()
    assert alpha.ada["billingAccount"]["id"] in file.read_text()


async def test_nobody_is_no_party(alpha: Ground, tmp_path: Path) -> None:
    with pytest.raises(typer.Exit):
        await write_party(alpha.tenant, "nobody", tmp_path / "a")
