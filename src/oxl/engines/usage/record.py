"""The usage engine's verb: take usage records. Each is read by its specification, claimed by its key, guided to its
owner and rated; buckets are drawn and charges added up in the same transaction. POST and import are the same call.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.catalog.specification import UsageEvent, read
from oxl.engines.inventory.guided import Guided
from oxl.engines.inventory.inventory import guide
from oxl.engines.ledger import ledger
from oxl.engines.ledger.burn import Draw
from oxl.engines.ledger.grants import grant_due
from oxl.engines.usage.decide import Decision, PriceLine, decide, suspense
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work

q = load("oxl.engines.usage", "usage.sql")

_LINES = msgspec.json.Encoder()


class Origin(msgspec.Struct, frozen=True):
    """Of a record that comes back from an export: what it was called, when it was taken, and when it last changed."""

    id: str
    created_at: datetime
    updated_at: datetime


class Record(msgspec.Struct, frozen=True):
    """One usage record as it came: its document, and the parts that the engine reads."""

    body: str  # JSON text
    specification_id: str
    characteristics: Any
    usage_type: str | None
    product_id: str | None
    external_id: tuple[str, str, str] | None  # owner, type, id
    origin: Origin | None = None


class _Taken:
    """A record that was read and whose key is its own: what is found out about it on its way."""

    __slots__ = ("decision", "event", "id", "owner", "record", "window")

    def __init__(self, usage_id: str, record: Record, event: UsageEvent | None) -> None:
        self.id = usage_id
        self.record = record
        self.event = event
        self.owner: Guided | None = None
        self.decision: Decision = suspense("unknownSpecification")
        self.window: int | None = None  # the bill window that its charge is in


async def record(work: Work, items: Sequence[Record]) -> list[Done | Refused]:
    """Take the records; each result has the status that its record came to, and why it is in suspense.

    Refused: invalid (does not fit its specification, nothing stored) and conflict (taken before; refers to the first).
    """
    results: list[Done | Refused | None] = [None] * len(items)
    taken = await _claim(work, items, await _read(work, items, results), results)
    await _rate(work, [each for each in taken.values() if each.event is not None])
    await _keep(work, list(taken.values()))
    for n, each in taken.items():
        results[n] = Done(each.id, ("create",), each.decision.status, each.decision.reason)
    return [result for result in results if result is not None]


async def _read(
    work: Work, items: Sequence[Record], results: list[Done | Refused | None]
) -> dict[int, UsageEvent | None]:
    """The event of each record that fits; None where its specification is not known (yet)."""
    specifications = (await catalog_of(work)).specifications
    events: dict[int, UsageEvent | None] = {}
    for n, item in enumerate(items):
        specification = specifications.get(item.specification_id)
        try:
            events[n] = None if specification is None else read(specification, item.characteristics)
        except Refusal as refusal:
            results[n] = refusal.refused
    return events


def _key(item: Record, event: UsageEvent | None) -> bytes:
    """What makes a record the same as another: its external identifier, else what it says happened."""
    told = item.external_id or ((item.specification_id, *event) if event else (item.body,))
    return hashlib.sha256("\x1f".join(map(str, told)).encode()).digest()


async def _claim(
    work: Work, items: Sequence[Record], events: dict[int, UsageEvent | None], results: list[Done | Refused | None]
) -> dict[int, _Taken]:
    """The records that are new, by their place; the others are refused with a reference to the first of their key."""
    first: dict[bytes, int] = {}
    repeated: list[tuple[int, bytes]] = []
    for n, event in events.items():
        key = _key(items[n], event)
        if first.setdefault(key, n) != n:
            repeated.append((n, key))
    if not first:
        return {}
    ids = {key: origin.id if (origin := items[n].origin) else new_id(work.now) for key, n in first.items()}
    hashes = [hashlib.sha256(items[n].body.encode()).digest() for n in first.values()]
    claimed = {row["key"] for row in await work.conn.fetch(q.claim, list(first), list(ids.values()), hashes)}
    if len(claimed) < len(first):
        repeated += [(n, key) for key, n in first.items() if key not in claimed]
        for row in await work.conn.fetch(q.taken, [key for key in first if key not in claimed]):
            ids[row["key"]] = row["usage_id"]
    for n, key in repeated:
        field = "externalIdentifier" if items[n].external_id else "usageCharacteristic"
        message = f"{field}: this usage was recorded before"
        results[n] = Refused("conflict", "duplicateUsage", message, field, ids[key])
    return {n: _Taken(ids[key], items[n], events[n]) for key, n in first.items() if key in claimed}


async def _rate(work: Work, taken: Sequence[_Taken]) -> None:
    """Guide, rate and draw, in the order in which the records came."""
    if not taken:
        return
    products = [each.record.product_id for each in taken]
    owners = await guide(
        work, [_event(each).number for each in taken], products, [_event(each).start for each in taken]
    )
    for each, owner in zip(taken, owners, strict=True):
        each.owner = owner
    accounts = sorted({owner.account_id for owner in owners if owner})
    held: dict[str, Any] = {}
    if accounts:
        await grant_due(work, accounts)
        held = await ledger.hold(work, accounts, min(_event(each).start for each in taken))
    catalog = await catalog_of(work)
    draws: list[Draw] = []
    for each in taken:
        buckets = held.get(each.owner.account_id, ()) if each.owner else ()
        taken_at = each.record.origin.created_at if each.record.origin else work.now
        each.decision = decide(catalog, _event(each), each.owner, buckets, each.id, taken_at)
        draws += each.decision.draws
    await ledger.post(work, draws, [bucket for buckets in held.values() for bucket in buckets])
    await _keep_charges(work, taken)


def _event(each: _Taken) -> UsageEvent:
    if each.event is None:
        raise ValueError(f"usage {each.id} was not read")
    return each.event


async def _keep_charges(work: Work, taken: Sequence[_Taken]) -> None:
    """Add what postpaid accounts owe to their open windows, one row for each component.

    A window that was billed since the account was read takes nothing more: what was for it goes to the one open now.
    """
    charged = [each for each in taken if each.decision.charge is not None and each.owner is not None]
    for each in charged:
        each.window = each.owner.open_window if each.owner else None
    while charged:
        sums = _summed(charged)
        rows = [(*key, *row) for key, row in sums.items()]
        kept = await work.conn.fetch(q.keep_charges, *[list(column) for column in zip(*rows, strict=True)])
        done = {tuple(row.values()) for row in kept}
        charged = [each for each in charged if _charge_key(each)[:6] not in done]
        if charged:
            accounts = sorted({each.owner.account_id for each in charged if each.owner})
            windows = {row["account_id"]: row["open_window"] for row in await work.conn.fetch(q.open_windows, accounts)}
            for each in charged:
                each.window = windows[each.owner.account_id] if each.owner else None


def _summed(charged: Sequence[_Taken]) -> dict[tuple, list[Any]]:
    sums: dict[tuple, list[Any]] = defaultdict(lambda: [0, 0, 0, None, None])
    for each in charged:
        charge = each.decision.charge
        if charge is None:
            continue
        key = _charge_key(each)
        row, start = sums[key], _event(each).start
        row[0] += charge.quantity
        row[1] += charge.amount
        row[2] += 1
        row[3] = min(row[3] or start, start)
        row[4] = max(row[4] or start, start)
    return sums


def _charge_key(each: _Taken) -> tuple[Any, ...]:
    """The row that a record's charge is added to, and its unit."""
    charge, owner = each.decision.charge, each.owner
    if charge is None or owner is None:
        raise ValueError(f"usage {each.id} is not charged")
    return (
        owner.account_id,
        each.window,
        owner.product_id,
        charge.component,
        charge.zone,
        charge.tax_category,
        charge.unit,
    )


async def _keep(work: Work, taken: Sequence[_Taken]) -> None:
    if taken:
        rows = [_row(each) for each in taken]
        await work.conn.execute(q.keep, work.now, *[list(column) for column in zip(*rows, strict=True)])


def _row(each: _Taken) -> tuple[Any, ...]:
    item, event, owner, decision = each.record, each.event, each.owner, each.decision
    lines: Sequence[PriceLine] = decision.lines
    started: datetime | None = event.start if event else None
    return (
        each.id,
        decision.status,
        decision.reason,
        item.usage_type,
        item.specification_id,
        started,
        owner.product_id if owner else None,
        owner.account_id if owner else None,
        owner.device_id if owner else None,
        each.window,
        decision.plan.id if decision.plan else None,
        decision.plan.version if decision.plan else None,
        event.unit if event else None,
        event.quantity if event else None,
        _LINES.encode(lines).decode(),
        item.body,
    )
