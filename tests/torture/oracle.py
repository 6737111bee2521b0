"""The one oracle: what clients were told, held against ledger, usage, bills, events, keys and answers asked for again.

It is asked after the faults have ended. Each fault that it finds is a sentence; nothing found is what was promised.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from tests.conftest import USAGE
from tests.engines.books import fetch
from tests.kernel.receivers import Receiver
from tests.torture.clients import Clients, Entry, effect
from tests.waiting import PATIENCE

from oxl.db.database import Tenant
from oxl.engines.billing import read
from oxl.engines.ledger import proof
from oxl.kernel.background import once

START = Decimal(20)  # what each main bucket had at first
_ACTIONS = """select body ->> 'description' as wish, count(*) filter (where status = 'completed') as done
    from balance_action where body ->> 'description' like $1 group by 1"""
_RESERVATIONS = """select body ->> 'description' as wish, count(*) as done
    from reservation where body ->> 'description' like $1 and status <> 'failed' group by 1"""
_USAGES = """select body -> 'externalIdentifier' -> 0 ->> 'id' as wish, count(*) as done
    from usage where body -> 'externalIdentifier' -> 0 ->> 'id' like $1 group by 1"""
_AVAILABLE = "select id, credited - used - debited - reserved as n from bucket where id = any ($1)"
_TOLD = "select resource_id, count(*) as n from outbox where event_type = any ($1) group by 1"
_CREATED = ("TopupBalanceCreateEvent", "AdjustBalanceCreateEvent", "ReserveBalanceCreateEvent",
            "TransferBalanceCreateEvent", "ProductUsageCreateEvent", "CustomerBillOnDemandCreateEvent")  # fmt: skip


async def faults(
    tenant: Tenant, clients: Clients, listener: Receiver, again: int = 100, patience: float = PATIENCE
) -> list[str]:
    """Everything that is not as the clients were told.

    again: how many answers are asked for a second time; patience: seconds that everything may take to come to rest.
    """
    found = list(clients.odd)
    await settle(clients, patience)
    unknown = [entry for entry in clients.log if not entry.told]
    found += [f"{entry.way} {entry.n} was never answered" for entry in unknown]
    found += await _answers(clients, again)
    found += await _at_rest(tenant, patience)
    found += await _stored(tenant, clients)
    found += await _balances(tenant, clients)
    found += await _events(tenant, clients)
    async with tenant.connection() as conn:
        found += [f"ledger: {fault}" for fault in proof.faults_of(await proof.prove(conn))]
    found += [f"bills: {fault}" for fault in await once(tenant, read.proof)]
    return found + await delivered(tenant, "prepay_balance", listener, patience)


async def settle(clients: Clients, patience: float) -> None:
    """Ask for everything whose outcome is unknown, until it is known."""
    end = asyncio.get_running_loop().time() + patience
    while open_ones := [entry for entry in clients.log if not entry.told]:
        await asyncio.gather(*[clients.ask(entry) for entry in open_ones[:8]])
        if asyncio.get_running_loop().time() > end:
            return


async def _answers(clients: Clients, again: int) -> list[str]:
    """What was done is answered the same a second time, byte for byte. A refusal kept nothing, and frees its key."""
    kept = [entry for entry in clients.log if entry.outcome == "ok" and entry.key]
    some = clients.choose.sample(kept, min(again, len(kept)))
    for n in range(0, len(some), 8):
        await asyncio.gather(*[_until_asked(clients, entry) for entry in some[n : n + 8]])
    return [
        f"{entry.way} {entry.n} was answered in {len(set(entry.told))} ways"
        for entry in clients.log
        if entry.key and entry.told and len(set(entry.told)) > 1
    ]


async def _until_asked(clients: Clients, entry: Entry) -> None:
    before = len(entry.told)
    for _ in range(100):
        await clients.ask(entry)
        if len(entry.told) > before:
            return


async def _at_rest(tenant: Tenant, patience: float) -> list[str]:
    """Wait until nothing is on its way; what never ends is a fault."""
    asked = """select (select count(*) from bill_demand where state = 'inProgress')
        + (select count(*) from idempotency where operation = 'HTTP' and status is null) as n"""
    end = asyncio.get_running_loop().time() + patience
    while (left := (await fetch(tenant, asked))[0]["n"]) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
    return [f"{left} bills or answers were never finished"] if left else []


async def _stored(tenant: Tenant, clients: Clients) -> list[str]:
    """What was granted is stored once; what was refused, or never asked, is not there."""
    found: list[str] = []
    for statement, ways, like in (
        (_ACTIONS, ("topupBalance", "adjustBalance", "transferBalance"), f"wish {clients.seed} %"),
        (_RESERVATIONS, ("reserveBalance",), f"wish {clients.seed} %"),
        (_USAGES, ("sms", "record", "call"), f"wish-{clients.seed}-%"),
    ):
        there = {row["wish"]: row["done"] for row in await fetch(tenant, statement, like) if row["done"]}
        told = {like[:-1] + str(entry.n): entry.outcome for entry in clients.log if entry.way in ways}
        granted = {wish for wish, outcome in told.items() if outcome == "ok"}
        found += [f"{wish} was acknowledged and is lost" for wish in sorted(granted - set(there))]
        found += [f"{wish} is stored and was {told.get(wish, 'never asked')}" for wish in sorted(set(there) - granted)]
        found += [f"{wish} is stored {n} times" for wish, n in there.items() if n > 1]
    return found


async def _balances(tenant: Tenant, clients: Clients) -> list[str]:
    """Every main bucket holds what the log adds up to."""
    log = dict.fromkeys(clients.ground.mains, START)
    for entry in clients.log:
        if entry.outcome == "ok":
            for bucket, change in effect(entry).items():
                log[bucket] += change
    for number, main in zip(clients.ground.prepaid, clients.ground.mains, strict=True):
        log[main] -= sum(await _prices(clients, number), Decimal(0))
    rows = await fetch(tenant, _AVAILABLE, clients.ground.mains)
    return [
        f"bucket {row['id']} has {Decimal(row['n']) / 10**6}, by the log {log[row['id']]}"
        for row in rows
        if Decimal(row["n"]) / 10**6 != log[row["id"]] or row["n"] < 0
    ]


async def _prices(clients: Clients, number: str) -> list[Decimal]:
    """What the granted usages of a number have cost, as they show it."""
    found = []
    for entry in clients.log:
        if entry.way in ("sms", "record") and entry.outcome == "ok" and entry.body and number in str(entry.body):
            document = entry.answer
            if "usageProductPrice" not in document and "status" not in document:
                async with clients.session.get(f"{USAGE}/{document['id']}") as answer:
                    document = msgspec.json.decode(await answer.read())
            found += [
                Decimal(str(price["price"]["taxIncludedAmount"]["value"]))
                for price in document.get("usageProductPrice", ())
                if "taxIncludedAmount" in price.get("price", {})
            ]
    return found


async def _events(tenant: Tenant, clients: Clients) -> list[str]:
    """Of everything that was made one event tells, and no event tells of what was not."""
    made = {row["resource_id"]: row["n"] for row in await fetch(tenant, _TOLD, list(_CREATED))}
    done = {entry.answer["id"] for entry in clients.log if entry.outcome == "ok" and entry.method == "POST"}
    found = [f"no event tells of {each}" for each in sorted(done - set(made))]
    return found + [f"{n} events tell that {each} was made" for each, n in made.items() if n > 1]


async def delivered(tenant: Tenant, api: str, listener: Receiver, patience: float = PATIENCE) -> list[str]:
    """A listener of everything has got every event, and those of one resource in the order of their commits."""
    statement = """select o.id, o.resource_id from outbox o join subscription s on s.api = o.api
        where o.api = $1 and not pg_visible_in_snapshot(o.xid, s.born) order by o.xid, o.id"""
    wanted = [(row["id"], row["resource_id"]) for row in await fetch(tenant, statement, api)]
    end = asyncio.get_running_loop().time() + patience
    while len(set(listener.ids())) < len(wanted) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
    first: dict[str, None] = dict.fromkeys(listener.ids())
    missing = [each for each, _ in wanted if each not in first]
    found = [f"event {each} was never delivered" for each in missing]
    return found + _out_of_order(wanted, list(first)) + never_written(wanted, first)


def _out_of_order(wanted: Sequence[tuple[str, str]], came: Sequence[str]) -> list[str]:
    place = {each: n for n, each in enumerate(came)}
    last: dict[str, int] = {}
    found = []
    for each, resource in wanted:
        if place.get(each, len(came)) < last.get(resource, -1):
            found.append(f"event {each} came before one that was committed earlier")
        last[resource] = max(last.get(resource, -1), place.get(each, -1))
    return found


def never_written(wanted: Sequence[tuple[str, str]], came: Iterable[str]) -> list[str]:
    """Events that came and are in no outbox."""
    return [f"event {each} came and was never written" for each in set(came) - {each for each, _ in wanted}]


def summary(clients: Clients) -> str:
    """What the clients were told, in a line."""
    outcomes = Counter(entry.outcome for entry in clients.log)
    tries = sum(entry.unanswered for entry in clients.log)
    return f"seed {clients.seed}: {outcomes['ok']} ok, {outcomes['refused']} refused, {tries} tries without an answer"
