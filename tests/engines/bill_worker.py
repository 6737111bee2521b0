"""A process that works off a bill run in small batches, for tests that kill it. Arguments: data, tenant, run, size."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from oxl.apis.customer_bill.jobs import work_off
from oxl.db.database import Database
from oxl.settings import Settings


async def main(data: str, tenant: str, run: str, size: str) -> None:
    database = await Database.open(Settings(data=Path(data)))
    try:
        await work_off(await database.tenant(tenant), run, workers=2, size=int(size))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
