"""A job in parts comes to the same however many workers are at it, and whichever of them are killed."""

from __future__ import annotations

import asyncio
import random
from signal import SIGKILL
from typing import Any

import pytest
from tests.conftest import OPERATOR, client_of
from tests.engines.books import USAGES, fetch, posted
from tests.engines.test_usage_changes import proven
from tests.engines.test_usage_rerate import lines_of, publish_tiers, records, standing, taken
from tests.gates import Gate, killed
from tests.scenarios import bystander

from oxl.apis.product_usage import again as jobs
from oxl.db.database import Database, Tenant
from oxl.engines.usage import again
from oxl.engines.usage.again import Kind, Progress, Selection
from oxl.kernel.background import once
from oxl.values import new_id

RECORDS = 30  # of each account


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "STEP", bystander.STEP)


async def population(tenant: Tenant, accounts: int) -> list[str]:
    """Accounts of one and two lines with records that came in any order; their ids in the order of their making."""
    await publish_tiers(tenant)
    made = []
    for n in range(accounts):
        account, numbers = await lines_of(tenant, ("postpaid", "prepaid")[n % 2], 1 + n % 3 // 2)
        bodies = records(n, [f"{place}" for place in range(len(numbers))], RECORDS)
        bodies = [_of(body, numbers) for body in bodies]
        random.Random(n).shuffle(bodies)
        await taken(tenant, bodies, n)
        made.append(account)
    return made


def _of(body: dict[str, Any], numbers: list[str]) -> dict[str, Any]:
    """The record with the number at the place that it names."""
    made = [
        each | {"value": f"+{numbers[int(each['value'])]}"} if each["name"] == "originatingPhoneNumber" else each
        for each in body["usageCharacteristic"]
    ]
    return body | {"usageCharacteristic": made}


async def started(tenant: Tenant, kind: Kind = "rerate", chosen: Selection | None = None) -> Progress:
    return await once(tenant, lambda work: again.start(work, kind, chosen or Selection()))


async def parts(tenant: Tenant, job: str) -> list[dict[str, Any]]:
    return await fetch(tenant, "select * from usage_job_part where job_id = $1 order by part", job)


async def books(tenant: Tenant, accounts: list[str]) -> list[Any]:
    await proven(tenant)
    return [await standing(tenant, account) for account in accounts]


async def test_three_workers_at_once_come_to_what_one_comes_to(make_tenant) -> None:
    found = []
    for workers in (1, 3):
        tenant = await make_tenant()
        accounts = await population(tenant, 7)
        job = await started(tenant)
        assert job.total == 7 * RECORDS
        divided = await parts(tenant, job.id)
        assert len(divided) == 7
        told: list[Progress] = []
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(jobs.run_to_end(tenant, job.id, told.append)) for _ in range(workers)]
        (counts, *others) = [end.result().counts for end in ends]
        assert all(other == counts for other in others), "each is told what all of it came to"
        assert all(sum(each.counts.values()) <= job.total for each in told)
        assert sum(counts.values()) == job.total
        async with client_of(tenant) as http:
            shown = (await http.get(f"{OPERATOR}/usageJob/{job.id}")).json()
        assert (shown["state"], shown["total"], shown["outcome"]) == ("done", job.total, counts)
        found.append((counts, await books(tenant, accounts)))
    assert found[0][0]["corrected"] > 0
    assert found[0] == found[1]


async def test_a_worker_takes_another_part_than_the_one_that_is_at_hand(tenant: Tenant) -> None:
    await population(tenant, 3)
    job = await started(tenant)
    assert len(await parts(tenant, job.id)) == 3
    async with tenant.connection() as conn, conn.transaction():
        await conn.execute("select 1 from usage_job_part where job_id = $1 and part = 2 for update", job.id)
        progress = await jobs.run(tenant, job.id)
        assert progress is not None
        assert (progress.state, sum(progress.counts.values())) == ("inProgress", 2 * RECORDS)
        assert [each["state"] for each in await parts(tenant, job.id)] == ["done", "acknowledged", "done"]
        assert await jobs.run(tenant, job.id) is None, "all that is left is at hand"
    ended = await jobs.run_to_end(tenant, job.id)
    assert (ended.state, sum(ended.counts.values())) == ("done", job.total)
    assert await jobs.run_due(tenant) == 0
    with pytest.raises(LookupError, match="no usage job has the id 'none'"):
        await jobs.run_to_end(tenant, "none")


