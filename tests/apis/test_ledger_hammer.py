"""Sixteen workers on twenty shared buckets, all verbs at once: the ledger proves itself and agrees with their log."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, client_of, usage_body
from tests.engines.books import GERMANY, buckets, credit, new_number, sound

from oxl.db.database import Tenant

WORKERS, ACCOUNTS = 16, 20
EXPECTED = {
    "insufficientBalance", "illegalTransition", "usedExceedsReserved", "requestOutOfOrder", "limitExceeded", "notFound",
}  # fmt: skip


class Worker:
    """One client that does at random whatever can be done, and keeps a log of what it was told."""

    def __init__(self, http: httpx.AsyncClient, lines: list[dict[str, Any]], mains: list[str], seed: int) -> None:
        self.http = http
        self.lines = lines
        self.mains = mains
        self.choose = random.Random(seed)
        self.seed = seed
        self.owned: dict[str, Decimal] = dict.fromkeys(mains, Decimal(0))  # what was credited less what was taken
        self.open: list[tuple[str, str]] = []
        self.requests = 0
        self.outcomes: Counter[str] = Counter()

    async def run(self, is_enough: Callable[[], bool]) -> None:
        while not is_enough():
            kinds = [self.adjust, self.adjust, self.reserve, self.end, self.transfer, self.charge, self.use]
            await self.choose.choice(kinds)()

    async def ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        answer = await self.http.request(method, f"{BALANCE}/{path}", json=body)
        told = answer.json()
        self.outcomes["done" if answer.status_code < 300 else told["code"]] += 1
        assert answer.status_code in (200, 201, 404, 409), answer.text
        return told if answer.status_code < 300 else None

    def amount(self) -> Decimal:
        return Decimal(self.choose.randrange(1, 60)) / 10

    async def adjust(self) -> None:
        bucket, amount = self.choose.choice(self.mains), self.amount() * self.choose.choice([1, -1])
        body = {"amount": {"amount": float(amount), "units": "EUR"}, "bucket": {"id": bucket}, "reason": "test"}
        if await self.ask("POST", "adjustBalance", body):
            self.owned[bucket] += amount

    async def reserve(self) -> None:
        bucket = self.choose.choice(self.mains)
        body = {"amount": {"amount": float(self.amount()), "units": "EUR"}, "bucket": {"id": bucket}}
        told = await self.ask("POST", "reserveBalance", body)
        if told:
            self.open.append((told["id"], bucket))

    async def end(self) -> None:
        if not self.open:
            return await self.reserve()
        reservation, bucket = self.open.pop(self.choose.randrange(len(self.open)))
        used, path = self.amount(), f"reserveBalance/{reservation}"
        body = {"status": "completed", "reason": "used", "amount": {"amount": float(used), "units": "EUR"}}
        if await self.ask("PATCH", path, body):
            self.owned[bucket] -= used
        else:
            await self.ask("PATCH", path, {"status": "cancelled", "reason": "not used"})
        return None

    async def transfer(self) -> None:
        source, sink = self.choose.sample(self.mains, 2)
        amount = {"amount": float(self.amount()), "units": "EUR"}
        told = await self.ask(
            "POST", "transferBalance", {"amount": amount, "bucket": {"id": source}, "receiverBucket": {"id": sink}}
        )
        if told:
            cost = Decimal(str(told.get("transferCost", {"value": 0})["value"]))
            self.owned[source] -= Decimal(str(amount["amount"])) + cost
            self.owned[sink] += Decimal(str(amount["amount"]))

    async def charge(self) -> None:
        n = self.choose.randrange(ACCOUNTS)
        self.requests += 1
        group = {
            "id": "1", "usedUnits": {"amount": float(self.amount()), "units": "EUR"},
            "requestedUnits": {"amount": float(self.amount()), "units": "EUR"},
        }  # fmt: skip
        body = {
            "sessionId": f"{self.seed}-{n}", "requestNumber": self.requests, "ratingGroup": [group],
            "partyAccount": {"id": self.lines[n]["billingAccount"]["id"]},
        }  # fmt: skip
        told = await self.ask("POST", "chargingRequest", body)
        if told:
            self.owned[self.mains[n]] -= Decimal(str(told["ratingGroup"][0]["chargedUnits"]["amount"]))

    async def use(self) -> None:
        n = self.choose.randrange(ACCOUNTS)
        body = usage_body("sms", self.lines[n]["logicalResource"]["value"], destinationPhoneNumber=GERMANY)
        body |= {"externalIdentifier": [{"id": new_number(), "externalIdentifierType": "cdr"}]}
        answer = await self.http.post("/tmf-api/productUsageManagement/v5/productUsage", json=body)
        assert answer.status_code == 201, answer.text
        for price in answer.json().get("usageProductPrice", ()):
            included = price.get("price", {}).get("taxIncludedAmount", {"value": 0})
            self.owned[self.mains[n]] -= Decimal(str(included["value"]))


async def hammer(tenant: Tenant, subscribe: Any, requests: int) -> Counter[str]:
    lines = [await subscribe() for _ in range(ACCOUNTS)]
    accounts = [line["billingAccount"]["id"] for line in lines]
    mains = [await credit(tenant, account, 20_000_000) for account in accounts]
    async with AsyncExitStack() as stack:
        doors = [await stack.enter_async_context(client_of(tenant)) for _ in range(4)]  # as if in four processes
        workers = [Worker(doors[n % 4], lines, mains, n) for n in range(WORKERS)]

        def is_enough() -> bool:
            outcomes = sum((worker.outcomes for worker in workers), Counter())
            return outcomes.total() >= requests and {"done", "insufficientBalance"} <= set(outcomes)

        await asyncio.gather(*[worker.run(is_enough) for worker in workers])
    await sound(tenant)
    for account, main in zip(accounts, mains, strict=True):
        (row,) = [each for each in await buckets(tenant, account) if each["id"] == main]
        log = 20 + sum(worker.owned[main] for worker in workers)
        assert Decimal(row["credited"] - row["debited"] - row["used"]) / 10**6 == log
        assert row["credited"] - row["debited"] - row["used"] - row["reserved"] >= 0
    return sum((worker.outcomes for worker in workers), Counter())


async def test_all_verbs_at_once_agree_with_the_clients_log(tenant, subscribe) -> None:
    outcomes = await hammer(tenant, subscribe, 1500)
    assert set(outcomes) <= EXPECTED | {"done"}, outcomes


@pytest.mark.torture
async def test_all_verbs_at_once_at_length(tenant, subscribe, capsys) -> None:
    outcomes = await hammer(tenant, subscribe, 30_000)
    assert set(outcomes) <= EXPECTED | {"done"}, outcomes
    with capsys.disabled():
        print(f"\n{sum(outcomes.values()):,} actions: {dict(outcomes)}")
