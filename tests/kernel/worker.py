"""A worker process to kill: delivers the toy's events of the tenant whose connection its environment tells."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import timedelta

import msgspec
from tests.kernel.toy import TOY

from oxl.db.database import Tenant
from oxl.kernel.events import voices
from oxl.outbox.batch import Pace
from oxl.outbox.callbacks import Guard
from oxl.outbox.delivery import Delivery


def start(tenant: Tenant, pace: Pace) -> subprocess.Popen[str]:
    """A worker process of its own for a tenant."""
    told = json.dumps([tenant.name, tenant._connect, json.loads(msgspec.json.encode(pace))])
    return subprocess.Popen([sys.executable, "-m", "tests.kernel.worker"], env=os.environ | {"TOLD": told}, text=True)


def main() -> None:
    """Deliver until killed."""
    name, connect, pace = json.loads(os.environ["TOLD"])
    told = msgspec.convert(pace, Pace, dec_hook=lambda _, text: timedelta(**text))
    delivery = Delivery(voices((TOY,)), Tenant(name, connect, 6), Guard(dev=True), pace=told)
    asyncio.run(delivery.run(asyncio.Event()))


if __name__ == "__main__":
    main()
