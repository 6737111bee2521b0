"""The learned model: EASE (Steck 2019), a linear item-to-item model in closed form; trained, asked, measured here.

G = XᵀX + λI over the matrix of who owns what, P = G⁻¹, B = −P ÷ diag(P) with a zero diagonal; the score of an offering
is the sum of its weights from what is owned. Deterministic, one parameter, and each weight is an explanation. The
numbers here are weights and ranks; money never comes near them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from oxl.engines.catalog.offering import WHOLE

RIDGE = 100
_ROWS_AT_ONCE = 20_000
_HELD_OUT_ONE_IN = 5


class Model(msgspec.Struct, frozen=True):
    """A trained model: the offerings it knows, and the weight of each for each. popularity: owners by segment."""

    version: int
    items: tuple[str, ...]
    weights: Any  # square array of float32, row: what is owned, column: what is scored
    popularity: dict[str, dict[str, int]]
    tally: dict[str, dict[str, tuple[int, int]]]  # segment → offering → how often shown, how often taken
    places: dict[str, int] = {}

    def because(self, owned: Sequence[str], wanted: str) -> str | None:
        """What is owned that speaks most for an offering; None where nothing does."""
        if wanted not in self.places:
            return None
        column = self.weights[:, self.places[wanted]]
        known = [(int(column[self.places[each]] * WHOLE), each) for each in sorted(owned) if each in self.places]
        best = max(known, default=(0, ""))
        return best[1] if best[0] > 0 else None


def model_of(
    version: int, items: Sequence[str], weights: Any, popularity: dict[str, dict[str, int]],
    tally: dict[str, dict[str, tuple[int, int]]],
) -> Model:  # fmt: skip
    """A model with the places of its items."""
    return Model(version, tuple(items), weights, popularity, tally, {each: n for n, each in enumerate(items)})


def trained(baskets: Sequence[Sequence[int]], items: int, ridge: int = RIDGE) -> Any:
    """The weights learned from who owns what: each basket holds the places of the items that one party has."""
    gram = np.zeros((items, items))
    for start in range(0, len(baskets), _ROWS_AT_ONCE):
        part = _matrix(baskets[start : start + _ROWS_AT_ONCE], items)
        gram += part.T @ part
    inverse = np.linalg.inv(gram + np.eye(items) * ridge)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32)


def _matrix(baskets: Sequence[Sequence[int]], items: int) -> Any:
    rows = np.repeat(np.arange(len(baskets)), [len(basket) for basket in baskets])
    matrix = np.zeros((len(baskets), items), dtype=np.float32)
    matrix[rows, np.fromiter((place for basket in baskets for place in basket), dtype=np.int64, count=len(rows))] = 1
    return matrix


def measured(baskets: Sequence[Sequence[int]], items: int, seed: int, ridge: int = RIDGE) -> dict[str, Any]:
    """How well a model of four fifths of the parties finds one hidden item of the others, in millionths.

    Every item that the party does not have is ranked, none is sampled. hitRate1, ndcg10 of the model and of popularity,
    coverage: the share of items that come first for somebody.
    """
    chosen = np.random.default_rng(seed)
    apart = chosen.integers(0, _HELD_OUT_ONE_IN, size=len(baskets)) == 0
    learned = [basket for basket, held in zip(baskets, apart, strict=True) if not held]
    held_out = [sorted(basket) for basket, held in zip(baskets, apart, strict=True) if held and len(basket) > 1]
    if not learned or not held_out:
        return {"tested": 0}
    weights = trained(learned, items, ridge)
    counts = np.bincount([place for basket in learned for place in basket], minlength=items)
    hidden = [basket[int(chosen.integers(0, len(basket)))] for basket in held_out]
    ranks: dict[str, list[int]] = {"model": [], "popularity": []}
    first: set[int] = set()
    for basket, place in zip(held_out, hidden, strict=True):
        left = [each for each in basket if each != place]
        scores = weights[left].sum(axis=0)
        scores[left] = -np.inf
        first.add(int(np.argmax(scores)))
        ranks["model"].append(int((scores > scores[place]).sum()))
        known = counts.astype(np.float64)
        known[left] = -np.inf
        ranks["popularity"].append(int((known > known[place]).sum()))
    found: dict[str, Any] = {"tested": len(held_out), "coverage": len(first) * WHOLE // items}
    for name, places in ranks.items():
        array = np.array(places)
        gains = np.where(array < 10, 1 / np.log2(array + 2), 0)
        found[name] = {"hitRate1": int((array == 0).mean() * WHOLE), "ndcg10": int(gains.mean() * WHOLE)}
    return found


def digest(baskets: Sequence[Sequence[int]], items: Sequence[str]) -> str:
    """What tells one set of training data from another."""
    found = hashlib.sha256("\n".join(items).encode())
    found.update(msgspec.json.encode([sorted(basket) for basket in baskets]))
    return found.hexdigest()
