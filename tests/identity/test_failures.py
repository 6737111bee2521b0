"""Failures on the way in, before any application answers: they are told as errors of the standard."""

from __future__ import annotations

import pytest
from tests.conftest import BALANCE
from tests.identity.conftest import Ground, client, new_key, settings_of

from oxl.app import gate_of
from oxl.db.database import Database


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(ConnectionResetError("by the database"), 503, "unavailable"), (ValueError("broken"), 500, "internalError")],
)
async def test_a_failure_on_the_way_in_is_answered(
    database: Database, alpha: Ground, error: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of(settings_of(database), database)

    async def house(_: str) -> None:
        raise error

    async with client(gate, credential=await new_key(alpha.tenant)) as http:
        monkeypatch.setattr(gate._tenants, "house", house)
        answer = await http.get(f"{BALANCE}/bucket")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
