"""Usage in groups: however records are split, the prices, buckets and charges are those of one after another."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION, OPERATOR, client_of, usage_body
from tests.engines.books import USAGES, available, credit, fetch, posted, sound, told

from oxl.db.database import Tenant
from oxl.kernel.background import bulk
from oxl.kernel.handle import Item

RECORDS = 300
DESTINATIONS = ["+493012345", "+447700900123", "+33140000000", "+4915550000001", "112", "+49900123456", "+12025550123"]
OFFERINGS = ["prepaid-m", "prepaid-s", "postpaid-l", "family-share", "family-share", "data-only"]


def records(seed: int, numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Random records of these numbers, and a few of nobody, in the order in which they come."""
    choose = random.Random(seed)
    made = []
    for n in range(RECORDS):
        number = choose.choice([*numbers * 4, "4915559999999"])
        start = f"2026-{choose.choice(['05-2', '06-0'])}{choose.randrange(1, 10)}T{choose.randrange(24):02}:30:00Z"
        service = choose.choice(["voice", "sms", "data", "tv"])
        values: dict[str, Any] = {
            "voice": {"destinationPhoneNumber": choose.choice(DESTINATIONS), "duration": choose.randrange(0, 4000)},
            "sms": {"destinationPhoneNumber": choose.choice(DESTINATIONS), "messageCount": choose.randrange(1, 12)},
            "data": {"volume": choose.randrange(0, 2000), "volumeUnit": "MB"},
            "tv": {"viewingTime": choose.randrange(0, 400)},
        }[service]
        if choose.random() < 0.2 and service != "tv":
            values["visitedNetwork"] = choose.choice(["20801", "310260", "26201"])
        if choose.random() < 0.03:
            values["startDateTime"] = "not a date"
        body = usage_body(service, number, start, **values)
        made.append(body | {"externalIdentifier": [{"id": f"r{n if choose.random() < 0.95 else 0}"}]})
    return made


async def provisioned(tenant: Tenant) -> list[dict[str, Any]]:
    """The same lines in any tenant, with a little money; their numbers are those of their place."""
    lines: list[dict[str, Any]] = []
    async with client_of(tenant) as http:
        for n, offering in enumerate(OFFERINGS):
            account = (
                {"billingAccount": {"id": lines[-1]["billingAccount"]["id"]}} if OFFERINGS[n - 1] == offering else {}
            )
            body = {
                "party": {"name": "Ada"},
                "logicalResource": {"value": f"49155577000{n:02}"},
                "productOffering": {"id": offering},
                "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
            }
            lines.append((await http.post(f"{OPERATOR}/subscriber", json=body | account)).json())
            if offering.startswith("prepaid"):
                await credit(tenant, lines[-1]["billingAccount"]["id"], 25_000_000)
    return lines


