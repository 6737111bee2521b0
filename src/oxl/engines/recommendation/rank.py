"""From scores to an answer: diversity, one explored place, reasons in words. Pure, and the same each time.

Everything that is drawn by chance is drawn from the query's id, so that an answer can be computed again.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from oxl.engines.catalog.offering import WHOLE
from oxl.engines.recommendation.ease import Model
from oxl.engines.recommendation.facts import Answer, Candidate, Grant, Item, Question, Subject
from oxl.engines.recommendation.needs import shown
from oxl.engines.recommendation.policy import Policy, of_party
from oxl.engines.recommendation.score import Scored, Scores, scores
from oxl.engines.recommendation.shelf import Shelf

# What reasons are told from; the names of offerings with them.
_Told = tuple[Policy, Model | None, Subject, dict[str, str]]


def answer(
    question: Question, subject: Subject, shelf: Shelf, policy: Policy, model: Model | None, now: datetime
) -> Answer:
    """The answer to a question; no item for those who want none."""
    variant, policy = of_party(policy, subject.party_id)
    until = now + timedelta(hours=policy.valid_hours)
    if subject.opted_out or not len(shelf):
        return Answer((), until, subject.segment, variant)
    found = scores(question, subject, shelf, policy, model, now)
    picked = _diverse(found.order, shelf.candidates, policy)
    explored = _explore(question, subject, found, picked, shelf, policy, model)
    if explored is not None:
        picked[-1] = explored
    told = (policy, model, subject, shelf.names)
    items = tuple(_item(n, found.one(place), told, until, place == explored) for n, place in enumerate(picked, 1))
    return Answer(items, min((each.until for each in items), default=until), subject.segment, variant)


def _diverse(order: Sequence[int], candidates: Sequence[Candidate], policy: Policy) -> list[int]:
    """The best, at most so many of one category; its last category is the narrowest that an offering has."""
    taken: Counter[str] = Counter()
    picked: list[int] = []
    for n in order:
        category = _kind(candidates[n])
        if taken[category] < policy.per_category:
            taken[category] += 1
            picked.append(n)
            if len(picked) == policy.limit:
                break
    return picked


def _kind(candidate: Candidate) -> str:
    """Of what kind an offering is, for diversity: its narrowest category, else it is one of its own."""
    return candidate.category[-1] if candidate.category else candidate.id


def _explore(
    question: Question, subject: Subject, found: Scores, picked: Sequence[int], shelf: Shelf, policy: Policy,
    model: Model | None,
) -> int | None:  # fmt: skip
    """An offering for the last place, never the first, by Thompson sampling over how often each was shown and taken."""
    chance = random.Random(hashlib.sha256(question.id.encode()).digest())  # noqa: S311 – to be drawn again, no secret
    if len(picked) < 2 or chance.randrange(WHOLE) >= policy.explore:
        return None
    tally = model.tally.get(subject.segment, {}) if model else {}
    beside = Counter(_kind(shelf.candidates[n]) for n in picked[:-1])
    draws: list[tuple[object, int]] = []
    for n in sorted(set(found.order) - set(picked)):
        if not found.needy[n] and beside[_kind(shelf.candidates[n])] < policy.per_category:
            times, takes = tally.get(shelf.candidates[n].id, (0, 0))
            draws.append((chance.betavariate(1 + takes, 1 + max(times - takes, 0)), n))
    return max(draws)[1] if draws else None


# ── why ──


def _item(rank: int, each: Scored, told: _Told, until: datetime, explored: bool) -> Item:
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


def _reason(each: Scored, told: _Told, explored: bool) -> tuple[str, str, str]:
    """(source, reason code, sentence)."""
    policy, model, subject, names = told
    words: dict[str, str] = defaultdict(str, offering=each.candidate.name)
    words["price"] = shown(each.candidate.price, each.candidate.currency) if each.candidate.currency else ""
    if explored:
        return "explore", "explore", policy.texts["explore"].format_map(words)
    if each.need is not None:
        rule, met = each.need.rule, each.need.met_by(each.candidate)
        words |= each.need.words
        words["amount"] = shown(met.amount, met.display_unit) if isinstance(met, Grant) else ""
        if each.need.spent is not None:
            words["saving"] = shown(each.need.spent - each.candidate.price, each.line.currency)
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
