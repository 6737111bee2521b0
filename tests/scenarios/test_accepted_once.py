"""Recommendations accepted over HTTP through kill -9: each offer is charged, activated and granted exactly once."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, OPERATOR
from tests.scenarios.recommending import ask, main_bucket, top_up
from tests.scenarios.serving import Served, serving, until_answered
from tests.waiting import PATIENCE, until

MONEY, PRICE = 30, 4.99
_numbers = itertools.count()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The module's server."""
    with serving() as server:
        yield server


async def until_told(client: httpx.AsyncClient, item: str, key: str | None) -> httpx.Response:
    """What became of an item that is taken."""
    body = {"recommendationItem": {"id": item}}
    return await until_answered(client, f"{OPERATOR}/recommendationAcceptance", body, key)


async def line_with_offers(client: httpx.AsyncClient) -> tuple[dict[str, Any], list[str]]:
    """A new line with money, and the item of its data pack in each of two answers."""
    body = {
        "party": {"name": "Kate"},
        "logicalResource": {"value": f"491556777{next(_numbers):04d}"},
        "productOffering": {"id": "prepaid-m"},
    }
    line = (await client.post(f"{OPERATOR}/subscriber", json=body)).json()
    await top_up(client, line, MONEY)
    found = []
    for _ in range(2):
        query = await ask(client, line["party"]["id"], category=[{"id": "data"}])
        items = {item["productOffering"]["id"]: item["id"] for item in query["recommendationItem"]}
        found.append(items["data-pack-2gb"])
    return line, found


async def accepted_once(served: Served, count: int, kills: int) -> None:
    """Both items of each line are accepted by several clients at once, with keys and without, while the server dies."""
    choose, done = random.Random(count), 0
    async with httpx.AsyncClient(
        base_url=served.url, timeout=PATIENCE, limits=httpx.Limits(max_connections=96)
    ) as client:
        lines = [await line_with_offers(client) for _ in range(count)]
        slots = asyncio.Semaphore(16)

        async def take(items: list[str]) -> None:
            nonlocal done
            asked = [
                (item, choose.choice([None, f"key-{item}"])) for item in items for _ in range(choose.randrange(1, 4))
            ]
            async with slots:
                answers = await asyncio.gather(*[until_told(client, *each) for each in asked])
            told = {item: set() for item in items}
            for (item, _), answer in zip(asked, answers, strict=True):
                told[item].add(answer.json()["code"] if answer.status_code != 201 else "done")
            kinds = sorted(min(codes & {"done", "alreadyAccepted"} or codes) for codes in told.values())
            assert kinds in (["alreadyOwned", "done"], ["alreadyAccepted", "alreadyOwned"]), told
            done += 1

        async def kill() -> None:
            for n in range(kills):
                await until(lambda n=n: done >= count * (n + 1) / (kills + 2), 10 * PATIENCE)
                await asyncio.sleep(choose.uniform(0, 0.05))
                await asyncio.to_thread(served.kill)
                await asyncio.to_thread(served.start)

        await asyncio.gather(*[take(items) for _, items in lines], kill())
        for line, items in lines:
            await _has_one_pack(client, line, items)
        proof = (await client.post(f"{OPERATOR}/ledgerProof", json={})).json()
    assert proof["status"] == "holds", proof


async def _has_one_pack(client: httpx.AsyncClient, line: dict[str, Any], items: list[str]) -> None:
    account, party = line["billingAccount"]["id"], line["party"]["id"]
    assert (await main_bucket(client, line))["remainingValue"]["amount"] == pytest.approx(MONEY - PRICE)
    data = (await client.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=data")).json()
    assert sorted(bucket["name"] for bucket in data) == ["10 GB data", "2 GB data"]
    taken = (await client.get(f"{OPERATOR}/recommendationAcceptance?relatedParty.id={party}")).json()
    assert len(taken) == 1
    assert taken[0]["recommendationItem"]["id"] in items
    packs = (
        await client.get(f"{OPERATOR}/product?billingAccount.id={account}&productOffering.id=data-pack-2gb")
    ).json()
    assert [each["id"] for each in packs] == [taken[0]["product"]["id"]]
    events = (
        await client.get(f"{OPERATOR}/eventRecord?eventType=RecommendationAcceptanceCreateEvent&limit=1000")
    ).json()
    assert sum(event["resourceId"] in items for event in events) == 1


async def test_an_offer_is_bought_once_through_a_kill(served: Served) -> None:
    await accepted_once(served, 16, 1)


@pytest.mark.torture
async def test_two_hundred_offers_are_bought_once_each_through_ten_kills(served: Served) -> None:
    await accepted_once(served, 200, 10)
