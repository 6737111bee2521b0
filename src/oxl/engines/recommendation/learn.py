"""Learning: what the parties have is gathered, a model trained of it and measured, and kept; active unless it is worse.

`gather` and `keep` are verbs with a transaction each; `train` between them is a pure sum that may take seconds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.recommendation import ease
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.recommendation", "recommendation.sql")

_YEAR = timedelta(days=365)
_TAKEN_WITHIN = timedelta(days=7)
_MOST_ITEMS = 5000  # the model's matrix is inverted as a whole
_SEED = 7
_WORSE = (9, 10)  # a model is refused below this part of the active one's figure


class Data(NamedTuple):
    """What a model is trained of: the offerings, what each party has of them, and the counts that go with a model."""

    items: list[str]
    baskets: list[list[int]]
    popularity: dict[str, dict[str, int]]
    tally: dict[str, dict[str, tuple[int, int]]]


class Trained(NamedTuple):
    """A model that is not kept yet."""

    data: Data
    weights: bytes
    metrics: dict[str, Any]
    digest: str


class Kept(NamedTuple):
    """What became of a model."""

    version: int
    status: str  # active, refused
    reason: str | None
    metrics: dict[str, Any]


async def gather(work: Work) -> Data:
    """The last twelve months of the inventory, and what was made of earlier answers."""
    await attribute(work)
    since = work.now - _YEAR
    rows = await work.conn.fetch(q.baskets, since)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        for offering in row["offerings"]:
            counts[offering] += 1
    items = sorted(sorted(counts, key=lambda each: (-counts[each], each))[:_MOST_ITEMS])
    place = {each: n for n, each in enumerate(items)}
    baskets = [[place[each] for each in row["offerings"] if each in place] for row in rows]
    popularity: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await work.conn.fetch(q.owners, work.now):
        popularity[row["account_kind"]][row["offering_id"]] = row["owners"]
    tally: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in await work.conn.fetch(q.tally, since):
        tally[row["segment"]][row["offering_id"]] = (row["times"], row["takes"])
    return Data(items, baskets, popularity, tally)


def train(data: Data) -> Trained:
    """A model of the data, measured on a fifth of the parties that another model has not seen."""
    metrics = ease.measured(data.baskets, len(data.items), _SEED) if data.items else {"tested": 0}
    metrics |= {"parties": len(data.baskets), "items": len(data.items)}
    weights = ease.trained(data.baskets, len(data.items)) if data.items else ease.trained([], 0)
    return Trained(data, weights.astype("<f4").tobytes(), metrics, ease.digest(data.baskets, data.items))


async def keep(work: Work, trained: Trained, anyway: bool = False) -> Kept:
    """Keep the model under the next version; it becomes the active one unless it finds less than that one did.

    anyway: even then, as where what is sold has changed so much that the old figure means nothing any more.
    """
    await work.conn.execute(q.training_turn)
    last = await work.conn.fetchrow(q.last_model)
    before = msgspec.json.decode(last["metrics"]) if last["metrics"] else {}
    reason = None if anyway else why_refused(before, trained.metrics)
    version, data = (last["version"] or 0) + 1, trained.data
    status = "refused" if reason else "active"
    if not reason:
        await work.conn.execute(q.retire_models)
    counts = [msgspec.json.encode(each).decode() for each in (data.popularity, data.tally, trained.metrics)]
    await work.conn.execute(
        q.keep_model,
        version,
        work.now,
        status,
        reason,
        ease.RIDGE,
        trained.digest,
        data.items,
        trained.weights,
        *counts,
    )
    return Kept(version, status, reason, trained.metrics)


def why_refused(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """Why a model does not take the place of another, by their metrics; None when it does."""
    if "model" not in before:
        return None
    was, figure = before["model"]["ndcg10"], after.get("model", {}).get("ndcg10", 0)
    if figure * _WORSE[1] >= was * _WORSE[0]:
        return None
    return f"ndcg10 fell from {was} to {figure} millionths"


async def due(work: Work, every: timedelta) -> bool:
    """Whether the newest model is older than that, or there is none."""
    last = await work.conn.fetchrow(q.last_model)
    return last["trained_at"] is None or last["trained_at"] + every <= work.now


async def attribute(work: Work) -> int:
    """Count as taken what parties bought within a week after it was shown to them; how many that were."""
    return len(await work.conn.fetch(q.attribute, work.now - _YEAR, _TAKEN_WITHIN))


async def set_consent(work: Work, items: Sequence[tuple[str, bool]]) -> list[Done | Refused]:
    """Whether parties want recommendations: (party, opted out) each; a party may say so before OXL knows it."""
    last = dict(items)
    await work.conn.execute(q.keep_consent, work.now, list(last), list(last.values()))
    return [Done(party, ("create",)) for party, _ in items]


# ── what came of it ──


class TakeUp(NamedTuple):
    """How often offerings of one source were shown in one place, taken within a week, and accepted in one step."""

    source: str
    rank: int
    shown: int
    taken: int
    accepted: int


class Trial(NamedTuple):
    """An experiment: of each variant how many parties were shown something and how many of them took something.

    p: of so great a difference by chance alone, in millionths; None while there are not two variants.
    """

    experiment: str

    variants: dict[str, tuple[int, int]]
    p: int | None


async def report(work: Work, since: datetime) -> tuple[list[TakeUp], list[Trial]]:
    """Take-up by source and place since then, and the experiments of that time."""
    await attribute(work)
    rows = await work.conn.fetch(q.take_up, since)
    trials: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for row in await work.conn.fetch(q.variants, since):
        trials[row["experiment"]][row["variant"]] = (row["parties"], row["takers"])
    return [TakeUp(**row) for row in rows], [
        Trial(name, variants, significance(list(variants.values()))) for name, variants in trials.items()
    ]


def significance(variants: Sequence[tuple[int, int]]) -> int | None:
    """The two-sided p-value of the difference between two shares (all, those who did), in millionths."""
    if len(variants) != 2 or not all(parties for parties, _ in variants):
        return None
    (first, some), (second, others) = variants
    pooled = (some + others) / (first + second)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / first + 1 / second))
    if not spread:
        return 1_000_000
    z = abs(some / first - others / second) / spread
    return round(math.erfc(z / math.sqrt(2)) * 1_000_000)
