"""Pure sums of rating again what was rated: in the order in which things happened, by another version of the plan or
by the same one. Only what comes out otherwise is touched, and only the difference is posted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from oxl.engines.ledger.burn import Draw, Held, shift, take
from oxl.engines.usage.case import Case, Ground, Posting, Revision, Stored, event_of, rate_one
from oxl.engines.usage.decide import Charge
from oxl.engines.usage.undo import Undone, undo

RATED = ("rated", "notRated", "corrected")


class Again(NamedTuple):
    """One usage with what it gave back; its case holds what it comes to now."""

    case: Case
    stored: Stored
    undone: Undone


def account_of(case: Case) -> str:
    """The account of a stored usage."""
    return (case.stored.account_id if case.stored else None) or ""


def order_of(case: Case) -> tuple[Any, ...]:
    """By account, and within one as things happened."""
    return account_of(case), event_of(case).start, case.id


def rated_again(now: datetime, base: Ground, cases: Sequence[Case]) -> tuple[list[Again], str]:
    """The usages of one account taken back, the last one first, and rated in order; or the reason why one cannot be.

    All in thought: buckets are then as they were, for only differences move them. Counters are as they come to be.
    """
    buckets: Mapping[str, Held] = base.buckets
    touched = base.held.get(account_of(cases[0]), ())
    before = [(bucket, bucket.used, bucket.posted, bucket.available, bucket.version) for bucket in touched]
    counted = {key: (counter.quantity, counter.moved) for key, counter in base.counters.items()}
    again: list[Again] = []
    for case in reversed(cases):
        if case.stored is None:
            raise ValueError(f"usage {case.id} is not stored")
        undone = undo(base.catalog, case.stored, base.owners[case.id], buckets, base.counters)
        for bucket, part in undone.parts:
            shift(bucket, part)
        again.insert(0, Again(case, case.stored, undone))
    refusal = ""
    for case in cases:
        rate_one(now, base, case)
        if case.decision.status == "failed":
            refusal = case.decision.reason or "failed"
            break
    for bucket, used, posted, available, version in before:
        bucket.used, bucket.posted, bucket.available, bucket.version = used, posted, available, version
    if refusal:
        for key, (quantity, moved) in counted.items():
            base.counters[key].quantity, base.counters[key].moved = quantity, moved
    return again, refusal


class Settled(NamedTuple):
    """What rating a usage again changes."""

    case: Case
    moves: Sequence[tuple[Held, int]]
    postings: Sequence[Posting]
    revision: Revision


def drawn(settled: Sequence[Settled]) -> list[Draw]:
    """Post the moves: first all that is put back, so that no bucket is ever below what it may be."""
    draws: list[Draw] = []
    for sign in (-1, 1):
        for each in settled:
            moves = [(bucket, part) for bucket, part in each.moves if part * sign > 0]
            device = each.case.stored.device_id if each.case.stored else None
            draws += take(moves, each.case.action_id, device or "", 0 if sign < 0 else len(each.moves) - len(moves))
    return draws


def settle(base: Ground, each: Again, actor: str, reference: str | None) -> Settled | None:
    """The difference between what a usage gave back and what it comes to now; None when there is none."""
    case, stored, decision = each.case, each.stored, each.case.decision
    parts: dict[str, int] = defaultdict(int)
    for bucket, part in each.undone.parts:
        parts[bucket.id] += part
    for draw in decision.draws:
        parts[draw.bucket_id] += draw.amount
    moves = [(base.buckets[bucket], part) for bucket, part in sorted(parts.items()) if part]
    charges = _net([charge for charge in (each.undone.charge, decision.charge) if charge])
    if not moves and not charges and _same(each):
        return None
    owner = case.owner
    postings = [Posting(owner, event_of(case).start, charge) for charge in charges] if owner else []
    owes = each.undone.charge or decision.charge
    revision = Revision(
        id=case.id,
        status="corrected",
        reason="rerated",
        actor=actor,
        reference=reference,
        charge_window=owner.open_window if owner and owes else None,
        charges=charges if owes else None,
        plan_id=decision.plan.id if decision.plan else None,
        plan_version=decision.plan.version if decision.plan else None,
        prices=decision.lines,
        draws=[(draw.bucket_id, draw.amount) for draw in decision.draws],
        changes=("stateChange", "attributeValueChange") if stored.status != "corrected" else ("attributeValueChange",),
    )
    return Settled(case, moves, postings, revision)


def _net(charges: Sequence[Charge]) -> list[Charge]:
    """The charges as one for each component, without those that come to nothing."""
    sums: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for charge in charges:
        place = (charge.component, charge.zone, charge.tax_category, charge.unit)
        for n, figure in enumerate((charge.quantity, charge.amount, charge.events)):
            sums[place][n] += figure
    return [Charge(*place, *figures) for place, figures in sums.items() if any(figures)]


def _same(each: Again) -> bool:
    """Whether a usage is priced as before, line by line and by the same version."""
    plan = each.case.decision.plan
    if plan is None or (plan.id, plan.version) != (each.stored.plan_id, each.stored.plan_version):
        return False
    return list(each.case.decision.lines) == list(each.stored.prices)
