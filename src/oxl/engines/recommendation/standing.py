"""What answers stand on besides the subject: candidates, policy, model. Compiled once per version in each process."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np

from oxl.db.queries import load
from oxl.engines.catalog.catalog import Catalog
from oxl.engines.recommendation.candidates import candidates_at, next_change
from oxl.engines.recommendation.ease import Model, model_of
from oxl.engines.recommendation.policy import Policy, default_text, read_policy
from oxl.engines.recommendation.shelf import Shelf
from oxl.verbs import Work

q = load("oxl.engines.recommendation", "recommendation.sql")

_TALLY = msgspec.json.Decoder(dict[str, dict[str, tuple[int, int]]])
_POPULARITY = msgspec.json.Decoder(dict[str, dict[str, int]])
_DEFAULT = read_policy(default_text())

_policies: dict[str, tuple[int, Policy]] = {}  # by tenant
_models: dict[str, Model] = {}


class _Sold(NamedTuple):
    """The candidates of a catalog from one instant to another."""

    catalog: Catalog
    since: datetime
    until: datetime | None
    shelf: Shelf


_sold: dict[str, _Sold] = {}


class Standing(NamedTuple):
    """The rules of one moment in one tenant."""

    shelf: Shelf
    policy: Policy
    policy_version: int | None
    model: Model | None


async def standing(work: Work, catalog: Catalog) -> Standing:
    """What holds in this transaction."""
    row = await work.conn.fetchrow(q.standing)
    policy = await _policy(work, row["policy"])
    return Standing(_shelf(work, catalog), policy, row["policy"], await _model(work, row["model"]))


def _shelf(work: Work, catalog: Catalog) -> Shelf:
    sold = _sold.get(work.tenant)
    stale = sold is None or sold.catalog is not catalog or work.now < sold.since
    if sold is None or stale or (sold.until is not None and sold.until <= work.now):
        found = Shelf(candidates_at(catalog, work.now))
        sold = _sold[work.tenant] = _Sold(catalog, work.now, next_change(catalog, work.now), found)
    return sold.shelf


async def _policy(work: Work, version: int | None) -> Policy:
    if version is None:
        return _DEFAULT
    known = _policies.get(work.tenant)
    if known is None or known[0] != version:
        text = await work.conn.fetchval(q.policy, version)
        known = _policies[work.tenant] = (version, read_policy(text))
    return known[1]


async def _model(work: Work, version: int | None) -> Model | None:
    if version is None:
        return None
    known = _models.get(work.tenant)
    if known is None or known.version != version:
        row = await work.conn.fetchrow(q.model, version)
        items = row["items"]
        weights = np.frombuffer(row["weights"], dtype="<f4").reshape(len(items), len(items))
        popularity, tally = _POPULARITY.decode(row["popularity"]), _TALLY.decode(row["tally"])
        known = _models[work.tenant] = model_of(version, items, weights, popularity, tally)
    return known


async def publish_policy(work: Work, text: str) -> int:
    """Make a policy the one that holds, and give its version; CatalogError with everything that is wrong with it."""
    read_policy(text)
    return await work.conn.fetchval(q.keep_policy, text, work.now)
