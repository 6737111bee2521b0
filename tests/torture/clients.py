"""Clients that move money, use and are billed, at random from a seed, and keep a log of all that they were told."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from tests.conftest import BALANCE, BILLS, OPERATOR, USAGE, usage_body
from tests.waiting import until as until_there

GERMANY = "+493012345"
WAYS = ("topupBalance", "topupBalance", "adjustBalance", "adjustBalance", "reserveBalance", "reserveBalance", "release",
        "transferBalance", "sms", "sms", "record", "record", "call", "call", "call")  # fmt: skip
_PAUSE = 0.1  # seconds after a try without an answer
BILL_EVERY = 120  # a bill is asked for once in so many wishes


class Told(msgspec.Struct, frozen=True):
    """One answer: its status, and a digest of its body."""

    status: int
    digest: str


@dataclass
class Entry:
    """One thing that a client wanted, under one key for all its tries, and every answer to it."""

    n: int
    way: str
    method: str
    path: str
    body: dict[str, Any] | None
    key: str | None
    told: list[Told] = field(default_factory=list)
    unanswered: int = 0  # tries with no answer, or 503: whether they were done is not known
    answer: dict[str, Any] = field(default_factory=dict)  # of the first that was done
    held: Decimal = Decimal(0)  # what it would free

    @property
    def outcome(self) -> str:
        """ok, refused, or unknown."""
        if not self.told:
            return "unknown"
        return "ok" if self.told[0].status < 300 else "refused"


@dataclass
class Ground:
    """Whom the clients act for: main buckets and numbers of prepaid lines, numbers and accounts of postpaid ones."""

    mains: list[str] = field(default_factory=list)
    prepaid: list[str] = field(default_factory=list)
    postpaid: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)


class Clients:
    """Some clients on one server, their log, and how many of their wishes have been answered."""

    def __init__(self, session: aiohttp.ClientSession, ground: Ground, seed: int) -> None:
        self.session = session
        self.ground = ground
        self.seed = seed
        self.choose = random.Random(seed)
        self.log: list[Entry] = []
        self.odd: list[str] = []  # answers that nobody should ever get
        self.answered = self.unanswered = 0
        self.longest = 0.0  # seconds that a request has taken
        self.ended = False
        self._held: list[Entry] = []

    async def run(self, clients: int, until: Callable[[], bool]) -> None:
        """So many clients at work until it is time to end."""
        await asyncio.gather(*[self._client(until) for _ in range(clients)])

    async def _client(self, until: Callable[[], bool]) -> None:
        while not until():
            entry = self.wish()
            await self.ask(entry)
            while not entry.told and not until():
                await asyncio.sleep(_PAUSE)
                if self.choose.random() < 0.5:
                    break  # what became of it is asked after the faults
                await self.ask(entry)

    def wish(self) -> Entry:
        """The next thing that somebody wants."""
        choose, ground, n = self.choose, self.ground, len(self.log)
        way = "customerBillOnDemand" if n % BILL_EVERY == BILL_EVERY - 1 else choose.choice(WAYS)
        if way == "release" and not self._held:
            way = "reserveBalance"
        entry = Entry(n, way, "POST", f"{BALANCE}/{way}", None, f"key-{self.seed}-{n}")
        bucket, other = choose.sample(ground.mains, 2)
        amount = {"amount": choose.randrange(1, 300) / 100, "units": "EUR"}
        match way:
            case "release":
                held = self._held.pop(choose.randrange(len(self._held)))
                entry.method, entry.path = "DELETE", f"{BALANCE}/reserveBalance/{held.answer['id']}"
                entry.body, entry.held = {"bucket": held.body["bucket"]} if held.body else None, _amount(held)
            case "sms" | "record" | "call":
                entry.path, entry.body = USAGE, self._usage(way, n)
                entry.key = None if way == "record" else entry.key  # known by its record alone
            case "customerBillOnDemand":
                entry.path = f"{BILLS}/{way}"
                entry.body = {
                    "@type": "CustomerBillOnDemand",
                    "billingAccount": _account(choose.choice(ground.accounts)),
                }
            case _:
                entry.body = {"amount": amount, "bucket": {"id": bucket}, "description": f"wish {self.seed} {n}"}
                if way == "adjustBalance":
                    entry.body |= {"amount": amount | {"amount": -amount["amount"]}, "reason": "test"}
                if way == "transferBalance":
                    entry.body["receiverBucket"] = {"id": other}
        self.log.append(entry)
        return entry

    def _usage(self, way: str, n: int) -> dict[str, Any]:
        number = self.choose.choice(self.ground.postpaid if way == "call" else self.ground.prepaid)
        of = {"duration": self.choose.randrange(60, 600)} if way == "call" else {"messageCount": 1}
        body = usage_body("voice" if way == "call" else "sms", number, destinationPhoneNumber=GERMANY, **of)
        return body | {"externalIdentifier": [{"id": f"wish-{self.seed}-{n}", "externalIdentifierType": "cdr"}]}

    async def ask(self, entry: Entry) -> None:
        """Ask once, and note what came of it."""
        headers = {"Idempotency-Key": entry.key} if entry.key else {}
        body, began = None if entry.method == "DELETE" else entry.body, time.monotonic()
        try:
            async with self.session.request(entry.method, entry.path, json=body, headers=headers) as answer:
                status, content = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, content = 503, b""
        self.longest = max(self.longest, time.monotonic() - began)
        if status == 503:
            entry.unanswered += 1
            self.unanswered += 1
        elif status in (200, 201, 204, 409):
            self._note(entry, status, content)
        else:
            self.odd.append(f"{entry.method} {entry.path}: {status} {content[:300].decode(errors='replace')}")

    def _note(self, entry: Entry, status: int, content: bytes) -> None:
        document = msgspec.json.decode(content) if content else {}
        if status == 409 and document.get("code") == "duplicateUsage":  # it had been taken, and its answer was lost
            status, document = 201, {"id": document["referenceError"].rsplit("/", 1)[1]}
        entry.told.append(Told(status, hashlib.sha256(content).hexdigest()))
        if len(entry.told) == 1:
            self.answered += 1
            entry.answer = document
            if entry.way == "reserveBalance" and status < 300:
                self._held.append(entry)


def _amount(entry: Entry) -> Decimal:
    assert entry.body
    return Decimal(str(entry.body["amount"]["amount"]))


def _account(account: str) -> dict[str, Any]:
    return {"@type": "BillingAccountRef", "id": account}


def effect(entry: Entry) -> dict[str, Decimal]:
    """What a wish that was granted adds to what is available, by bucket; usages tell of it in their answers."""
    if entry.path == USAGE or entry.way == "customerBillOnDemand" or not entry.body:
        return {}
    bucket = entry.body["bucket"]["id"]
    if entry.way == "release":
        return {bucket: entry.held}
    amount = _amount(entry)
    if entry.way == "transferBalance":
        return {bucket: -amount, entry.body["receiverBucket"]["id"]: amount}
    return {bucket: -amount if entry.way == "reserveBalance" else amount}


async def settle_ground(session: aiohttp.ClientSession, first: int, lines: int = 4) -> Ground:
    """So many prepaid lines with 20 on each, and half as many postpaid ones."""
    ground = Ground()
    for n in range(lines + lines // 2):
        prepaid = n < lines
        body = {
            "party": {"givenName": "Ada", "familyName": "Test"},
            "logicalResource": {"value": f"4915588{first + n:05d}"},
            "productOffering": {"id": "prepaid-m" if prepaid else "postpaid-l"},
            "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
        }
        line = await _made(session, f"{OPERATOR}/subscriber", body)
        account, number = line["billingAccount"]["id"], body["logicalResource"]["value"]
        if not prepaid:
            ground.postpaid.append(number)
            ground.accounts.append(account)
            continue
        main = await until_there(lambda account=account: _main(session, account))
        ground.mains.append(main["id"])
        ground.prepaid.append(number)
        await _made(session, f"{BALANCE}/topupBalance",
                    {"amount": {"amount": 20, "units": "EUR"}, "bucket": {"id": main["id"]}})  # fmt: skip
    return ground


async def _main(session: aiohttp.ClientSession, account: str) -> dict[str, Any]:
    async with session.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary") as answer:
        return next(iter(await answer.json()), {})


async def _made(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with session.post(path, json=body) as answer:
        assert answer.status == 201, await answer.text()
        return await answer.json()