async def test_a_job_of_the_version_before_goes_on_where_it_was(make_tenant) -> None:
    tenant = await make_tenant()
    accounts = sorted(await population(tenant, 3))
    job = new_id(tenant.clock.now())
    await fetch(
        tenant,
        "insert into usage_job (id, kind, state, filter, total, counts, place, created_at, updated_at)"
        " values ($1, 'rerate', 'inProgress', '{}', $2, '{\"unchanged\": 30}', $3, $4, $4) returning id",
        job, 3 * RECORDS, accounts[0], tenant.clock.now(),
    )  # fmt: skip
    before = await standing(tenant, accounts[0])
    async with client_of(tenant) as http:
        shown = (await http.get(f"{OPERATOR}/usageJob/{job}")).json()
        assert (shown["state"], shown["outcome"]) == ("inProgress", {"unchanged": 30})
        assert await jobs.run_due(tenant) == 1
        shown = (await http.get(f"{OPERATOR}/usageJob/{job}")).json()
    assert shown["state"] == "done"
    assert sum(shown["outcome"].values()) == 3 * RECORDS
    assert await standing(tenant, accounts[0]) == before, "it was done already"
    assert {len(await fetch(tenant, "select id from usage where account_id = $1 and reference = $2", account, job)) > 0
            for account in accounts[1:]} == {True}  # fmt: skip


async def test_a_retry_is_in_parts_where_everything_is_somebodys(make_tenant) -> None:
    tenant = await make_tenant()
    await publish_tiers(tenant)
    bodies = []
    for n in range(3):
        _, numbers = await lines_of(tenant, "postpaid", 1)
        bodies += records(n, numbers, 12)
    tenant.clock.frozen = tenant.clock.now().replace(month=12)  # much too late
    assert {each.result.status for each in await posted(tenant, USAGES, bodies)} == {"failed"}
    job = await started(tenant, "retry", Selection(late=True))
    assert len(await parts(tenant, job.id)) == 3
    found = await asyncio.gather(*(jobs.run_to_end(tenant, job.id) for _ in range(2)))
    assert [each.counts for each in found] == [{"rated": len(bodies)}] * 2

    unknown = [_of(body, ["4915559999999"]) for body in records(9, ["0"], 25)]
    assert {each.result.reason for each in await posted(tenant, USAGES, unknown)} == {"unknownSubscriber"}
    job = await started(tenant, "retry")
    assert len(await parts(tenant, job.id)) == 1, "whose they become is known when they are tried"
    assert (await jobs.run_to_end(tenant, job.id)).counts == {"failed: unknownSubscriber": 25}
    empty = await started(tenant, "retry", Selection(product_id="nobody"))
    assert (await jobs.run_to_end(tenant, empty.id)).counts == {}


async def _killed(database: Database, make_tenant: Any, kills: int, seed: int) -> None:
    accounts, found = 8, []
    for workers in ("undisturbed", "killed"):
        tenant = await make_tenant()
        made = await population(tenant, accounts)
        job = await started(tenant)
        if workers == "killed":
            choose, gate, left = random.Random(seed), Gate(database, tenant, "usage_history"), accounts - 2
            await gate.build()
            for n in range(kills):
                after = choose.randint(0, left // (kills - n))
                await gate.close(after)
                struck, other = (bystander.start(tenant, "job", job.id) for _ in range(2))
                left -= after + await killed(gate, struck, choose, left - after)
                other.kill()
                ends = await asyncio.gather(*(asyncio.to_thread(each.wait) for each in (struck, other)))
                assert ends == [-SIGKILL, -SIGKILL]
            await gate.take_away()
        done = await jobs.run_to_end(tenant, job.id)
        changed = "select count(distinct account_id) as n from usage where reference = $1"
        assert await fetch(tenant, changed, job.id) == [{"n": accounts}], "each comes by the gate"
        found.append((done.state, done.counts, await books(tenant, made)))
    assert found[0] == found[1]


async def test_workers_that_are_killed_lose_nothing_and_double_nothing(database: Database, make_tenant) -> None:
    await _killed(database, make_tenant, 2, 31)


@pytest.mark.torture
async def test_workers_of_one_job_that_are_killed_many_times(database: Database, make_tenant) -> None:
    for seed in range(10):
        await _killed(database, make_tenant, 4, seed)
