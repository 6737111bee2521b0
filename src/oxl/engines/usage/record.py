"""The usage engine's verb: take usage records. Each is read by its specification, claimed by its key, guided to its
owner and rated; buckets are drawn and charges added up in the same transaction. POST and import are the same call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.catalog.specification import Specification, UsageEvent, read
from oxl.engines.ledger.burn import Draw
from oxl.engines.usage import ground, revise
from oxl.engines.usage.case import Case, Posting, Reading, Record, Revision, event_of, posting_of, rate_one, read_body
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work

q = load("oxl.engines.usage", "usage.sql")

_JSON = msgspec.json.Encoder()
_MANY = 50  # rows from which on COPY is the cheaper way in
_COLUMNS = (  # of usage, in the order of _row
    "id", "status", "reason", "usage_type", "specification_id", "started_at", "product_id", "account_id", "device_id",
    "charge_window", "plan_id", "plan_version", "unit", "quantity", "prices", "body", "draws", "charges", "actor",
    "reference", "key", "created_at", "updated_at",
)  # fmt: skip
_CONTENT = 8  # fields of an event that say what happened; the version of its record is not one


async def record(work: Work, items: Sequence[Record], actor: str = "client") -> list[Done | Refused]:
    """Take the records; each result has the status that its record came to, and why it is in suspense.

    Refused: invalid (does not fit its specification, nothing stored) and conflict (taken before; refers to the first).
    A record of a higher version than the one taken under its external identifier takes that one's place.
    """
    results: list[Done | Refused | None] = [None] * len(items)
    events = await _read(work, items, results)
    for turn in _turns(items, events):
        taken = await _claim(work, items, {n: events[n] for n in turn}, results)
        cases = [case for case in taken.values() if case.event is not None]
        others = await _rate(work, cases, actor) if cases else {}
        await _keep(work, list(taken.values()), actor)
        for n, case in taken.items():
            also = tuple(others[case.id]) if case.id in others else ()
            results[n] = Done(case.id, ("create",), case.decision.status, case.decision.reason, also)
    return [result for result in results if result is not None]


def read_ahead(specifications: Mapping[str, Specification], item: Record) -> Record:
    """The record, read already where it fits its specification; what does not is refused by `record`."""
    specification = specifications.get(item.specification_id)
    reading = None
    if specification is not None:
        with suppress(Refusal):
            event = read(specification, item.characteristics)
            reading = Reading(specification.digest, event, key_of(item, event))
    return msgspec.structs.replace(item, characteristics=None, reading=reading)


async def _read(
    work: Work, items: Sequence[Record], results: list[Done | Refused | None]
) -> dict[int, UsageEvent | None]:
    """The event of each record that fits; None where its specification is not known (yet)."""
    events: dict[int, UsageEvent | None] = {}
    specifications = (await catalog_of(work)).specifications
    for n, item in enumerate(items):
        specification = specifications.get(item.specification_id)
        if item.reading and specification and item.reading.specification == specification.digest:
            events[n] = item.reading.event
            continue
        try:
            events[n] = None if specification is None else read(specification, _characteristics(item))
        except Refusal as refusal:
            results[n] = refusal.refused
    return events


def _characteristics(item: Record) -> Any:
    return read_body(item.body).characteristics if item.characteristics is None else item.characteristics


def _turns(items: Sequence[Record], events: dict[int, UsageEvent | None]) -> list[list[int]]:
    """The records all at once; where some are versions of one record, each version in a turn after those before it."""
    if not any(event and event.version for event in events.values()):
        return [list(events)] if events else []
    turns: list[list[int]] = [[]]
    latest: dict[tuple[str, str, str], tuple[int, int]] = {}  # version and turn
    for n, event in events.items():
        external, version = items[n].external_id, event.version if event else 0
        before, turn = latest.get(external, (version, 0)) if external else (version, 0)
        turn += version > before
        if turn == len(turns):
            turns.append([])
        turns[turn].append(n)
        if external:
            latest[external] = (max(version, before), turn)
    return [turn for turn in turns if turn]


def key_of(item: Record, event: UsageEvent | None) -> bytes:
    """What makes a record the same as another: its external identifier, else what it says happened."""
    if item.reading and item.reading.event is event:
        return item.reading.key
    told = item.external_id or ((item.specification_id, *event[:_CONTENT]) if event else (item.body,))
    return hashlib.sha256("\x1f".join(map(str, told)).encode()).digest()


async def _claim(
    work: Work, items: Sequence[Record], events: dict[int, UsageEvent | None], results: list[Done | Refused | None]
) -> dict[int, Case]:
    """The records that are new, by their place; the others are refused with a reference to the first of their key."""
    first: dict[bytes, int] = {}
    repeated: list[tuple[int, bytes]] = []
    for n, event in events.items():
        key = key_of(items[n], event)
        if first.setdefault(key, n) != n:
            repeated.append((n, key))
    if not first:
        return {}
    ids = {key: origin.id if (origin := items[n].origin) else new_id(work.now) for key, n in first.items()}
    rows = {
        key: (key, ids[key], hashlib.sha256(items[n].body.encode()).digest(), _version(events[n]))
        for key, n in first.items()
    }
    claimed = {row["key"] for row in await work.conn.fetch(q.claim, *_columns(list(rows.values())))}
    replaced: dict[bytes, str] = {}
    if len(claimed) < len(first):
        replaced, holders = await _take_over(work, [row for key, row in rows.items() if key not in claimed])
        claimed |= replaced.keys()
        ids |= holders
        repeated += [(n, key) for key, n in first.items() if key not in claimed]
    for n, key in repeated:
        field = "externalIdentifier" if items[n].external_id else "usageCharacteristic"
        message = f"{field}: this usage was recorded before"
        results[n] = Refused("conflict", "duplicateUsage", message, field, ids[key])
    taken = {n: Case(ids[key], items[n], events[n], key=key) for key, n in first.items() if key in claimed}
    before = {each.id: each for each in await revise.stored(work, list(replaced.values()))}
    for key, old in replaced.items():
        known = before.get(old)
        taken[first[key]].replaces = known if known and known.status != "superseded" else None
    return taken


async def _take_over(work: Work, rows: Sequence[tuple[Any, ...]]) -> tuple[dict[bytes, str], dict[bytes, str]]:
    """Hand keys over to records of higher versions: (whom those replace, who holds the others), by key."""
    found = {row["key"]: row for row in await work.conn.fetch(q.taken, [row[0] for row in rows])}
    higher = [row for row in rows if row[3] > found[row[0]]["version"]]
    if higher:
        found |= {row["key"]: row for row in await work.conn.fetch(q.taken_locked, [row[0] for row in higher])}
        higher = [row for row in higher if row[3] > found[row[0]]["version"]]
        await work.conn.execute(q.hand_keys_over, *_columns(higher))
    replaced = {row[0]: found[row[0]]["usage_id"] for row in higher}
    return replaced, {key: row["usage_id"] for key, row in found.items() if key not in replaced}


def _version(event: UsageEvent | None) -> int:
    return event.version if event else 0


async def _rate(work: Work, cases: Sequence[Case], actor: str) -> dict[str, list[Done]]:
    """Guide, rate and draw, in the order in which the records came; what became of those they replace, by new id."""
    replaced = {case.id: case.replaces for case in cases if case.replaces}
    base = await ground.lay(work, cases, list(replaced.values()))
    for case in cases:
        case.rates_anew = await _was_let_go(work, case)
    draws: list[Draw] = []
    postings: list[Posting] = []
    revisions: dict[str, Revision] = {}
    for case in cases:
        if case.replaces:
            old = revise.taken_back(base, case.replaces, "replaced", actor, case.id)
            draws += old.draws
            postings += old.postings
            revisions[case.id] = old.revision
        taken_at = case.record.origin.created_at if case.record.origin else work.now
        draws += rate_one(taken_at, base, case)
        if posting := posting_of(case):
            postings.append(posting)
    await ground.post(work, base, draws, postings)
    done = await revise.keep(work, list(revisions.values()))
    return {new: [result] for new, result in zip(revisions, done, strict=True)}


async def _was_let_go(work: Work, case: Case) -> bool:
    """Whether the usage that a record replaces was rated, and its reservation, which is this one's too, let go then."""
    old = case.replaces
    if old is None or old.status == "failed" or old.reason == "chargedOnline" or not event_of(case).reservation:
        return False
    before = (await revise.case_of(work, old)).event
    return before is not None and before.reservation == event_of(case).reservation


