"""How much speaks for each candidate: hard filters, then the parts of the score, over the arrays of a shelf.

Scores are whole millionths. What is left out has a score of -1. Every line of the subject is scored; a candidate is
recommended for the line that it suits best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from oxl.engines.catalog.offering import WHOLE
from oxl.engines.recommendation.ease import Model
from oxl.engines.recommendation.facts import Candidate, Line, Question, Subject
from oxl.engines.recommendation.needs import Need, needs_of
from oxl.engines.recommendation.policy import Policy
from oxl.engines.recommendation.shelf import Shelf

_STRANGER = Line("", "", "", "", "", "", frozenset())


class Scored(NamedTuple):
    """A candidate for a line with what speaks for it."""

    total: int
    candidate: Candidate
    line: Line
    parts: dict[str, int]
    need: Need | None


class _OfLine(NamedTuple):
    line: Line
    needs: list[Need]
    allowed: Any  # which candidates pass the filters
    rule: Any  # the score of the strongest need that each would mend
    which: Any  # the place of that need, -1 for none


class Scores(NamedTuple):
    """The candidates in order, the best first; `one` tells of a place in the shelf."""

    order: list[int]
    totals: Any
    one: Callable[[int], Scored]
    needy: Any  # which of them a rule speaks for


def scores(
    question: Question, subject: Subject, shelf: Shelf, policy: Policy, model: Model | None, now: datetime
) -> Scores:
    """Every candidate that passes the filters; ties go by the greater saving, then by offering."""
    lines = subject.lines or (_STRANGER,)
    fitting = _fitting(question, subject, shelf, policy)
    specifications = frozenset(
        shelf.candidates[shelf.places[each]].specification for each in subject.owned if each in shelf.places
    )
    found = [_of_line(question, shelf, policy, line, (fitting, specifications), now) for line in lines]
    anyone = np.logical_or.reduce([each.allowed for each in found])
    shared = {"margin": shelf.margins, "popularity": np.zeros(len(shelf), dtype=np.int64)}
    if model and anyone.any():
        owners = shelf.owners(model, subject.segment)
        shared["popularity"] = (owners + 1) * WHOLE // (owners[anyone].max() + 1)
        learned = _learned(model, shelf, sorted(subject.owned | question.context), anyone)
        shared |= {"model": learned} if learned is not None else {}
    spoken = any(each.needs for each in found)
    parts = [shared | ({"rule": each.rule} if spoken else {}) for each in found]
    totals = np.stack([_totals(part, each.allowed, policy) for part, each in zip(parts, found, strict=True)])
    for offering, times in subject.shown.items():
        if offering in shelf.places:
            column = totals[:, shelf.places[offering]]
            column[column >= 0] = [int(one) * policy.decay**times // WHOLE**times for one in column[column >= 0]]
    of = totals.argmax(axis=0)
    best, needy = totals.max(axis=0), np.stack([each.which for each in found]).max(axis=0) >= 0
    saved = _saved(shelf, found, of) if spoken else np.zeros(len(shelf), dtype=np.int64)
    order = [int(n) for n in np.lexsort((saved, -best)) if best[n] >= 0]

    def one(n: int) -> Scored:
        each, part = found[of[n]], parts[of[n]]
        need = each.needs[each.which[n]] if each.which[n] >= 0 else None
        figures = {name: int(array[n]) for name, array in part.items()}
        return Scored(int(best[n]), shelf.candidates[n], each.line, figures, need)

    return Scores(order, best, one, needy)


def _totals(parts: dict[str, Any], allowed: Any, policy: Policy) -> Any:
    """The parts by weight, the weights of absent ones shared out."""
    weights = {name: policy.weights[name] for name in parts}
    whole = sum(weights.values())
    if not whole:
        return np.where(allowed, 0, -1)
    weighed = np.sum([array * weights[name] for name, array in parts.items()], axis=0)
    return np.where(allowed, weighed // whole, -1)


def _saved(shelf: Shelf, found: Sequence[_OfLine], of: Any) -> Any:
    """Of equal scores the greater saving goes first: the price, less what was spent in vain."""
    saved = np.zeros(len(shelf), dtype=np.int64)
    for n, each in enumerate(found):
        spent = np.array([need.spent or 0 for need in each.needs] + [0], dtype=np.int64)  # -1 finds the last
        mine = (of == n) & (each.which >= 0)
        saved[mine] = shelf.prices[mine] - spent[each.which[mine]]
    return saved


def _learned(model: Model, shelf: Shelf, owned: Sequence[str], anyone: Any) -> Any:
    """The model's score of each candidate, from 0 to a million among those that pass; None when it knows nothing."""
    rows = [model.places[each] for each in owned if each in model.places]
    columns = shelf.columns(model)
    known = anyone & (columns >= 0)
    if not rows or not known.any():
        return None
    sums = model.weights[rows].sum(axis=0)[columns[known]].astype(np.float64)
    low, span = sums.min(), sums.max() - sums.min()
    if span <= 0:
        return None
    found = np.zeros(len(shelf), dtype=np.int64)
    found[known] = np.rint((sums - low) / span * WHOLE).astype(np.int64)
    return found


