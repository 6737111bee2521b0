"""From facts to an answer: hard filters, scores, one explored place, diversity, reasons. Pure, and the same each time.

Everything that is drawn by chance is drawn from the query's id, so that an answer can be computed again.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from oxl.engines.catalog.offering import WHOLE
from oxl.engines.recommendation.ease import Model
from oxl.engines.recommendation.facts import Answer, Candidate, Grant, Item, Line, Question, Subject
from oxl.engines.recommendation.needs import Need, needs_of, shown
from oxl.engines.recommendation.policy import Policy, of_party

_STRANGER = Line("", "", "", "", "", "", frozenset())


class _Scored(NamedTuple):
    """A candidate for a line with what speaks for it, in millionths."""

    total: int
    candidate: Candidate
    line: Line
    parts: dict[str, int]
    need: Need | None
    grant: Grant | None


def answer(
    question: Question, subject: Subject, candidates: Sequence[Candidate], policy: Policy, model: Model | None,
    now: datetime,
) -> Answer:  # fmt: skip
    """The answer to a question; no item for those who want none."""
    variant, policy = of_party(policy, subject.party_id)
    until = now + timedelta(hours=policy.valid_hours)
    if subject.opted_out:
        return Answer((), until, subject.segment, variant)
    scored = _scored(question, subject, candidates, policy, model, now)
    picked = _diverse(scored, policy)
    explored = _explore(question, subject, scored, picked, policy, model)
    if explored is not None:
        place, found = explored
        picked[place] = found
    names = {each.id: each.name for each in candidates}
    items = tuple(
        _item(n, each, (policy, model, subject, names), until, explored is not None and n - 1 == explored[0])
        for n, each in enumerate(picked, 1)
    )
    return Answer(items, min((each.until for each in items), default=until), subject.segment, variant)


# ── who may be offered what ──


def _fits(question: Question, subject: Subject, candidate: Candidate, policy: Policy) -> bool:
    """The filters that hold for the subject as a whole."""
    owned = subject.owned
    return (
        candidate.id not in question.context
        and _within(question.category, candidate.category)
        and _within(question.channel, candidate.channel)
        and _within(question.place, candidate.place)
        and owned.issuperset(candidate.requires)
        and owned.isdisjoint(candidate.excludes)
        and question.context.isdisjoint(candidate.excludes)
        and (subject.age is None or subject.age >= candidate.minimum_age)
        and subject.shown.get(candidate.id, 0) < policy.max_exposures
        and (not candidate.segments or not subject.lines or subject.segment in candidate.segments)
    )


def _within(asked: frozenset[str], has: Sequence[str]) -> bool:
    """Whether what is asked for is among what an offering has; either, where it says nothing, stands for anything."""
    return not asked or not has or not asked.isdisjoint(has)


def _for_line(candidate: Candidate, line: Line, specifications: frozenset[str], smaller: bool) -> bool:
    """Whether a line may be offered a candidate: packs to any line that pays in its currency; plans of its kind that
    are the bigger one of its own, or the smaller where that is called for, or something else altogether.
    """
    if candidate.id in line.owned and not candidate.repeatable:
        return False
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


def _affordable(candidate: Candidate, line: Line) -> bool:
    """Whether the main balance pays for it at once; what is billed later, or paid from outside, always is."""
    main = [each.available for each in line.buckets if each.kind == "main" and each.alive]
    return not main or candidate.kind != "addon" or candidate.price <= sum(main)


# ── how much speaks for it ──


def _scored(
    question: Question, subject: Subject, candidates: Sequence[Candidate], policy: Policy, model: Model | None,
    now: datetime,
) -> list[_Scored]:  # fmt: skip
    """Every candidate that passes the filters, for the line it suits best, the best first; ties go by offering."""
    lines = subject.lines or (_STRANGER,)
    by_id = {each.id: each for each in candidates}
    everything = frozenset(by_id[each].specification for each in subject.owned if each in by_id)
    fitting = [each for each in candidates if _fits(question, subject, each, policy)]
    learned = model.scores(sorted(subject.owned | question.context), [c.id for c in fitting]) if model else {}
    popular = _popular(model, subject.segment, fitting)
    needs = [needs_of(policy, line, _smaller(by_id, line), now) for line in lines]
    spoken = any(needs)
    allowed = _TYPES.get(question.type)
    best: dict[str, _Scored] = {}
    for line, its_needs in zip(lines, needs, strict=True):
        smaller = {each for need in its_needs for each in need.offerings}
        for candidate in fitting:
            if not _for_line(candidate, line, everything, candidate.id in smaller):
                continue
            need, grant = _strongest(its_needs, candidate)
            if allowed is not None and not allowed(candidate, line, need):
                continue
            parts = {"popularity": popular.get(candidate.id, 0), "margin": candidate.margin}
            if spoken:
                parts["rule"] = need.rule.score if need else 0
            if learned:
                parts["model"] = learned.get(candidate.id, 0)
            total = _total(parts, policy, subject.shown.get(candidate.id, 0))
            known = best.get(candidate.id)
            if known is None or total > known.total:
                best[candidate.id] = _Scored(total, candidate, line, parts, need, grant)
    return sorted(best.values(), key=lambda each: (-each.total, _saved(each), each.candidate.id))


def _saved(each: _Scored) -> int:
    """Of equal scores the greater saving goes first."""
    return each.candidate.price - (each.need.spent or 0) if each.need else 0


def _smaller(by_id: dict[str, Candidate], line: Line) -> frozenset[str]:
    own = by_id.get(line.offering_id)
    return frozenset(own.upgrade_of) if own else frozenset()


def _strongest(needs: Sequence[Need], candidate: Candidate) -> tuple[Need | None, Grant | None]:
    """Of the needs that a candidate would mend the one that speaks most for it, the first written among equals."""
    found: tuple[Need | None, Grant | None] = (None, None)
    for need in needs:
        met = need.met_by(candidate)
        if met is not None and (found[0] is None or need.rule.score > found[0].rule.score):
            found = (need, met if isinstance(met, Grant) else None)
    return found


def _popular(model: Model | None, segment: str, candidates: Sequence[Candidate]) -> dict[str, int]:
    """How often each is owned in the segment, as a share of the most owned; one more for each, so that none is nil."""
    if model is None:
        return {}
    counts = model.popularity.get(segment) or _altogether(model)
    most = max((counts.get(each.id, 0) for each in candidates), default=0) + 1
    return {each.id: (counts.get(each.id, 0) + 1) * WHOLE // most for each in candidates}


def _altogether(model: Model) -> dict[str, int]:
    found: Counter[str] = Counter()
    for counts in model.popularity.values():
        found.update(counts)
    return found


def _total(parts: dict[str, int], policy: Policy, times_shown: int) -> int:
    """The parts by weight, the weights of absent ones shared out, less for each time that it was shown in vain."""
    weights = {name: policy.weights[name] for name in parts}
    whole = sum(weights.values())
    score = sum(parts[name] * weight for name, weight in weights.items()) // whole if whole else 0
    return score * policy.decay**times_shown // WHOLE**times_shown


# ── which of them are shown ──


def _diverse(scored: Sequence[_Scored], policy: Policy) -> list[_Scored]:
    """The best, at most so many of one category; its last category is the narrowest that an offering has."""
    taken: Counter[str] = Counter()
    picked: list[_Scored] = []
    for each in scored:
        category = each.candidate.category[-1] if each.candidate.category else each.candidate.id
        if taken[category] < policy.per_category and len(picked) < policy.limit:
            taken[category] += 1
            picked.append(each)
    return picked


def _explore(
    question: Question, subject: Subject, scored: Sequence[_Scored], picked: Sequence[_Scored], policy: Policy,
    model: Model | None,
) -> tuple[int, _Scored] | None:  # fmt: skip
    """A place, not the first, and an offering for it by Thompson sampling over how often each was shown and taken."""
    rest = [each for each in scored if each not in picked and each.need is None]
    chance = random.Random(hashlib.sha256(question.id.encode()).digest())  # noqa: S311 – to be drawn again, no secret
    if len(picked) < 2 or not rest or chance.randrange(WHOLE) >= policy.explore:
        return None
    tally = model.tally.get(subject.segment, {}) if model else {}
    draws = []
    for each in sorted(rest, key=lambda one: one.candidate.id):
        times, takes = tally.get(each.candidate.id, (0, 0))
        draws.append((chance.betavariate(1 + takes, 1 + max(times - takes, 0)), each.candidate.id, each))
    return len(picked) - 1, max(draws, key=lambda one: one[:2])[2]


# ── why ──


_Told = tuple[Policy, Model | None, Subject, dict[str, str]]  # what reasons are told from, names by offering with them


def _item(rank: int, each: _Scored, told: _Told, until: datetime, explored: bool) -> Item:
    candidate = each.candidate
    source, reason, text = _reason(each, told, explored)
    ends = each.need.until if each.need and each.need.until else until
    return Item(
        rank=rank,
        offering_id=candidate.id,
        name=candidate.name,
        description=candidate.description,
        is_bundle=candidate.is_bundle,
        currency=candidate.currency,
        tax_included=candidate.tax_included,
        prices=candidate.prices,
        reason=reason,
        text=text,
        score=each.total,
        source=source,
        explored=explored,
        until=min(until, ends),
        device_id=each.line.device_id or None,
        product_id=each.line.product_id or None,
    )


def _reason(each: _Scored, told: _Told, explored: bool) -> tuple[str, str, str]:
    """(source, reason code, sentence)."""
    policy, model, subject, names = told
    words: dict[str, str] = defaultdict(str, offering=each.candidate.name)
    words["price"] = shown(each.candidate.price, each.candidate.currency) if each.candidate.currency else ""
    if explored:
        return "explore", "explore", policy.texts["explore"].format_map(words)
    if each.need is not None:
        rule = each.need.rule
        words |= each.need.words
        words["amount"] = shown(each.grant.amount, each.grant.display_unit) if each.grant else ""
        words["saving"] = shown((each.need.spent or 0) - each.candidate.price, each.line.currency or "EUR")
        return f"rule:{rule.id}", rule.reason.format_map(words), rule.text.format_map(words)
    sources = [name for name in ("model", "popularity", "margin") if name in each.parts]
    weighed = {name: each.parts[name] * policy.weights[name] for name in sources}
    source = max(weighed, key=lambda name: weighed[name])
    because = model.because(sorted(subject.owned), each.candidate.id) if model and source == "model" else None
    if because is None and source == "model":
        source = "popularity"
    words["owned"] = names.get(because or "", because or "")
    named = f"model:{model.version}" if model and source == "model" else source
    code = {"model": "ownersAlsoHave", "popularity": "popular", "margin": "suggested"}[source]
    return named, code, policy.texts[source].format_map(words)
