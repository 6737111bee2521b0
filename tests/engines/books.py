"""What tests of the engines look at: buckets, charges, the ledger's own proof, and calls of verbs without HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.db.database import Tenant
from oxl.engines.ledger import ledger, proof
from oxl.engines.ledger.ledger import Move
from oxl.kernel.background import once
from oxl.kernel.declare import operation_of
from oxl.kernel.handle import Answer, Item, group

USAGES = operation_of(PRODUCT_USAGE, "productUsage")
TOPUPS = operation_of(PREPAY_BALANCE, "topupBalance")
ADJUSTS = operation_of(PREPAY_BALANCE, "adjustBalance")
SUBSCRIBERS = operation_of(OPERATOR, "subscriber")
CHANGES = operation_of(OPERATOR, "subscriberChange")

GERMANY, BRITAIN, EMERGENCY = "+493012345", "+447700900123", "112"
_numbers = count(1)


async def fetch(tenant: Tenant, statement: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as the tenant's role reads them."""
    async with tenant.connection() as conn:
        return [dict(row) for row in await conn.fetch(statement, *values)]


async def sound(tenant: Tenant) -> None:
    """The ledger proves itself, and nobody owns more than came in."""
    async with tenant.connection() as conn:
        assert proof.faults_of(await proof.prove(conn)) == []
        totals = await proof.totals(conn)
    for row in totals:
        assert row["credited"] == row["used"] + row["debited"] + row["reserved"] + row["remaining"]


async def buckets(tenant: Tenant, account: str) -> list[dict[str, Any]]:
    """An account's buckets, in the order of their making."""
    return await fetch(tenant, "select * from bucket where account_id = $1 order by valid_from, name", account)


async def available(tenant: Tenant, account: str) -> dict[str, int]:
    """What is available in an account's buckets by their name and day of beginning, those of several lines together."""
    left: Counter[str] = Counter()
    for row in await buckets(tenant, account):
        name = f"{row['name']} {row['valid_from']:%m-%d}"
        left[name] += row["credited"] - row["used"] - row["debited"] - row["reserved"]
    return dict(left)


async def main_of(tenant: Tenant, account: str) -> str:
    """The id of an account's main bucket."""
    (row,) = await fetch(tenant, "select id from bucket where account_id = $1 and kind = 'main'", account)
    return row["id"]


async def whole(tenant: Tenant) -> dict[str, int]:
    """How many rows each table of the tenant holds."""
    names = await fetch(
        tenant, "select relname::text as name from pg_class where relnamespace = current_schema::regnamespace"
        " and relkind in ('r', 'p') and not relispartition order by 1"
    )  # fmt: skip
    counted = " union all ".join(f"select '{row['name']}' as name, count(*) as n from {row['name']}" for row in names)
    return {row["name"]: row["n"] for row in await fetch(tenant, counted)}


async def moved(tenant: Tenant, items: Sequence[Move]) -> list[Any]:
    """The results of one group of moves."""
    return await once(tenant, lambda work: ledger.move(work, items))


def move_of(bucket: str, amount: int, unit: str = "EUR", kind: str = "adjust", account: str | None = None) -> Move:
    return Move(kind, bucket, unit, amount, {"topup": "topup_clearing", "adjust": "adjust"}[kind], "{}", account)


async def credit(tenant: Tenant, account: str, micros: int) -> str:
    """Put money into an account's main bucket, whose id it gives."""
    bucket = await main_of(tenant, account)
    await moved(tenant, [move_of(bucket, micros, kind="topup")])
    return bucket


async def posted(tenant: Tenant, operation: Any, bodies: Sequence[dict[str, Any]]) -> list[Answer]:
    """The answers of one group of writes."""
    return await group(tenant, operation, [Item(body) for body in bodies])


def new_number() -> str:
    return f"4915551{next(_numbers):06d}"


def told(answer: Answer) -> str:
    """One word for what became of a write."""
    result = answer.result
    return getattr(result, "code", None) or " ".join(filter(None, (result.status, result.reason))) or "done"
