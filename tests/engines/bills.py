"""What tests of billing look at: runs without HTTP, bills and lines as rows, and the proof of their sums."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from tests.engines.books import fetch, new_number

from oxl.db.database import Tenant
from oxl.engines.billing import read, setup
from oxl.engines.billing import run as runs
from oxl.engines.billing.run import NewRun
from oxl.kernel.background import once


def at(text: str) -> datetime:
    """A UTC instant from `2026-06-15T10:00` or a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def set_policy(tenant: Tenant, text: str) -> None:
    await once(tenant, lambda work: setup.set_policy(work, text))


async def billed(tenant: Tenant, item: NewRun, size: int = 1000) -> tuple[str, dict[str, Any]]:
    """A run from beginning to end: its id, and its control sums."""
    (started,) = await once(tenant, lambda work: runs.start(work, [item]))
    while await once(tenant, lambda work: runs.batch(work, started.id, size)):
        pass
    await once(tenant, lambda work: runs.finish(work, started.id, alone=True))
    (row,) = await fetch(tenant, "select state, control::text as control from bill_run where id = $1", started.id)
    return started.id, {"state": row["state"]} | msgspec.json.decode(row["control"])


async def lines(tenant: Tenant, bill: str) -> list[dict[str, Any]]:
    return await fetch(tenant, "select * from bill_line where bill_id = $1 order by place", bill)


def subscriber(
    offering: str = "postpaid-l", since: str = "2026-05-01", day: int = 1, number: str = ""
) -> dict[str, Any]:
    return {
        "party": {"givenName": "Bill", "familyName": "Payer"},
        "logicalResource": {"value": number or new_number()},
        "productOffering": {"id": offering},
        "billingAccount": {"billingDay": day},
        "validFor": {"startDateTime": f"{since}T00:00:00+02:00"},
    }


async def sound_bills(tenant: Tenant) -> None:
    """Every control sum of every bill is zero."""
    assert await once(tenant, read.proof) == []
