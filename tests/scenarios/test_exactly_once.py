"""Money over HTTP through kill -9: one effect for each key, identical answers, and the clients' log is the ledger."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from tests.conftest import BALANCE, OPERATOR
from tests.scenarios.serving import Served, serving, until_answered
from tests.waiting import PATIENCE, until

BUCKETS, CLIENTS = 5, 48
_numbers = itertools.count()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The module's server."""
    with serving() as server:
        yield server


async def money_buckets(client: httpx.AsyncClient, count: int) -> list[str]:
    """The main buckets of so many new accounts, with 20 each."""
    found = []
    for _ in range(count):
        body = {
            "party": {"name": "Ada"},
            "logicalResource": {"value": f"491556666{next(_numbers):04d}"},
            "productOffering": {"id": "prepaid-m"},
        }
        account = (await client.post(f"{OPERATOR}/subscriber", json=body)).json()["billingAccount"]["id"]
        query = f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary"
        found.append((await client.get(query)).json()[0]["id"])
        topup = {"amount": {"amount": 20, "units": "EUR"}, "bucket": {"id": found[-1]}}
        assert (await client.post(f"{BALANCE}/topupBalance", json=topup)).status_code == 201
    return found


def wanted(n: int, choose: random.Random, buckets: list[str]) -> tuple[str, dict[str, Any]]:
    """A path and a body: one of the ways to move money."""
    bucket, other = choose.sample(buckets, 2)
    amount = {"amount": choose.randrange(1, 900) / 100, "units": "EUR"}
    kind = choose.choice(["topupBalance", "adjustBalance", "adjustBalance", "reserveBalance", "transferBalance"])
    body: dict[str, Any] = {"amount": amount, "bucket": {"id": bucket}, "description": f"{buckets[0]} {n}"}
    if kind == "adjustBalance":
        body |= {"amount": amount | {"amount": -amount["amount"]}, "reason": "test"}
    if kind == "transferBalance":
        body["receiverBucket"] = {"id": other}
    return f"{BALANCE}/{kind}", body


def effect(path: str, body: dict[str, Any]) -> dict[str, Decimal]:
    """What an action that was done adds to what is available, by bucket."""
    bucket, amount = body["bucket"]["id"], Decimal(str(body["amount"]["amount"]))
    if path.endswith("transferBalance"):
        return {bucket: -amount, body["receiverBucket"]["id"]: amount}
    return {bucket: -amount if path.endswith("reserveBalance") else amount}


async def exactly_once(served: Served, count: int, kills: int) -> None:
    choose = random.Random(count)
    log: dict[str, Decimal] = {}
    done = 0
    slots = asyncio.Semaphore(CLIENTS)
    limits = httpx.Limits(max_connections=CLIENTS * 5)
    async with httpx.AsyncClient(base_url=served.url, timeout=PATIENCE, limits=limits) as client:
        buckets = await money_buckets(client, BUCKETS)
        log |= dict.fromkeys(buckets, Decimal(20))

        async def one(n: int) -> tuple[str, int]:
            nonlocal done
            path, body = wanted(n, choose, buckets)
            copies = choose.randrange(1, 6)
            async with slots:
                answers = await asyncio.gather(
                    *[until_answered(client, path, body, f"key-{count}-{n}") for _ in range(copies)]
                )
            assert len({(each.status_code, each.content) for each in answers}) == 1, [a.text for a in answers]
            assert answers[0].status_code in (201, 409), answers[0].text
            if answers[0].status_code == 201:
                for bucket, change in effect(path, body).items():
                    log[bucket] += change
            done += 1
            return path, answers[0].status_code

        async def kill() -> None:
            for n in range(kills):
                await until(lambda n=n: done >= count * (n + 1) / (kills + 1), 10 * PATIENCE)
                await asyncio.to_thread(served.kill)
                await asyncio.to_thread(served.start)

        *told, _ = await asyncio.gather(*[one(n) for n in range(count)], kill())
        assert {status for _, status in told} == {201, 409}
        for path in {path for path, _ in told}:
            listed = sum(1 for each, _ in told if each == path)
            found = await client.get(path, params={"limit": 1000, "sort": "-requestedDate"})
            names = [each["description"] for each in found.json() if buckets[0] in each.get("description", "")]
            assert len(names) == len(set(names)) == listed, path
        for bucket in buckets:
            shown = msgspec.json.decode((await client.get(f"{BALANCE}/bucket/{bucket}")).content, type=_Shown)
            assert shown.remainingValue.amount == log[bucket] >= 0
        proof = (await client.post(f"{OPERATOR}/ledgerProof", json={})).json()
    assert proof["status"] == "holds", proof


class _Value(msgspec.Struct):
    amount: Decimal


class _Shown(msgspec.Struct):
    remainingValue: _Value  # noqa: N815


async def test_every_key_has_one_effect_through_a_kill(served: Served) -> None:
    await exactly_once(served, 150, 1)


@pytest.mark.torture
async def test_a_thousand_keys_have_one_effect_each_through_ten_kills(served: Served) -> None:
    await exactly_once(served, 1000, 10)


async def rounds_of_reserving_all(served: Served, rounds: int) -> None:
    """64 clients at once want parts of one balance; what is granted is what one after another would be."""
    async with httpx.AsyncClient(
        base_url=served.url, timeout=PATIENCE, limits=httpx.Limits(max_connections=64)
    ) as client:
        (bucket,) = await money_buckets(client, 1)
        for n in range(rounds):
            part = (20, 7, 3, Decimal("0.3"))[n % 4]
            body = {"amount": {"amount": float(part), "units": "EUR"}, "bucket": {"id": bucket}}
            answers = await asyncio.gather(*[client.post(f"{BALANCE}/reserveBalance", json=body) for _ in range(64)])
            granted = [each.json()["id"] for each in answers if each.status_code == 201]
            assert {each.status_code for each in answers} <= {201, 409}
            assert len(granted) == min(64, 20 // part)
            await asyncio.gather(*[client.delete(f"{BALANCE}/reserveBalance/{each}") for each in granted])
        assert (await client.post(f"{OPERATOR}/ledgerProof", json={})).json()["status"] == "holds"


async def test_sixty_four_clients_never_reserve_more_than_there_is(served: Served) -> None:
    await rounds_of_reserving_all(served, 4)


@pytest.mark.torture
async def test_two_hundred_rounds_of_sixty_four_clients(served: Served) -> None:
    await rounds_of_reserving_all(served, 200)
