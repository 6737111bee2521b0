"""What happens to a usage after it was taken: every change keeps in the history how the usage was before.

Here are the transitions, the reading of stored usages under lock, and the verbs that supersede, delete and try again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.catalog.specification import read
from oxl.engines.ledger.burn import Draw, take
from oxl.engines.usage import ground
from oxl.engines.usage.case import Case, Ground, Posting, Revision, Stored, posting_of, rate_one, read_body
from oxl.engines.usage.decide import AS_USUAL, Charge, PriceLine, Terms, suspense
from oxl.engines.usage.undo import undo
from oxl.verbs import Done, Refusal, Refused, Work

q = load("oxl.engines.usage", "revise.sql")

# The states that each state may be followed by; those not named are final.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "initialized": ("validated", "rejected", "failed"),
    "validated": ("rated", "notRated", "failed"),
    "failed": ("validated", "rejected", "superseded"),
    "rated": ("corrected", "superseded"),
    "notRated": ("corrected", "superseded"),
    "corrected": ("corrected", "superseded"),
}
SUPERSEDABLE = tuple(state for state, following in TRANSITIONS.items() if "superseded" in following)
DELETABLE = ("initialized", "rejected", "failed")

_LINES = msgspec.json.Decoder(list[PriceLine])
_DRAWS = msgspec.json.Decoder(list[tuple[str, int]])
_JSON = msgspec.json.Encoder()


class TakenBack(NamedTuple):
    """A usage that is superseded: what it gives back, and how it then is."""

    draws: Sequence[Draw]
    postings: Sequence[Posting]
    revision: Revision


async def stored(work: Work, ids: Sequence[str]) -> list[Stored]:
    """The usages of these ids that are there, locked, in order of id."""
    if not ids:
        return []
    rows = await work.conn.fetch(q.stored, sorted(set(ids)))
    return [
        Stored(**{**row, "prices": _LINES.decode(row["prices"]), "draws": _DRAWS.decode(row["draws"])}) for row in rows
    ]


def taken_back(base: Ground, usage: Stored, reason: str, actor: str, reference: str | None) -> TakenBack:
    """Supersede a usage on the ground that was laid: its buckets have got back what it drew."""
    owner = base.owners[usage.id]
    undone = undo(base.catalog, usage, owner, base.buckets, base.counters)
    draws = take(undone.parts, usage.action_id, usage.device_id or "")
    postings, window = [], None
    if undone.charge and owner and usage.started_at:
        postings, window = [Posting(owner, usage.started_at, undone.charge)], owner.open_window
    revision = Revision(
        usage.id, "superseded", reason, actor, reference, window, [posting.charge for posting in postings] or None,
        usage.plan_id, usage.plan_version, usage.prices, (),
    )  # fmt: skip
    return TakenBack(draws, postings, revision)


async def keep(work: Work, revisions: Sequence[Revision]) -> list[Done]:
    """Write the usages as they are from now on, and how they were into the history."""
    if revisions:
        await work.conn.execute(q.keep_history, [each.id for each in revisions])
        rows = [_row(each) for each in revisions]
        await work.conn.execute(q.revise, work.now, *[list(column) for column in zip(*rows, strict=True)])
    return [Done(each.id, each.changes, each.status, each.reason) for each in revisions]


def _row(each: Revision) -> tuple[Any, ...]:
    product, account, device = each.owner or (None, None, None)
    return (
        each.id, each.status, each.reason, each.actor, each.reference, each.charge_window, _encoded(each.charges),
        each.plan_id, each.plan_version, _JSON.encode(each.prices).decode(), _JSON.encode(each.draws).decode(),
        each.started_at,
        product, account, device, each.unit, each.quantity,
    )  # fmt: skip


def _encoded(charges: Sequence[Charge] | None) -> str | None:
    return _JSON.encode(charges).decode() if charges is not None else None


async def supersede(
    work: Work, ids: Sequence[str], actor: str = "client", reason: str = "withdrawn"
) -> list[Done | Refused]:
    """Take the usages out: what they drew goes back, what they cost is taken off the open window. That is final."""
    found = {each.id: each for each in await stored(work, ids)}
    going = [each for each in found.values() if each.status in SUPERSEDABLE]
    base = await ground.lay(work, (), going)
    back = [taken_back(base, each, reason, actor, None) for each in going]
    draws = [draw for each in back for draw in each.draws]
    postings = [posting for each in back for posting in each.postings]
    await ground.post(work, base, draws, postings)
    done = {each.id: each for each in await keep(work, [each.revision for each in back])}
    return [done.get(each) or refused(found[each].status, "superseded") for each in ids]


def refused(before: str, after: str) -> Refused:
    """The refusal of a change that the state forbids."""
    return Refused("conflict", "illegalTransition", f"status: {before} cannot become {after}", "status")


async def delete(work: Work, ids: Sequence[str], actor: str = "client") -> list[Done | Refused]:
    """Delete usages that were never charged; a record of the same key is then taken again. The history stays."""
    found = {each.id: each for each in await stored(work, ids)}
    gone = [each.id for each in found.values() if each.status in DELETABLE]
    if gone:
        await work.conn.execute(q.keep_history, gone)
        await work.conn.execute(q.delete, gone)
        await work.conn.execute(q.keep_deletion, work.now, gone, actor)
    return [_deleted(each, found[each].status, each in gone) for each in ids]


def _deleted(usage_id: str, status: str, gone: bool) -> Done | Refused:
    if gone:
        return Done(usage_id, ("delete",))
    message = f"status: a usage that is {status} is not deleted; set its status to superseded instead"
    return Refused("conflict", "illegalTransition", message, "status")


async def retry(
    work: Work, ids: Sequence[str], actor: str, reference: str | None = None,
    terms: Terms = AS_USUAL,
) -> list[Done | Refused]:  # fmt: skip
    """Rate suspended usages as if they came now; one that has to wait on says why as before or anew.

    Refused: conflict, for usages that are not in suspense. A record that no longer fits its specification stays, with
    the reason invalidRecord.
    """
    found = {each.id: each for each in await stored(work, ids)}
    cases = [await case_of(work, each, terms) for each in found.values() if each.status == "failed"]
    ready = [case for case in cases if case.event is not None]
    base = await ground.lay(work, ready)
    draws = [draw for case in ready for draw in rate_one(work.now, base, case)]
    await ground.post(work, base, draws, [posting for case in ready if (posting := posting_of(case))])
    changed = [case for case in cases if case.stored and _differs(case, case.stored)]
    done = {each.id: each for each in await keep(work, [_revision(each, actor, reference) for each in changed])}
    waiting = {case.id: Done(case.id, (), "failed", case.decision.reason) for case in cases}
    return [done.get(each) or waiting.get(each) or _not_waiting(found[each]) for each in ids]


async def case_of(work: Work, usage: Stored, terms: Terms = AS_USUAL) -> Case:
    """A stored usage as a case that is to be rated; without an event where it does not fit its specification now."""
    record = read_body(usage.body)
    specification = (await catalog_of(work)).specifications.get(record.specification_id)
    case = Case(usage.id, record, None, usage, terms)
    if specification is not None:
        try:
            case.event = read(specification, record.characteristics)
        except Refusal:
            case.decision = suspense("invalidRecord")
    return case


def _differs(case: Case, usage: Stored) -> bool:
    return (case.decision.status, case.decision.reason) != (usage.status, usage.reason)


def _revision(case: Case, actor: str, reference: str | None) -> Revision:
    owner, decision, event = case.owner, case.decision, case.event
    return Revision(
        id=case.id,
        status=decision.status,
        reason=decision.reason,
        actor=actor,
        reference=reference,
        charge_window=case.posting.window if case.posting else None,
        charges=[case.posting.charge] if case.posting else None,
        plan_id=decision.plan.id if decision.plan else None,
        plan_version=decision.plan.version if decision.plan else None,
        prices=decision.lines,
        draws=[(draw.bucket_id, draw.amount) for draw in decision.draws],
        changes=("stateChange",) if decision.status != "failed" else ("attributeValueChange",),
        started_at=event.start if event else None,
        owner=(owner.product_id, owner.account_id, owner.device_id) if owner else None,
        unit=event.unit if event else None,
        quantity=event.quantity if event else None,
    )


def _not_waiting(usage: Stored) -> Refused:
    return refused(usage.status, "validated")