async def state(tenant: Tenant, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Prices in the order of the records, buckets and charges, in terms that hold in every tenant."""
    places = {line["billingAccount"]["id"]: str(n) for n, line in enumerate(lines)}
    products = {line["id"]: n for n, line in enumerate(lines)}
    names = {row["id"]: row["name"] for row in await fetch(tenant, "select id, name from bucket")}
    usages = await fetch(tenant, "select status, reason, prices, body from usage")
    priced = {}
    for row in usages:
        prices = [each | {"bucket": names.get(each["bucket"])} for each in json.loads(row["prices"])]
        priced[json.loads(row["body"])["externalIdentifier"][0]["id"]] = (row["status"], row["reason"], prices)
    charges = await fetch(tenant, "select * from charge")
    owed = {
        (products[row["product_id"]], row["component"], row["zone"], row["unit"]): (
            row["quantity"], row["amount"], row["events"], row["first_at"], row["last_at"],
        )
        for row in charges
    }  # fmt: skip
    used = await fetch(tenant, "select sum(used) as n from bucket_use")
    left = {places[account]: await available(tenant, account) for account in places}
    return {"usages": priced, "charges": owed, "buckets": left, "used": used[0]["n"]}


Way = Callable[[Tenant, list[dict[str, Any]]], Any]


async def in_groups(tenant: Tenant, bodies: list[dict[str, Any]], sizes: Callable[[], int]) -> list[str]:
    outcomes = []
    while bodies:
        size = sizes()
        outcomes += [told(answer) for answer in await posted(tenant, USAGES, bodies[:size])]
        bodies = bodies[size:]
    return outcomes


async def in_bulk(tenant: Tenant, bodies: list[dict[str, Any]]) -> list[str]:
    return [told(answer) for answer in await bulk(tenant, USAGES, [Item(body) for body in bodies])]


@pytest.fixture(scope="module")
async def one_by_one(make_tenant) -> dict[int, tuple[list[str], dict[str, Any]]]:
    """What each seed's records come to when they come singly."""
    found = {}
    for seed in (1, 2):
        tenant = await make_tenant()
        lines = await provisioned(tenant)
        outcomes = await in_groups(tenant, records(seed, _numbers(lines)), lambda: 1)
        found[seed] = (outcomes, await state(tenant, lines))
        await sound(tenant)
    return found


def _numbers(lines: Sequence[dict[str, Any]]) -> list[str]:
    return [line["logicalResource"]["value"] for line in lines]


def test_the_random_records_come_to_every_outcome(one_by_one) -> None:
    for outcomes, found in one_by_one.values():
        assert {"rated", "notRated", "duplicateUsage", "invalidValue", "failed unknownSubscriber", "failed noTariff",
                "failed insufficientCredit"} <= set(outcomes)  # fmt: skip
        kinds = {line["kind"] for _, _, lines in found["usages"].values() for line in lines}
        assert kinds == {"included", "usage", "overage"}
        assert len(found["charges"]) > 5


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("way", ["all at once", "in bulk", "in sevens", "in random groups"])
async def test_however_records_are_split_they_come_to_the_same(make_tenant, one_by_one, seed: int, way: str) -> None:
    tenant = await make_tenant()
    lines = await provisioned(tenant)
    bodies = records(seed, _numbers(lines))
    choose = random.Random(seed)
    sizes = {
        "all at once": lambda: RECORDS,
        "in sevens": lambda: 7,
        "in random groups": lambda: choose.randrange(1, 90),
    }
    outcomes = await (in_bulk(tenant, bodies) if way == "in bulk" else in_groups(tenant, bodies, sizes[way]))
    expected, books = one_by_one[seed]
    assert outcomes == expected
    found = await state(tenant, lines)
    for part, value in books.items():
        assert found[part] == value, part
    await sound(tenant)


async def test_posts_at_once_come_to_what_the_ledger_can_prove(make_tenant) -> None:
    tenant = await make_tenant()
    lines = await provisioned(tenant)
    bodies = records(3, _numbers(lines))
    answers = await asyncio.gather(*[posted(tenant, USAGES, bodies[n::12]) for n in range(12)])
    assert sum(len(each) for each in answers) == RECORDS
    await sound(tenant)
    charged = await fetch(tenant, "select coalesce(sum(amount), 0) as n, sum(events) as events from charge")
    lines_of = await fetch(
        tenant,
        "select coalesce(sum((line ->> 'net')::bigint), 0) as n from usage u join account a on a.id = u.account_id,"
        " jsonb_array_elements(prices) line where a.kind = 'postpaid'",
    )
    assert charged[0]["n"] == lines_of[0]["n"] > 0


async def shown_by_balance(http: httpx.AsyncClient, account: str) -> dict[str, Decimal]:
    found = (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}")).json()
    return {each["id"]: Decimal(str(each["remainingValue"]["amount"])) for each in found}


async def test_balance_and_consumption_show_the_same_and_what_the_ledger_holds(make_tenant) -> None:
    tenant = await make_tenant()
    lines = await provisioned(tenant)
    await posted(tenant, USAGES, records(4, _numbers(lines)))
    async with client_of(tenant) as http:
        for line in lines:
            account, device = line["billingAccount"]["id"], line["logicalResource"]["id"]
            rows = {
                row["id"]: row for row in await fetch(tenant, "select * from bucket where account_id = $1", account)
            }
            by_balance = await shown_by_balance(http, account)
            report = (await http.get(f"{CONSUMPTION}/usageConsumptionReport/live-{device}")).json()
            assert report["bucket"]
            for bucket in report["bucket"]:
                row = rows[bucket["id"]]
                left = row["credited"] - row["used"] - row["debited"] - row["reserved"]
                assert row["credited"] == row["used"] + row["debited"] + row["reserved"] + left
                remaining = Decimal(str(bucket["remainingValue"]["amount"]))
                assert remaining == by_balance[bucket["id"]]
                assert abs(remaining * row["display_atoms"] - left) <= Decimal("0.0000005") * row["display_atoms"]
                used = Decimal(str(bucket["bucketCounter"][0]["value"]["amount"]))
                assert abs(used * row["display_atoms"] - row["used"]) <= Decimal("0.0000005") * row["display_atoms"]
            here = [each["bucketCounter"][1]["value"]["amount"] for each in report["bucket"] if each["isShared"]]
            assert len(here) == (3 if line["productOffering"]["id"] == "family-share" else 0)
