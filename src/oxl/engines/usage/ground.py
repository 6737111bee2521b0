"""What rating stands on, and what it leaves behind: owners, locked buckets and counters, and the rows that are written.

Every group locks in this order: usages by id, grants, buckets by id and under them their reservations, counters by
key, accounts whose bill windows are to stay open, charges by key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.inventory.guided import Guided
from oxl.engines.inventory.inventory import guide
from oxl.engines.ledger import ledger
from oxl.engines.ledger.burn import Draw, Held
from oxl.engines.ledger.grants import grant_due
from oxl.engines.ledger.settle import buckets_of, let_go, reserved
from oxl.engines.usage.case import Case, Ground, Posting, Stored, event_of
from oxl.engines.usage.decide import NONE, counter_key
from oxl.engines.usage.tiers import Counter, CounterKey
from oxl.engines.usage.undo import counter_key_of
from oxl.verbs import Work

q = load("oxl.engines.usage", "ground.sql")


async def lay(work: Work, cases: Sequence[Case], undone: Sequence[Stored] = ()) -> Ground:
    """Guide the cases to their owners, and lock what they may draw on and what the others give back to."""
    catalog = await catalog_of(work)
    named = sorted({event_of(each).reservation for each in cases} - {""})
    owners = await _guided(work, cases, undone)
    accounts = sorted({each.owner.account_id for each in cases if each.owner} | {*map(_account_of, undone)} - {""})
    held: Mapping[str, Sequence[Held]] = {}
    if accounts:
        await grant_due(work, accounts)
        starts = [event_of(each).start for each in cases] + [each.started_at for each in undone if each.started_at]
        drawn = {bucket for each in undone for bucket, _ in each.draws} | await buckets_of(work, named)
        held = await ledger.hold(work, accounts, min(starts), drawn)
    buckets = {bucket.id: bucket for each in held.values() for bucket in each}
    reservations = await reserved(work, named) if held else {}
    keys = {counter_key(catalog, event_of(each), each.owner, each.terms) for each in cases}
    counters = await _counters(work, keys | {counter_key_of(catalog, each) for each in undone})
    if undone and accounts:
        await _hold_windows(work, accounts, cases, owners)
    return Ground(catalog, held, buckets, counters, reservations, [], owners)


async def _hold_windows(
    work: Work, accounts: Sequence[str], cases: Sequence[Case], owners: dict[str, Guided | None]
) -> None:
    """Keep the bill windows open in which something is taken back and charged anew, so that both are in one."""
    windows = await _windows(work, q.hold_windows, accounts)
    for case in cases:
        case.owner = case.owner and case.owner._replace(open_window=windows[case.owner.account_id])
    for usage, owner in owners.items():
        owners[usage] = owner and owner._replace(open_window=windows[owner.account_id])


async def _guided(work: Work, cases: Sequence[Case], undone: Sequence[Stored]) -> dict[str, Guided | None]:
    """Owners found for the cases, and given for the undone; a usage that had an owner keeps it."""
    numbers = [event_of(each).number for each in cases] + [None for _ in undone]
    products = [_product_of(each) for each in cases] + [each.product_id for each in undone]
    ats = [event_of(each).start for each in cases] + [each.started_at or work.now for each in undone]
    found = await guide(work, numbers, products, ats) if numbers else []
    for case, owner in zip(cases, found, strict=False):
        case.owner = owner
    return {each.id: owner for each, owner in zip(undone, found[len(cases) :], strict=True)}


def _product_of(case: Case) -> str | None:
    known = case.stored.product_id if case.stored else None
    return known or case.record.product_id


def _account_of(stored: Stored) -> str:
    return stored.account_id or ""


async def _counters(work: Work, keys: Iterable[CounterKey | None]) -> Mapping[CounterKey, Counter]:
    wanted = sorted(key for key in keys if key is not None)
    if not wanted:
        return NONE
    rows = await work.conn.fetch(q.counters, *_columns(wanted))
    return {(key := tuple(row.values())[:-1]): Counter(key, row["quantity"]) for row in rows}


async def post(work: Work, ground: Ground, draws: Sequence[Draw], postings: Sequence[Posting]) -> None:
    """Write what deciding came to: transfers and buckets, counters, and the charges of open windows."""
    if ground.settled:
        await let_go(work, ground.settled)
    await ledger.post(work, draws, ground.buckets.values())
    moved = [(*counter.key, counter.quantity) for counter in ground.counters.values() if counter.moved]
    if moved:
        await work.conn.execute(q.keep_counters, *_columns(moved))
    await _keep_charges(work, postings)


async def _keep_charges(work: Work, postings: Sequence[Posting]) -> None:
    """Add what postpaid accounts owe, or owe less, to their open windows: one row for each component.

    A window that was billed since the account was read takes nothing more: what was for it goes to the one open now.
    """
    while postings:
        sums: dict[tuple, list[Any]] = defaultdict(lambda: [0, 0, 0, None, None])
        for each in postings:
            row, charge = sums[(*_place(each), each.charge.unit)], each.charge
            row[0] += charge.quantity
            row[1] += charge.amount
            row[2] += charge.events
            row[3] = min(row[3] or each.at, each.at)
            row[4] = max(row[4] or each.at, each.at)
        rows = [(*key, *row) for key, row in sums.items()]
        kept = {tuple(row.values()) for row in await work.conn.fetch(q.keep_charges, *_columns(rows))}
        postings = [each for each in postings if _place(each) not in kept]
        accounts = sorted({each.owner.account_id for each in postings})
        windows = await _windows(work, q.open_windows, accounts) if accounts else {}
        for each in postings:
            each.window = windows[each.owner.account_id]


def _place(each: Posting) -> tuple[Any, ...]:
    """The row that a charge is added to."""
    charge, owner = each.charge, each.owner
    return owner.account_id, each.window, owner.product_id, charge.component, charge.zone, charge.tax_category


async def _windows(work: Work, statement: Any, accounts: Sequence[str]) -> dict[str, int]:
    return {row["account_id"]: row["open_window"] for row in await work.conn.fetch(statement, accounts)}


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
