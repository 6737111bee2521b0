"""A process to kill, which does work of a kind for the tenant that its environment tells of."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from oxl.apis.product_usage import again as jobs
from oxl.apis.product_usage.exporting import Exporter
from oxl.apis.product_usage.jobs import import_file
from oxl.apis.product_usage.spreading import Taking
from oxl.db.database import Tenant
from oxl.engines.usage import again

LEASE = timedelta(seconds=1)
STEP = 10  # usages in a step of a job


def start(tenant: Tenant, work: str, path: Path | str) -> subprocess.Popen[str]:
    """A process of its own for a tenant."""
    told = json.dumps([tenant.name, tenant._connect, str(tenant.clock.frozen), work, str(path)])
    environment = os.environ | {"TOLD": told}
    return subprocess.Popen([sys.executable, "-m", "tests.scenarios.bystander"], env=environment, text=True)


def main() -> None:
    """Do it until it is done, or killed."""
    name, connect, now, work, path = json.loads(os.environ["TOLD"])
    tenant = Tenant(name, connect, 4)
    tenant.clock.frozen = datetime.fromisoformat(now)
    if work == "import":
        asyncio.run(import_file(tenant, Path(path)))  # type: ignore[arg-type]
    elif work == "job":
        again.STEP = STEP
        asyncio.run(jobs.run_to_end(tenant, path))  # type: ignore[arg-type]
    elif work == "take":
        asyncio.run(Taking(tenant).run(asyncio.Event()))
    else:
        asyncio.run(Exporter(tenant, Path(path), lease=LEASE).run(asyncio.Event()))


if __name__ == "__main__":
    main()
