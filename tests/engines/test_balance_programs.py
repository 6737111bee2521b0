"""Reservations and transfers on the engine: random programs against a model, and many at once on few buckets."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tests.engines.books import credit, fetch, sound

from oxl.engines.ledger.reserve import Amend, Reserve, amend, remove, reserve
from oxl.engines.ledger.transfer import Transfer, transfer
from oxl.engines.ledger.undo import Revise, revise
from oxl.kernel.background import once
from oxl.verbs import Done

EUR = 1_000_000


@pytest.fixture
async def two(tenant: Any, subscribe: Any) -> list[str]:
    """Two main buckets with 20 EUR each."""
    return [await credit(tenant, (await subscribe())["billingAccount"]["id"], 20 * EUR) for _ in range(2)]


async def held(tenant: Any, buckets: list[str]) -> dict[str, tuple[int, int]]:
    """(available, reserved) by bucket."""
    rows = await fetch(tenant, "select * from bucket where id = any ($1)", buckets)
    return {
        row["id"]: (row["credited"] - row["used"] - row["debited"] - row["reserved"], row["reserved"]) for row in rows
    }


def reservation(bucket: str, amount: int) -> Reserve:
    return Reserve(bucket_id=bucket, amount=amount, unit="EUR", body="{}")


def move(source: str, sink: str, amount: int) -> Transfer:
    return Transfer(bucket_id=source, receiver_id=sink, unit="EUR", amount=amount, body="{}")


@pytest.mark.parametrize("seed", range(6))
async def test_any_program_gives_what_the_model_gives(tenant, two, seed: int) -> None:
    chance = random.Random(seed)
    model = dict.fromkeys(two, 20 * EUR)
    open_: dict[str, tuple[str, int]] = {}
    moved: list[tuple[str, str, str, int]] = []
    for _ in range(60):
        bucket, other = chance.sample(two, 2)
        amount = chance.choice([1, EUR // 2, EUR, 7 * EUR])
        match chance.choice(["reserve", "resize", "complete", "cancel", "delete", "transfer", "reverse"]):
            case "reserve":
                (result,) = await once(tenant, lambda work, b=bucket, a=amount: reserve(work, [reservation(b, a)]))
                assert isinstance(result, Done) == (amount <= model[bucket])
                if isinstance(result, Done):
                    model[bucket] -= amount
                    open_[result.id] = (bucket, amount)
            case "transfer":
                item = move(bucket, other, amount)
                (result,) = await once(tenant, lambda work, i=item: transfer(work, [i]))
                assert isinstance(result, Done) == (amount <= model[bucket])
                if isinstance(result, Done):
                    model[bucket] -= amount
                    model[other] += amount
                    moved.append((result.id, bucket, other, amount))
            case "reverse" if moved:
                action, source, sink, back = moved.pop()
                (result,) = await once(tenant, lambda work, a=action: revise(work, [Revise(id=a, deleted=True)]))
                assert isinstance(result, Done) == (back <= model[sink])
                if isinstance(result, Done):
                    model[source] += back
                    model[sink] -= back
            case kind if open_ and kind != "reverse":
                place = chance.choice(list(open_))
                of, size = open_.pop(place)
                if kind == "delete":
                    await once(tenant, lambda work, p=place: remove(work, [p]))
                    model[of] += size
                    continue
                status = {"resize": "created", "complete": "completed"}.get(kind, "cancelled")
                item = Amend(id=place, status=status, amount=None if status == "cancelled" else amount, unit="EUR")
                (result,) = await once(tenant, lambda work, i=item: amend(work, [i]))
                fits = {"created": amount - size <= model[of], "completed": amount <= size, "cancelled": True}[status]
                assert isinstance(result, Done) == fits
                if not fits:
                    open_[place] = (of, size)
                elif status == "created":
                    model[of] -= amount - size
                    open_[place] = (of, amount)
                else:
                    model[of] += size - (amount if status == "completed" else 0)
    reserved = {bucket: sum(size for of, size in open_.values() if of == bucket) for bucket in two}
    assert await held(tenant, two) == {bucket: (model[bucket], reserved[bucket]) for bucket in two}
    await sound(tenant)


async def test_a_group_is_decided_as_if_one_after_another(tenant, two) -> None:
    amounts = [15 * EUR, 10 * EUR, 5 * EUR, 1]
    results = await once(tenant, lambda work: reserve(work, [reservation(two[0], each) for each in amounts]))
    assert [isinstance(each, Done) for each in results] == [True, False, True, False]
    items = [move(two[1], two[0], 20 * EUR), move(two[0], two[1], 20 * EUR), move(two[1], two[0], 21 * EUR)]
    results = await once(tenant, lambda work: transfer(work, items))
    assert [isinstance(each, Done) for each in results] == [True, True, False]
    await sound(tenant)


async def test_sixteen_at_once_never_overdraw_and_never_wait_for_each_other(tenant, two) -> None:
    async def one(n: int) -> list[Any]:
        chance = random.Random(n)
        results = []
        for _ in range(10):
            source, sink = chance.sample(two, 2)
            results += await once(
                tenant, lambda work, s=source, t=sink: transfer(work, [move(s, t, EUR), move(t, s, EUR)])
            )
            kept = await once(tenant, lambda work, s=source: reserve(work, [reservation(s, 3 * EUR)]))
            if isinstance(kept[0], Done):
                item = Amend(id=kept[0].id, status=chance.choice(["completed", "cancelled"]))
                results += await once(tenant, lambda work, i=item: amend(work, [i]))
        return results

    await asyncio.wait_for(asyncio.gather(*map(one, range(16))), 60)
    assert all(available >= 0 and reserved == 0 for available, reserved in (await held(tenant, two)).values())
    await sound(tenant)


async def test_all_of_a_balance_is_granted_once_to_sixty_four(tenant, two) -> None:
    grants = await asyncio.gather(
        *(once(tenant, lambda work: reserve(work, [reservation(two[0], EUR)])) for _ in range(64))
    )
    assert sum(isinstance(result, Done) for group in grants for result in group) == 20
    assert await held(tenant, two) == {two[0]: (0, 20 * EUR), two[1]: (20 * EUR, 0)}
    await sound(tenant)
