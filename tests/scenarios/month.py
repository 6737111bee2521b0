"""A small month of the demo operator for scenario tests, and what it comes to, in terms that do not depend on ids."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.cli.bulk import keyed, post_all
from oxl.db.database import Tenant
from oxl.demo.population import subscribers, without_topups
from oxl.demo.traffic import usage_lines
from oxl.engines.ledger import ledger, proof
from oxl.kernel.background import once

FIGURES = """
select d.number, b.name, b.valid_from, b.unit, b.credited, b.used, b.debited, b.reserved, b.version
from bucket b
left join number_use d on d.device_id = b.device_id
left join account a on a.id = b.account_id
order by a.external_id, 1 nulls first, 2, 3, 4, 5, 6, 7, 8, 9
"""
USES = """
select u.body -> 'externalIdentifier' -> 0 ->> 'id' as key, u.status, u.reason, u.plan_id, u.plan_version,
       (select jsonb_agg(l - 'bucket' order by n)
        from jsonb_array_elements(u.prices) with ordinality as e (l, n)) as prices
from usage u order by 1, 2, 3, 4, 5, 6
"""
CHARGES = """
select a.external_id, c.component, c.zone, c.unit, sum(c.quantity) as quantity, sum(c.amount) as amount,
       sum(c.events) as n
from charge c join account a on a.id = c.account_id group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""


def make_files(folder: Path, now: datetime, people: int, records: int) -> tuple[Path, Path]:
    """The subscribers and the usage of a month before `now`, as files."""
    bodies = list(subscribers(people, now, 11))
    lines = list(usage_lines(bodies, now, 11, records))
    people_file, usage_file = folder / "people.ndjson", folder / "usage.ndjson"
    people_file.write_bytes(b"".join(msgspec.json.encode(body) + b"\n" for body in bodies))
    usage_file.write_bytes(b"".join(lines))
    return people_file, usage_file


async def provision(tenant: Tenant, people_file: Path) -> None:
    """The subscribers of the file with their top-ups."""
    bodies = [json.loads(line) for line in people_file.read_text().splitlines()]
    outcomes = await post_all(tenant, OPERATOR, "subscriber", keyed(map(without_topups, bodies), "demo"))
    assert [outcome.why for outcome in outcomes if outcome.why] == []
    accounts = await once(tenant, ledger.main_buckets)
    topups: list[tuple[dict[str, Any], str | None]] = [
        ({"amount": topup["amount"], "bucket": {"id": accounts[body["billingAccount"]["externalId"]]}}, None)
        for body in bodies
        for topup in body.get("topup", ())
    ]
    await post_all(tenant, PREPAY_BALANCE, "topupBalance", topups)


async def figures(tenant: Tenant) -> dict[str, list[tuple]]:
    """Every balance, every usage with its price, every charge; and the ledger must add up."""
    async with tenant.connection() as conn:
        assert proof.faults_of(await proof.prove(conn)) == []
        return {
            name: [tuple(row) for row in await conn.fetch(sql)]
            for name, sql in (("buckets", FIGURES), ("uses", USES), ("charges", CHARGES))
        }
