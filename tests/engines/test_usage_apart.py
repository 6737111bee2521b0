"""An import in parts beside each other comes to what its records come to one after another, whatever ties them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import usage_body
from tests.engines.books import CHANGES, SUBSCRIBERS, USAGES, posted, sound
from tests.engines.test_usage_groups import in_groups, provisioned, records, state

from oxl.apis.product_usage import jobs, reading
from oxl.db.database import Tenant
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.usage.case import record_of
from oxl.engines.usage.imports import Apart, apart
from oxl.engines.usage.record import read_ahead
from oxl.kernel.background import once

HANDED_ON = "4915557700001"  # of the second line until June, of another account's from then on


async def _lines(tenant: Tenant) -> list[dict[str, Any]]:
    """Lines as in `provisioned`, and one that has the number of another before it."""
    lines = await provisioned(tenant)
    change = {"subscriber": {"id": lines[1]["id"]}, "action": "portOut", "effectiveDate": "2026-06-01T00:00:00Z"}
    (told,) = await posted(tenant, CHANGES, [change])
    body = {
        "party": {"name": "Bob"},
        "logicalResource": {"value": HANDED_ON},
        "productOffering": {"id": "postpaid-l"},
        "validFor": {"startDateTime": "2026-06-01T00:00:00Z"},
    }
    (made,) = await posted(tenant, SUBSCRIBERS, [body])
    assert told.result.id
    assert made.result.id
    accounts = await once(tenant, lambda work: work.conn.fetch("select id, account_id from product"))
    account = {row["id"]: row["account_id"] for row in accounts}[made.result.id]
    return [*lines, {"id": made.result.id, "billingAccount": {"id": account}, "logicalResource": {"value": HANDED_ON}}]


def _numbers(lines: Sequence[dict[str, Any]]) -> list[str]:
    return [line["logicalResource"]["value"] for line in lines]


async def _parts(tenant: Tenant, bodies: Sequence[dict[str, Any]], size: int) -> list[list[int]]:
    async def found(work: Any) -> list[list[int]]:
        catalog = await catalog_of(work)
        return (await apart(work, [read_ahead(catalog.specifications, record_of(body)) for body in bodies], size)).parts

    return await once(tenant, found)


@pytest.mark.parametrize("own_keys", [True, False], ids=["keys of their own", "keys that come twice"])
async def test_an_import_in_parts_comes_to_what_one_after_another_comes_to(
    make_tenant, tmp_path: Path, monkeypatch, own_keys: bool
) -> None:
    monkeypatch.setattr(jobs, "BULK", 25)
    monkeypatch.setattr(reading, "_LINES", 100)
    found = []
    for way in ("in turn", "imported"):
        tenant = await make_tenant()
        lines = await _lines(tenant)
        bodies = records(5, _numbers(lines))
        if own_keys:
            bodies = [body | {"externalIdentifier": [{"id": f"own-{n}"}]} for n, body in enumerate(bodies)]
        if way == "in turn":
            await in_groups(tenant, bodies, lambda: 1)
        else:
            parts = await _parts(tenant, bodies, 25)
            assert sorted(n for part in parts for n in part) == list(range(len(bodies)))
            assert (len(parts) > 3) == own_keys
            path = tmp_path / "usage.ndjson"
            path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
            await jobs.import_file(tenant, path)
        found.append(await state(tenant, lines))
        await sound(tenant)
    assert found[0]["usages"]
    for part, value in found[0].items():
        assert found[1][part] == value, part


async def test_what_is_of_one_account_is_in_one_part_in_its_order(make_tenant) -> None:
    tenant = await make_tenant()
    lines = await _lines(tenant)
    bodies = [
        usage_body("sms", number, f"2026-{day}1T10:00:00Z", destinationPhoneNumber="+493012345", messageCount=n)
        for n in range(1, 9)
        for number in dict.fromkeys(_numbers(lines))
        for day in ("05-2", "06-1")
    ]
    parts = await _parts(tenant, bodies, 4)
    assert len(parts) > 2
    taken = await posted(tenant, USAGES, bodies)
    owners = {row["id"]: row["account_id"] for row in await once(tenant, _owners)}
    where: dict[str, set[int]] = {}
    for n, part in enumerate(parts):
        assert part == sorted(part)
        for place in part:
            where.setdefault(owners[taken[place].result.id], set()).add(n)
    assert len(where) > 4
    assert all(len(found) == 1 for found in where.values())


async def _owners(work: Any) -> list[Any]:
    return await work.conn.fetch("select id, coalesce(account_id, 'nobody') as account_id from usage")


@pytest.mark.parametrize("tie", ["version", "key"])
async def test_what_is_tied_beyond_accounts_stays_in_one_part(make_tenant, tie: str) -> None:
    tenant = await make_tenant()
    lines = await _lines(tenant)
    numbers = _numbers(lines) * 4
    more = {"version": {"recordVersion": 1}, "key": {}}[tie]
    bodies = [
        usage_body("sms", number, destinationPhoneNumber="+493012345", messageCount=n, **more)
        for n, number in enumerate(numbers)
    ]
    if tie == "key":
        assert len(await _parts(tenant, bodies, 4)) > 2
        bodies = [body | {"externalIdentifier": [{"id": "same"}]} for body in bodies]
    assert await _parts(tenant, bodies, 4) == [list(range(len(bodies)))]


async def test_a_part_has_to_wait_for_its_own_only_where_keys_and_parts_are_the_same(make_tenant) -> None:
    tenant = await make_tenant()
    numbers = _numbers(await _lines(tenant))
    bodies = [
        usage_body("sms", numbers[n % len(numbers)], destinationPhoneNumber="+493012345", messageCount=n)
        | {"externalIdentifier": [{"id": f"r{n}"}]}
        for n in range(64)
    ]

    async def found(work: Any, first: Sequence[dict[str, Any]], then: Sequence[dict[str, Any]]) -> bool:
        catalog = await catalog_of(work)
        before, after = (
            [read_ahead(catalog.specifications, record_of(body)) for body in part] for part in (first, then)
        )
        return (await apart(work, after, 8, await apart(work, before, 8))).follows

    assert await once(tenant, lambda work: found(work, bodies[:32], bodies[32:]))
    assert not await once(tenant, lambda work: found(work, bodies[:40], bodies[40:])), "other parts"
    again = [body | {"externalIdentifier": bodies[0]["externalIdentifier"]} for body in bodies[: len(numbers)]]
    follows = {
        await once(tenant, lambda work, each=each: found(work, bodies[:32], [*bodies[33:], each])) for each in again
    }
    assert follows == {True, False}, "its first is in the same part, or in another"


async def test_what_comes_after_a_part_that_failed_is_not_written() -> None:
    lanes, written = jobs._Lanes(), []

    async def write(part: list[int]) -> None:
        if part == [0]:
            raise OSError("the database is gone")
        written.append(part)

    first = lanes.begin(Apart([[0], [1]], {}), write)
    then = lanes.begin(Apart([[2], [3]], {}, follows=True), write)
    last = lanes.begin(Apart([[4]], {}), write)
    ends = await asyncio.gather(*first, *then, *last, return_exceptions=True)
    assert written == [[1], [3]]
    assert [type(end) for end in ends] == [OSError, type(None), OSError, type(None), OSError]
