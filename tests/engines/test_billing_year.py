"""A year of one account, written as a table: what happens on which day, and every line, tax and total of every bill."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from tests.engines.bills import at, set_policy, sound_bills
from tests.engines.books import fetch
from tests.engines.year import Year

from oxl.db.database import Tenant

TABLE = Path(__file__).parent / "tables" / "year.txt"


def _when(day: str, action: str) -> datetime:
    """Bills are made at midnight in Berlin, everything else happens at noon."""
    summer = "2026-03-29" <= day < "2026-10-25"
    return (
        at(f"{day}T00:00") - timedelta(hours=2 if summer else 1)
        if action in ("bill", "subscribe")
        else at(f"{day}T12:00")
    )


async def test_a_year_of_one_account_to_the_cent(tenant: Tenant) -> None:
    await set_policy(tenant, "{}")
    year = Year(tenant)
    went: list[str] = []
    for row in TABLE.read_text("utf-8").splitlines():
        if not row.startswith("2026") and not row.startswith("2027"):
            if not row.startswith("    "):
                went.append(row)
            continue
        day, action, *words = row.split()
        tenant.clock.frozen = _when(day, action)
        before = await fetch(tenant, "select coalesce(max(place), 0) as n from bill")
        await getattr(year, action)(*words)
        went += [row, *await year.shown(before[0]["n"])]
    assert "\n".join(went).rstrip() == TABLE.read_text("utf-8").rstrip()
    await sound_bills(tenant)
