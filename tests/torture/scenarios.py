"""What clients and workers do to each other without any fault from outside; each gives what it found wrong.

The same scenarios prove the product and, with a bug planted, themselves: see test_planted.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.conftest import BALANCE, OPERATOR, USAGE, usage_body
from tests.engines.books import GERMANY, fetch
from tests.torture import histories
from tests.torture.doors import Door, doors
from tests.waiting import until

from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.clock import system_now
from oxl.db.database import Database, Tenant
from oxl.engines.ledger import proof
from oxl.kernel import select
from oxl.outbox import outbox
from oxl.values import new_id

_numbers = itertools.count(1)
MICRO = 1_000_000


async def line(door: Door) -> tuple[str, str]:
    """The main bucket and the number of a new prepaid line."""
    number = f"4915599{next(_numbers):05d}"
    body = {
        "party": {"givenName": "Ada", "familyName": "Test"}, "logicalResource": {"value": number},
        "productOffering": {"id": "prepaid-m"}, "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
    }  # fmt: skip
    made = (await door.ask("POST", f"{OPERATOR}/subscriber", body)).json
    account = made["billingAccount"]["id"]
    (bucket,) = (await door.ask("GET", f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json
    return bucket["id"], number


def top_up(bucket: str, micros: int, **more: Any) -> dict[str, Any]:
    """A body that credits a bucket."""
    return {"amount": {"amount": micros / MICRO, "units": "EUR"}, "bucket": {"id": bucket}} | more


async def twins(tenant: Tenant, _: Database, seed: int, size: int = 24) -> list[str]:
    """R5: each key is asked 2 to 16 times at once through two doors, then with another body, then again."""
    choose, found = random.Random(seed), []
    async with doors(tenant, 2) as both:
        bucket, _number = await line(both[0])
        for n in range(size):
            key, body = f"twin-{seed}-{n}", top_up(bucket, MICRO, description=f"twin {seed} {n}")
            copies = [
                choose.choice(both).ask("POST", f"{BALANCE}/topupBalance", body, key)
                for _ in range(choose.randrange(2, 17))
            ]
            told = await asyncio.gather(*copies)
            other = await both[n % 2].ask("POST", f"{BALANCE}/topupBalance", top_up(bucket, 2 * MICRO), key)
            told.append(await both[n % 2].ask("POST", f"{BALANCE}/topupBalance", body, key))
            if len(set(told)) != 1 or told[0].status != 201:
                found.append(f"key {n} was answered in {len(set(told))} ways: {Counter(each.status for each in told)}")
            if other.status != 422:
                found.append(f"key {n} with another body: {other.status}")
    (row,) = await fetch(tenant, "select count(*) as n from balance_action where bucket_id = $1", bucket)
    return found + ([f"{size} keys had {row['n']} effects"] if row["n"] != size else [])


async def records(tenant: Tenant, _: Database, seed: int, size: int = 12) -> list[str]:
    """R5: a usage record comes several times at once through two doors, with no key but its own."""
    choose, found = random.Random(seed), []
    async with doors(tenant, 2) as both:
        bucket, number = await line(both[0])
        await both[0].ask("POST", f"{BALANCE}/topupBalance", top_up(bucket, 50 * MICRO))
        for n in range(size):
            body = usage_body("sms", number, destinationPhoneNumber=GERMANY, messageCount=60)
            body |= {"externalIdentifier": [{"id": f"record-{seed}-{n}", "externalIdentifierType": "cdr"}]}
            asked = [choose.choice(both).ask("POST", USAGE, body) for _ in range(choose.randrange(2, 6))]
            told = Counter(each.status for each in await asyncio.gather(*asked))
            if told[201] != 1 or set(told) - {201, 409}:
                found.append(f"record {n}: {dict(told)}")
    (row,) = await fetch(tenant, "select count(*) as n from usage where body::text like $1", f"%record-{seed}-%")
    return found + ([f"{size} records were taken {row['n']} times"] if row["n"] != size else [])


async def appends(tenant: Tenant, _: Database, seed: int, size: int = 40) -> list[str]:
    """R7: clients add to two buckets at once, or move between them, while others read both; no history may be odd."""
    choose = random.Random(seed)
    async with doors(tenant, 4) as four:
        pair = [(await line(four[0]))[0] for _ in range(2)]
        history = histories.History(pair)
        writers = [_write(history, four[n], choose, n, size) for n in range(4)]
        await asyncio.gather(*writers, *[_read(history, four[n]) for n in (0, 2)])
        async with tenant.connection() as conn:
            return histories.faults(history) + proof.faults_of(await proof.prove(conn))


async def _write(history: histories.History, door: Door, choose: random.Random, client: int, size: int) -> None:
    history.busy += 1
    for n in range(client, size, 4):
        deltas = history.next_deltas(n, choose.random() < 0.3)
        began = history.tick()
        if len(deltas) == 2:
            sink, source = history.buckets if deltas[history.buckets[0]] > 0 else history.buckets[::-1]
            body = top_up(source, deltas[sink]) | {"receiverBucket": {"id": sink}}
            told = await door.ask("POST", f"{BALANCE}/transferBalance", body)
        else:
            ((bucket, micros),) = deltas.items()
            told = await door.ask("POST", f"{BALANCE}/topupBalance", top_up(bucket, micros))
        if told.status == 201:
            history.wrote(deltas, began)
    history.busy -= 1


async def _read(history: histories.History, door: Door) -> None:
    wanted = ",".join(history.buckets)
    while history.busy:
        began = history.tick()
        told = (await door.ask("GET", f"{BALANCE}/bucket?id={wanted}")).json
        history.read({each["id"]: round(each["remainingValue"]["amount"] * MICRO) for each in told}, began)


async def late_commits(tenant: Tenant, _: Database, seed: int, size: int = 6) -> list[str]:
    """P5: transactions that write events end in another order than they began; a reader between them misses none."""
    choose, api, told = random.Random(seed), PREPAY_BALANCE.name, []
    bucket = next(each for each in PREPAY_BALANCE.resources if each.name == "bucket")
    async with doors(tenant, 1) as (door,):
        place, _number = await line(door)
    async with tenant.connection() as reader:
        position = outbox.Position(await reader.fetchval(outbox.q.newest))
        others = [Tenant(tenant.name, tenant._connect, 1) for _ in range(size)]
        written = []
        open_ones = []
        for each in others:
            conn = await each._take()
            await conn.execute("begin")
            event = select.Event(new_id(system_now()), "BucketCreateEvent", place)
            await select.keep_events(conn, bucket, tenant.clock.now(), api, [event], False, [])
            written.append(event.id)
            open_ones.append(conn)
        choose.shuffle(open_ones)
        for conn in [*open_ones, None]:
            (events,) = await outbox.read_after(reader, [(api, position, "1:1:")], 100)
            if events:
                told += [event.id for event in events]
                position = outbox.Position(events[-1].xid, events[-1].id)
            if conn is not None:
                await conn.execute("commit")
                await conn.close()
    found = [f"event {each} was never read" for each in written if each not in told]
    return found + ([] if [each for each in told if each in written] == written else ["events were read out of order"])


async def fences(tenant: Tenant, _: Database, seed: int) -> list[str]:
    """R3: a worker that was held up longer than its lease settles a batch that another has taken over."""
    del seed
    api = PREPAY_BALANCE
    async with doors(tenant, 1) as (door,):
        made = (await door.ask("POST", f"{api.base}/hub", {"callback": "http://127.0.0.1:9/x"})).json
        bucket, _number = await line(door)
        await door.ask("POST", f"{BALANCE}/topupBalance", top_up(bucket, MICRO))
    async with tenant.connection() as conn:
        now = system_now()
        later, end = now + timedelta(seconds=2), now + timedelta(seconds=4)
        taken = [await _leased(conn, made["id"], *span) for span in ((now, later), (later, end))]
        settled = outbox.Settlement(
            position=outbox.Position("999999999"), failures=0, failing_since=None, open_until=None, ended=None,
            log=[], delivered=[], kept=[],
        )  # fmt: skip
        return (
            ["a lease that had gone to another was settled"]
            if await outbox.settle(conn, taken[0], settled, later)
            else []
        )


async def _leased(conn: Any, subscription: str, now: datetime, end: datetime) -> outbox.Lease:
    async def held() -> outbox.Lease | None:  # what others have open holds back the horizon
        return next((each for each in await outbox.lease(conn, now, end, 10, 10) if each.id == subscription), None)

    found = await until(held)
    assert found is not None
    return found


async def walls(tenant: Tenant, database: Database, seed: int) -> list[str]:
    """P10: whatever a tenant's connection asks of another tenant is refused, table by table."""
    del seed
    async with database.owner() as conn:
        others: Sequence[Any] = await conn.fetch(
            "select schema, role from oxl.tenant where name <> $1 order by name", tenant.name
        )
        other = others[0]["schema"]
        tables = await conn.fetch("select tablename from pg_tables where schemaname = $1", other)
    found = []
    async with tenant.connection() as conn:
        for row in tables:
            try:
                await conn.fetch(f"select from {other}.{row['tablename']} limit 1")
            except Exception as error:  # noqa: BLE001 – which one is what is looked at
                if type(error).__name__ != "InsufficientPrivilegeError":
                    found.append(f"{row['tablename']}: {error}")
            else:
                found.append(f"{row['tablename']} of another tenant was read")
    return found if tables else ["there was nothing to be read"]
