"""A group of moves is what its items are one after another, also when many groups run at once."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.conftest import BALANCE, usage_body
from tests.engines.books import (
    ADJUSTS,
    CHANGES,
    GERMANY,
    TOPUPS,
    USAGES,
    available,
    buckets,
    credit,
    fetch,
    main_of,
    move_of,
    moved,
    new_number,
    posted,
    sound,
    told,
    whole,
)

from oxl.db.database import Tenant
from oxl.values import MAX_ATOMS, from_atoms

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
async def twins(tenant: Tenant, subscribe) -> list[list[str]]:
    """Two rows of buckets that are alike: two of money, one of them with a credit limit, and one of data."""
    rows = []
    for _ in range(2):
        row = []
        for _ in range(2):
            account = (await subscribe())["billingAccount"]["id"]
            row.append(await main_of(tenant, account))
        row += [each["id"] for each in await buckets(tenant, account) if each["unit"] == "byte"]
        row += [each["id"] for each in await buckets(tenant, account) if each["unit"] == "message"]
        await fetch(tenant, "update bucket set credit_limit = 50 where id = $1", row[1])
        await fetch(tenant, "update bucket set status = 'suspended' where id = $1", row[3])
        rows.append([*row, "nowhere"])
    return rows


AMOUNTS = st.one_of(st.integers(-100, 100), st.integers(-100, 100), st.just(-MAX_ATOMS)).filter(bool)
PROGRAM = st.lists(
    st.tuples(
        st.integers(0, 4), AMOUNTS, st.sampled_from(["EUR", "EUR", "byte"]), st.sampled_from(["adjust", "topup"])
    ),
    min_size=3,
    max_size=25,
)


@SLOW
@example([(1, -40, "EUR", "adjust"), (1, -MAX_ATOMS, "EUR", "adjust")], 1)  # below nothing, and then by all there is
@given(PROGRAM, st.integers(1, 7))
async def test_a_group_gives_what_its_items_give_one_after_another(tenant, twins, program, size) -> None:
    def moves(row: list[str]) -> list[Any]:
        return [
            move_of(row[place], abs(amount) % 101 + 1 if kind == "topup" else amount, unit, kind)
            for place, amount, unit, kind in program
        ]

    one, other = moves(twins[0]), moves(twins[1])
    together: list[Any] = []
    for start in range(0, len(one), size * 4):
        together += await moved(tenant, one[start : start + size * 4])
    singly = [(await moved(tenant, [item]))[0] for item in other]
    assert [getattr(result, "code", "done") for result in together] == [getattr(r, "code", "done") for r in singly]
    figures = []
    for row in twins:
        ids = row[:4]
        found = await fetch(tenant, "select id, credited, debited, version from bucket where id = any ($1)", ids)
        figures.append(sorted((ids.index(each["id"]), *list(each.values())[1:]) for each in found))
    assert figures[0] == figures[1]


async def test_a_bucket_takes_no_more_than_can_be_counted(tenant, subscribe) -> None:
    main = await main_of(tenant, (await subscribe())["billingAccount"]["id"])
    amounts = [MAX_ATOMS - 5, 6, 5, 1, -MAX_ATOMS, 1, -1]
    results = await moved(tenant, [move_of(main, amount) for amount in amounts])
    full = "limitExceeded"
    assert [getattr(each, "code", None) for each in results] == [
        None, full, None, full, None, full, "insufficientBalance",
    ]  # fmt: skip


async def test_after_all_that_the_ledger_proves_itself(tenant, twins) -> None:
    await sound(tenant)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bucket_id": "nowhere"}, "unknownBucket"),
        ({"unit": "USD"}, "unitMismatch"),
        ({"account_id": "another"}, "accountMismatch"),
    ],
)
async def test_a_move_that_is_wrong_in_itself_leaves_nothing(tenant, subscribe, changes, code) -> None:
    account = (await subscribe())["billingAccount"]["id"]
    item = move_of(await main_of(tenant, account), 5, account=account)
    before = await whole(tenant)
    (refused,) = await moved(tenant, [msgspec.structs.replace(item, **changes)])
    assert (refused.kind, refused.code, refused.reference) == ("invalid", code, None)
    assert await whole(tenant) == before


async def test_sixteen_at_once_on_five_buckets_never_overdraw_and_never_wait_for_each_other(tenant, subscribe) -> None:
    lines = [await subscribe() for _ in range(5)]
    accounts = [line["billingAccount"]["id"] for line in lines]
    mains = [await credit(tenant, account, 3_000_000) for account in accounts]
    outcomes: dict[str, int] = {}
    granted = dict.fromkeys(mains, 0)
    wanted = {"done", "insufficientBalance", "rated", "failed insufficientCredit"}

    async def hammer(seed: int) -> None:
        choose = random.Random(seed)
        while not wanted <= set(outcomes) or sum(outcomes.values()) < 4000:
            picked = [choose.randrange(5) for _ in range(choose.choice([1, 2, 8, 30]))]
            kind = choose.choice([ADJUSTS, ADJUSTS, TOPUPS, USAGES])
            sign = 1 if kind is TOPUPS else -1
            amounts = [sign * choose.randrange(1, 200_000) for _ in picked]
            if kind is USAGES:
                bodies = [
                    usage_body("sms", lines[n]["logicalResource"]["value"], destinationPhoneNumber=GERMANY)
                    | {"externalIdentifier": [{"id": new_number()}]}
                    for n in picked
                ]
            else:
                bodies = [
                    {"amount": {"amount": from_atoms(amount, "EUR"), "units": "EUR"}, "bucket": {"id": mains[n]}}
                    for n, amount in zip(picked, amounts, strict=True)
                ]
            for n, amount, answer in zip(picked, amounts, await posted(tenant, kind, bodies), strict=True):
                outcomes[told(answer)] = outcomes.get(told(answer), 0) + 1
                if told(answer) == "done":
                    granted[mains[n]] += amount

    await asyncio.gather(*[hammer(seed) for seed in range(16)])
    assert set(outcomes) == wanted
    await sound(tenant)
    for account, main in zip(accounts, mains, strict=True):
        (row,) = [each for each in await buckets(tenant, account) if each["id"] == main]
        assert row["credited"] - row["debited"] == 3_000_000 + granted[main]
        assert row["credited"] - row["debited"] - row["used"] >= 0


async def test_changes_and_usage_of_one_family_never_wait_for_each_other_in_a_circle(tenant, subscribe) -> None:
    lines = [await subscribe("family-share")]
    account = {"id": lines[0]["billingAccount"]["id"]}
    lines += [await subscribe("family-share", billingAccount=account) for _ in range(3)]

    async def use() -> None:
        for _ in range(15):
            bodies = [
                usage_body("data", line["logicalResource"]["value"], volume=1)
                | {"externalIdentifier": [{"id": new_number()}]}
                for line in lines
            ]
            await posted(tenant, USAGES, bodies)

    async def suspend(first: int) -> None:
        for action in ("suspend", "resume") * 15:
            order = lines[first:] + lines[:first]
            await posted(tenant, CHANGES, [{"subscriber": {"id": line["id"]}, "action": action} for line in order])

    await asyncio.gather(*[use() for _ in range(3)], *[suspend(n) for n in range(3)])
    await sound(tenant)


async def test_the_same_key_ten_times_at_once_moves_money_once(http, tenant, subscribe) -> None:
    account = (await subscribe())["billingAccount"]["id"]
    body = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": await main_of(tenant, account)}}
    key = {"Idempotency-Key": "ten-at-once"}
    answers = await asyncio.gather(*[http.post(f"{BALANCE}/topupBalance", json=body, headers=key) for _ in range(10)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (await available(tenant, account))["Main balance 05-20"] == 5_000_000
    other = await http.post(f"{BALANCE}/topupBalance", json=body | {"reason": "x"}, headers=key)
    assert other.status_code == 422
    adjust = await http.post(f"{BALANCE}/adjustBalance", json=body, headers=key)
    assert (adjust.status_code, adjust.json()["code"]) == (422, "keyReused")


async def test_a_failed_action_replays_its_409_also_when_it_could_be_paid_later(http, tenant, subscribe) -> None:
    account = (await subscribe())["billingAccount"]["id"]
    body = {"amount": {"amount": -5, "units": "EUR"}, "bucket": {"id": await main_of(tenant, account)}}
    key = {"Idempotency-Key": "too-poor"}
    first = await http.post(f"{BALANCE}/adjustBalance", json=body, headers=key)
    assert (first.status_code, first.json()["code"]) == (409, "insufficientBalance")
    stored = (await http.get(first.json()["referenceError"])).json()
    assert (stored["status"], stored["statusReason"], "confirmationDate" in stored) == (
        "failed", "insufficientBalance", False,
    )  # fmt: skip
    await credit(tenant, account, 9_000_000)
    again = await http.post(f"{BALANCE}/adjustBalance", json=body, headers=key)
    assert (again.status_code, again.content) == (409, first.content)
    assert (await http.post(f"{BALANCE}/adjustBalance", json=body)).status_code == 201
    assert (await available(tenant, account))["Main balance 05-20"] == 4_000_000


async def test_a_400_frees_its_key(http, tenant, subscribe) -> None:
    account = (await subscribe())["billingAccount"]["id"]
    main = await main_of(tenant, account)
    key = {"Idempotency-Key": "mended"}
    for bucket, status in (("nowhere", 400), (main, 201), (main, 201)):
        body = {"amount": {"amount": 0.5, "units": "EUR"}, "bucket": {"id": bucket}}
        answer = await http.post(f"{BALANCE}/topupBalance", json=body, headers=key)
        assert answer.status_code == status
    shown = (await http.get(f"{BALANCE}/bucket/{main}")).json()["remainingValue"]
    assert Decimal(str(shown["amount"])) == Decimal("0.5")
