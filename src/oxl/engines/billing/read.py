"""What commands ask of bills: runs, the newest bills, an account by its name, how a bill comes about, the proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.billing.sums import Line, coin, taxed
from oxl.verbs import Work

q = load("oxl.engines.billing", "read.sql")


async def runs(work: Work, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The runs with their control sums."""
    rows = [dict(row) for row in await work.conn.fetch(q.runs, list(ids))]
    return [row | {"control": msgspec.json.decode(row["control"])} for row in rows]


async def newest(work: Work, account: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest bills, of an account or of all."""
    return [dict(row) for row in await work.conn.fetch(q.newest, account, limit)]


async def account_id(work: Work, name: str) -> str:
    """The id of an account by its id or external id; what is not known stays as it is."""
    return await work.conn.fetchval(q.account, name) or name


async def place_of(work: Work, name: str) -> str | None:
    """The id of a bill by its number or id, or of a line; None when there is neither."""
    return await work.conn.fetchval(q.place, name)


async def proof(work: Work, sample: int = 2000) -> list[str]:
    """What does not add up, in words; nothing when everything does.

    Everywhere: lines, tax tables, payments, charges and numbers add up to what bills say. Of a sample, the newest: the
    tax of every line is computed anew, by the pure sums.
    """
    faults = [f"{row['fault']}: {row['n']}" for row in await work.conn.fetch(q.faults) if row["n"]]
    bills: dict[str, list[Any]] = {}
    for row in await work.conn.fetch(q.sample, sample):
        bills.setdefault(row["bill_id"], []).append(row)
    for bill, lines in bills.items():
        grain = coin(lines[0]["currency"])
        given = [
            Line(row["tax_category"], row["tax_rate"], row["tax_included"], row["shown"] // grain) for row in lines
        ]
        found, table = taxed(given)
        same = [(row["net"] // grain, row["tax"] // grain) for row in lines] == [tuple(each) for each in found]
        if not same or sum(row.rounding for row in table) * grain != lines[0]["rounding"]:
            faults.append(f"bill {bill}: tax computed anew differs")
    return faults