async def _keep(work: Work, cases: Sequence[Case], actor: str) -> None:
    rows = [_row(work.now, case, actor) for case in cases]
    if len(rows) >= _MANY:
        await work.conn.copy_records_to_table("usage", columns=_COLUMNS, records=rows)
    elif rows:
        await work.conn.execute(q.keep, *_columns(rows))


def _row(now: datetime, case: Case, actor: str) -> tuple[Any, ...]:
    item, event, owner, decision, plan = case.record, case.event, case.owner, case.decision, case.decision.plan
    return (
        case.id,
        decision.status,
        decision.reason,
        item.usage_type,
        item.specification_id,
        event.start if event else None,
        owner.product_id if owner else None,
        owner.account_id if owner else None,
        owner.device_id if owner else None,
        case.posting.window if case.posting else None,
        plan.id if plan else None,
        plan.version if plan else None,
        event.unit if event else None,
        event.quantity if event else None,
        _JSON.encode(decision.lines).decode(),
        item.body,
        _JSON.encode([(draw.bucket_id, draw.amount) for draw in decision.draws]).decode() if decision.draws else "[]",
        _JSON.encode([case.posting.charge]).decode() if case.posting else None,
        actor,
        case.replaces.id if case.replaces else None,
        case.key,
        now,
        now,
    )


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
