"""Bills that are asked for: one at once, a copy of one, a credit note. Asking is stored; the worker makes them.

`make` makes the bill of one demand and `tell` ends those whose bill is made: two transactions, since each tells of
another resource. A worker that is killed between them leaves the second to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.billing import periods, receivable, run
from oxl.engines.billing.run import NewRun
from oxl.engines.billing.setup import policy_of
from oxl.engines.billing.sums import Line, coin, taxed
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.billing", "bills.sql")

MANY = 100  # demands that one sweep looks at


class _RejectedError(Exception):
    """A bill that was asked for will not be made; its text is the reason that the demand is given."""


class Demand(msgspec.Struct, frozen=True):
    """A bill that is asked for; of a copy or a credit note, the bill that it is of."""

    kind: str  # interim, duplicate, credit note
    account_id: str | None
    of_bill: str | None
    body: str  # JSON text


async def ask(work: Work, items: Sequence[Demand]) -> list[Done | Refused]:
    """Take demands; each is in progress until a worker has made its bill, or said why not.

    Of an account one bill can be asked for at a time: a second one will be rejected.
    """
    rows = [(new_id(work.now), item.kind, item.account_id, item.of_bill, item.body) for item in items]
    if rows:
        kept = await work.conn.fetch(q.keep_demands, work.now, *_columns(rows))
        taken = {row["id"] for row in kept}
        if seconds := [row for row in rows if row[0] not in taken]:
            await work.conn.execute(q.keep_seconds, work.now, *_columns(seconds))
    return [Done(row[0], ("create",), "inProgress") for row in rows]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def make(work: Work) -> list[Done | Refused]:
    """Make the bill of the first demand that waits; a Done for every bill that was made or whose state it changed."""
    demand = next((row for row in await work.conn.fetch(q.open_demands, MANY) if _waits(row)), None)
    if demand is None:
        return []
    try:
        return await (_interim(work, demand) if demand["kind"] == "interim" else _reissue(work, demand))
    except _RejectedError as why:
        await work.conn.execute(q.note_demand, demand["id"], str(why))
        return [Done("")]


def _waits(row: Any) -> bool:
    return row["bill_id"] is None and row["reason"] is None


async def _interim(work: Work, demand: Any) -> list[Done | Refused]:
    (started,) = await run.start(work, [NewRun("offCycle", None, (demand["account_id"],))])
    if isinstance(started, Refused):
        raise _RejectedError(started.code)
    made = await run.batch(work, started.id)
    await run.finish(work, started.id)
    outcome = await work.conn.fetchrow(q.outcome, started.id)
    if outcome["bill_id"] is None:
        raise _RejectedError("nothingToBill")
    await work.conn.execute(q.link_demand, demand["id"], started.id, outcome["bill_id"])
    return made


async def _reissue(work: Work, demand: Any) -> list[Done | Refused]:
    bill = await work.conn.fetchrow(q.bill, demand["of_bill"])
    if bill is None or bill["category"] in ("trial", "duplicate"):
        raise _RejectedError("unknownBill")
    await work.conn.execute(receivable.q.lock_accounts, [bill["account_id"]])
    await work.conn.execute(q.count_bill, bill["account_id"])
    made = new_id(work.now)
    if demand["kind"] == "duplicate":
        figures = (bill["net"], bill["tax"], bill["rounding"])
        await work.conn.execute(q.copy_bill, bill["id"], made, "duplicate", "validated", work.now, *figures)
        await work.conn.execute(q.link_demand, demand["id"], None, made)
        return [Done(made, ("create",))]
    return await _take_back(work, demand, bill, made)


async def _take_back(work: Work, demand: Any, bill: Any, made: str) -> list[Done | Refused]:
    """A credit note of the lines that the demand names, or of all; each line is taken back once."""
    if bill["category"] == "credit note":
        raise _RejectedError("notCreditable")
    before = {row["id"] for row in await work.conn.fetch(q.taken_back, bill["id"])}
    lines = {row["id"]: row for row in await work.conn.fetch(q.lines, bill["id"])}
    wanted = [each["id"] for each in msgspec.json.decode(demand["body"]).get("line", ())] or list(lines)
    for each in wanted:
        if each not in lines:
            raise _RejectedError("unknownLine")
        if each in before:
            raise _RejectedError("alreadyCredited")
    grain = coin(bill["currency"])
    whole = len(wanted) == len(lines)
    taken = [lines[each] for each in dict.fromkeys(wanted)]
    given = [Line(row["tax_category"], row["tax_rate"], row["tax_included"], row["shown"] // grain) for row in taken]
    shares, table = taxed(given)
    if whole:  # to the coin what the bill was, also where other rounding would be as right
        parts = [(row["net"], row["tax"]) for row in taken]
        rounding = bill["rounding"]
    else:
        parts = [(share.net * grain, share.tax * grain) for share in shares]
        rounding = sum(row.rounding for row in table) * grain
    net, tax = sum(part[0] for part in parts), sum(part[1] for part in parts)
    policy = await policy_of(work)
    await work.conn.execute(q.copy_bill, bill["id"], made, "credit note", "validated", work.now, -net, -tax, -rounding)
    columns = [[row["id"] for row in taken], [part[0] for part in parts], [part[1] for part in parts]]
    await work.conn.execute(q.copy_lines, made, *columns)
    rows = [(row.category, row.rate, -row.base * grain, -row.tax * grain) for row in table]
    await work.conn.execute(q.keep_taxes, made, *[list(column) for column in zip(*rows, strict=True)])
    series = f"{policy.series}{periods.local_day(work.now, policy.zone).year}"
    await work.conn.execute(q.link_demand, demand["id"], None, made)
    changed: list[Done] = []
    if net + tax + rounding > 0:
        await work.conn.execute(receivable.q.below_zero, work.now, [made])
        changed = await receivable.spend(work, [bill["account_id"]], first=bill["id"])
    await work.conn.execute(run.q.number, series, [made])
    return [Done(made, ("create",)), *changed]


async def tell(work: Work, kinds: Sequence[str]) -> list[Done | Refused]:
    """End the demands whose bill is made, or of which is known why it cannot be."""
    told: list[Done | Refused] = []
    for row in [row for row in await work.conn.fetch(q.open_demands, MANY) if row["kind"] in kinds and not _waits(row)]:
        state = "done" if row["bill_id"] else "rejected"
        await work.conn.execute(q.end_demand, row["id"], state, row["reason"], work.now)
        told.append(Done(row["id"], ("stateChange",), state, row["reason"]))
    return told


async def give_up(work: Work, reason: str) -> list[Done | Refused]:
    """End the first demand that waits, which could not be made."""
    rows = [row for row in await work.conn.fetch(q.open_demands, MANY) if _waits(row)]
    for row in rows[:1]:
        await work.conn.execute(q.end_demand, row["id"], "terminatedWithError", reason[:200], work.now)
    return [Done(row["id"], ("stateChange",), "terminatedWithError") for row in rows[:1]]
