"""A bill run that is killed comes, when it is started again, to what an undisturbed one comes to."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from tests.conftest import usage_body
from tests.engines.bills import at, billed, set_policy, sound_bills, subscriber
from tests.engines.books import BRITAIN, SUBSCRIBERS, USAGES, fetch, new_number, posted, told
from tests.gates import Gate, killed

from oxl.apis.customer_bill.documents import drawn
from oxl.db.database import Database, Tenant
from oxl.engines.billing import documents
from oxl.engines.billing import run as runs
from oxl.engines.billing.run import NewRun
from oxl.kernel.background import once

ACCOUNTS, BATCH = 40, 3
WORKER = Path(__file__).with_name("bill_worker.py")
# What a bill and its lines are, without the ids and numbers that may fall to another account.
BILLS = """select a.external_id, b.category, b.state, b.net, b.tax, b.rounding, b.carried, b.period_start, b.period_end
    from bill b join account a on a.id = b.account_id order by 1"""
LINES = """select a.external_id, l.place, l.rate_type, l.name, l.quantity, l.of_days, l.exact, l.shown, l.net, l.tax
    from bill_line l join account a on a.id = l.account_id order by 1, 2"""


async def _population(tenant: Tenant, numbers: list[str]) -> None:
    """The same accounts and usage in every tenant."""
    tenant.clock.frozen = at("2026-06-20T12:00")
    random = Random(5)
    bodies = []
    for n, number in enumerate(numbers):
        body = subscriber("postpaid-l", f"2026-05-{random.randint(2, 28):02d}", 1, number)
        body["billingAccount"]["externalId"] = f"a{n:03d}"
        bodies.append(body)
    assert {told(each) for each in await posted(tenant, SUBSCRIBERS, bodies)} == {"done"}
    calls = [
        usage_body("voice", number, f"2026-06-{random.randint(1, 19):02d}T10:00:00Z", destinationPhoneNumber=BRITAIN,
                   duration=random.randint(1, 999))
        for number in numbers
    ]  # fmt: skip
    assert {told(each) for each in await posted(tenant, USAGES, calls)} == {"rated"}
    tenant.clock.frozen = at("2026-07-01T01:00")
    await set_policy(tenant, '{"seller": {"name": "Aurora", "taxNumber": "DE999999999"}}')


async def _killed(database: Database, tenant: Tenant, run: str, kills: int, random: Random) -> None:
    """Start the worker again and again, killing it at some batch, then let it end."""
    gate, left = Gate(database, tenant, "bill"), ACCOUNTS // BATCH
    await gate.build()
    for n in range(kills + 1):
        after = random.randint(0, left // (kills + 1 - n))
        if n < kills:
            await gate.close(after)
        else:
            await gate.take_away()
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER), str(database.settings.data), tenant.name, run, str(BATCH)
        )
        if n < kills:
            left -= after + await killed(gate, process, random, left - after)
        assert await process.wait() == (-signal.SIGKILL if n < kills else 0)


async def _drawn(tenant: Tenant) -> dict[str, list[bytes]]:
    """The documents of all bills by account, under one number, since which account got which is left to chance."""
    bills = [row["id"] for row in await fetch(tenant, "select id from bill")]
    facts = await once(tenant, lambda work: documents.facts_of(work, bills))
    same = {each.buyer.account: msgspec.structs.replace(each, number="R2026-1") for each in facts.values()}
    return {account: [made.content for made in drawn("", each)] for account, each in same.items()}


async def _survives(database: Database, make_tenant: Callable[[], Any], points: int, seed: int) -> None:
    numbers = [new_number() for _ in range(ACCOUNTS)]
    calm, struck = await make_tenant(), await make_tenant()
    for tenant in (calm, struck):
        await _population(tenant, numbers)
    await billed(calm, NewRun("onCycle", "2026-07-01"))
    await struck.set_clock(struck.clock.offset, struck.clock.frozen)
    (started,) = await once(struck, lambda work: runs.start(work, [NewRun("onCycle", "2026-07-01")]))
    await _killed(database, struck, started.id, points, Random(seed))
    (again,) = await once(struck, lambda work: runs.start(work, [NewRun("onCycle", "2026-07-01")]))
    assert (again.id, again.changes) == (started.id, ())
    (ended,) = await once(struck, lambda work: runs.finish(work, started.id, alone=True))
    assert ended.status == "succeeded"
    for statement in (BILLS, LINES):
        assert await fetch(struck, statement) == await fetch(calm, statement)
    assert await _drawn(struck) == await _drawn(calm)
    numbers_given = [row["number"] for row in await fetch(struck, "select number from bill_number order by number")]
    assert numbers_given == list(range(1, ACCOUNTS + 1))
    await sound_bills(struck)


async def test_a_killed_run_goes_on_to_the_same_bills(database: Database, make_tenant: Callable[[], Any]) -> None:
    await _survives(database, make_tenant, 3, 11)


@pytest.mark.torture
async def test_thirty_kills_leave_the_same_bills(database: Database, make_tenant: Callable[[], Any]) -> None:
    await _survives(database, make_tenant, 30, 12)