# ── who may be offered what ──


def _fitting(question: Question, subject: Subject, shelf: Shelf, policy: Policy) -> Any:
    """Which candidates pass the filters that hold for the subject as a whole."""
    fitting = np.ones(len(shelf), dtype=bool)
    for name, asked in (("category", question.category), ("channel", question.channel), ("place", question.place)):
        if asked:
            fitting &= shelf.within(name, asked)
    tired = {each for each, times in subject.shown.items() if times >= policy.max_exposures}
    for offering in question.context | tired:
        if offering in shelf.places:
            fitting[shelf.places[offering]] = False
    owned = subject.owned
    for n in shelf.special:
        each = shelf.candidates[n]
        fitting[n] &= (
            owned.issuperset(each.requires)
            and not (each.bundled and owned.issuperset(each.bundled))
            and owned.isdisjoint(each.excludes)
            and question.context.isdisjoint(each.excludes)
            and (subject.age is None or subject.age >= each.minimum_age)
            and (not each.segments or not subject.lines or subject.segment in each.segments)
        )
    return fitting


def _of_line(
    question: Question, shelf: Shelf, policy: Policy, line: Line, about: tuple[Any, frozenset[str]],
    now: datetime,
) -> _OfLine:  # fmt: skip
    """What a line may be offered, and what its balances ask for."""
    fitting, specifications = about
    own = shelf.places.get(line.offering_id)
    smaller = frozenset(shelf.candidates[own].upgrade_of) if own is not None else frozenset()
    needs = needs_of(policy, line, smaller, now)
    wanted = {offering for need in needs for offering in need.offerings}
    allowed = fitting & shelf.packs(line.currency)
    for n in shelf.special:
        each = shelf.candidates[n]
        allowed[n] = fitting[n] and _for_line(each, line, specifications, each.id in wanted)
    for offering in line.owned:
        if offering in shelf.places and not shelf.candidates[shelf.places[offering]].repeatable:
            allowed[shelf.places[offering]] = False
    if line.dunned:  # who is asked for money is sold nothing more, but may come to pay less
        allowed &= np.array([each in wanted for each in shelf.places], dtype=bool)
    rule = np.zeros(len(shelf), dtype=np.int64)
    which = np.full(len(shelf), -1, dtype=np.int64)
    for number, need in enumerate(needs):
        places = shelf.mended(need)
        if need.spent is not None:
            places = places[shelf.prices[places] < need.spent]
        stronger = places[rule[places] < need.rule.score]
        rule[stronger], which[stronger] = need.rule.score, number
    if question.type in _TYPES:
        _keep_type(question.type, shelf, line, needs, which, allowed)
    return _OfLine(line, needs, allowed, rule, which)


def _for_line(candidate: Candidate, line: Line, specifications: frozenset[str], smaller: bool) -> bool:
    """Whether a line may be offered a candidate: packs to any line that pays in its currency; plans of its kind that
    are the bigger one of its own, or the smaller where that is called for, or something else altogether.
    """
    if not line.device_id:
        return candidate.is_bundle or candidate.kind in ("prepaid", "postpaid")
    if not candidate.kind:
        return True
    if candidate.currency != line.currency:
        return False
    if candidate.kind == "addon":
        return True
    related = smaller or line.offering_id in candidate.upgrade_of
    return candidate.kind == line.account_kind and (related or candidate.specification not in specifications)


_TYPES: dict[str, Callable[[Candidate, Line, Need | None], bool]] = {
    "crossSell": lambda candidate, line, _: line.offering_id not in candidate.upgrade_of,
    "upSell": lambda candidate, line, _: line.offering_id in candidate.upgrade_of,
    "topUp": lambda candidate, line, need: need is not None and _affordable(candidate, line),
    "retention": lambda _, __, need: need is not None and need.rule.signal in ("underUsed", "spent"),
}


def _keep_type(kind: str, shelf: Shelf, line: Line, needs: Sequence[Need], which: Any, allowed: Any) -> None:
    for n in np.flatnonzero(allowed):
        need = needs[which[n]] if which[n] >= 0 else None
        allowed[n] = _TYPES[kind](shelf.candidates[n], line, need)


def _affordable(candidate: Candidate, line: Line) -> bool:
    """Whether the main balance pays for it at once; what is billed later, or paid from outside, always is."""
    main = [each.available for each in line.buckets if each.kind == "main" and each.alive]
    return not main or candidate.kind != "addon" or candidate.price <= sum(main)
