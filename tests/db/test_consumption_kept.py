"""Queries that were kept before reports had a table of their own are read as they were."""

from __future__ import annotations

import json

from oxl.app import SQL_CODE
from oxl.db.database import Database
from oxl.db.migrate import in_one_go, migrations
from oxl.db.queries import definitions

BUCKET = {
    "id": "b1", "name": "10 GB", "label": "data", "shared": False, "status": "active", "unit": "GB", "per": 10**9,
    "available": 4 * 10**9, "reserved": 0, "used": 6 * 10**9, "used_here": 0, "from": "2026-06-01T00:00:00+00:00",
    "to": "2026-07-01T00:00:00+00:00", "allowance": "data-10gb", "product": "p1",
}  # fmt: skip
SNAPSHOT = {
    "at": "2026-06-15T12:00:00+00:00", "device": "d1", "number": "491", "account": "a1", "party": "y1",
    "party_name": "Ada", "product": "p1", "offering": "prepaid-m", "buckets": [BUCKET],
}  # fmt: skip


async def test_they_are_carried_over(database: Database) -> None:
    numbered = {sql: number for number, sql in migrations()}
    (mine,) = [number for sql, number in numbered.items() if "create table consumption_report" in sql]
    async with database.owner() as conn:
        await conn.execute("create schema carried; set search_path = carried")
        try:
            for sql, number in numbered.items():
                if number == mine:
                    await conn.execute(
                        "insert into consumption_query values ('q1', 'done', now(), '{\"name\": \"mine\"}', $1, null)",
                        json.dumps([SNAPSHOT, SNAPSHOT | {"device": "d2"}]),
                    )
                    await conn.execute(
                        "insert into consumption_query values ('q2', 'rejected', now(), '{}', '[]', 'noSubject')"
                    )
                await conn.execute(in_one_go(sql))
            for package, file in SQL_CODE:
                for block in definitions(package, file).values():
                    await conn.execute(block)
            rows = await conn.fetch("select id, doc from usage_consumption_query(now()) order by id")
            kept, rejected = [json.loads(row["doc"]) for row in rows]
        finally:
            await conn.execute("drop schema carried cascade")
    assert (rejected["state"], rejected["usageConsumption"]) == ("rejected", [])
    assert kept["name"] == "mine"
    first, second = kept["usageConsumption"]
    assert (first["id"], second["id"]) == ("q1.1", "q1.2")
    assert [each["id"] for each in second["logicalResource"]] == ["d2"]
    assert first["product"][0] == {
        "@type": "UsageConsumptionProductRef", "@referredType": "Product", "id": "p1", "name": "prepaid-m"
    }  # fmt: skip
    (told,) = first["bucket"]
    assert told["remainingValue"] == {"amount": 4, "units": "GB"}
    assert [each["value"]["amount"] for each in told["bucketCounter"]] == [6, 4, 0]
