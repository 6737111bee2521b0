"""The candidates of one moment, laid out for scoring: in order of id, with what most of them share as arrays.

Most candidates are packs that are open to anyone: for these a filter or score is one step over an array. The others,
`special`, are looked at one by one. Everything here follows from the candidates alone and may be kept between queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from oxl.engines.recommendation.ease import Model
from oxl.engines.recommendation.facts import Candidate
from oxl.engines.recommendation.needs import Need

_MOST_KEPT = 1000  # answers to one kind of question


class Shelf:
    """Candidates with their arrays; `places` finds one by its id."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = tuple(sorted(candidates, key=lambda each: each.id))
        self.places = {each.id: n for n, each in enumerate(self.candidates)}
        self.names = {each.id: each.name for each in self.candidates}
        self.margins = np.array([each.margin for each in self.candidates], dtype=np.int64)
        self.prices = np.array([each.price for each in self.candidates], dtype=np.int64)
        self.special = tuple(n for n, each in enumerate(self.candidates) if not _open(each))
        self._open = np.array([_open(each) for each in self.candidates], dtype=bool)
        self._kept: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self.candidates)

    def packs(self, currency: str) -> Any:
        """Which of them are packs open to any line that pays in a currency."""
        return self._once(
            ("packs", currency),
            lambda: self._open & np.array([each.currency == currency for each in self.candidates], dtype=bool),
        )

    def within(self, attribute: str, asked: frozenset[str]) -> Any:
        """Which of them have something of what is asked for in an attribute, or say nothing of it."""
        return self._once(
            (attribute, asked),
            lambda: np.array(
                [not getattr(each, attribute) or not asked.isdisjoint(getattr(each, attribute))
                 for each in self.candidates], dtype=bool
            ),
        )  # fmt: skip

    def mended(self, need: Need) -> Any:
        """The places of those that would mend a need, whatever they cost."""
        key = (need.unit, need.services, need.zones, need.offerings, need.upgrade_of, need.rule.category)
        return self._once(
            key,
            lambda: np.array([n for n, each in enumerate(self.candidates) if need.met_by(each)], dtype=np.int64),
        )

    def owners(self, model: Model, segment: str) -> Any:
        """How many own each, in a segment that the model knows, else altogether."""

        def counted() -> Any:
            counts = [model.popularity[segment]] if segment in model.popularity else model.popularity.values()
            return np.array([sum(each.get(one.id, 0) for each in counts) for one in self.candidates], dtype=np.int64)

        return self._once(("owners", model.version, segment), counted)

    def columns(self, model: Model) -> Any:
        """The column of each in the model, -1 where it does not know it."""
        return self._once(
            ("columns", model.version),
            lambda: np.array([model.places.get(each.id, -1) for each in self.candidates], dtype=np.int64),
        )

    def _once(self, key: Any, made: Callable[[], Any]) -> Any:
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[key] = made()
        return found


def _open(candidate: Candidate) -> bool:
    """Whether a candidate is a pack that nothing but its currency keeps from a line."""
    bound = (candidate.segments, candidate.requires, candidate.excludes, candidate.upgrade_of, candidate.bundled,
             candidate.minimum_age)  # fmt: skip
    return candidate.kind == "addon" and not any(bound)
