"""The policy that ranks offerings: weights, limits and rules, read from YAML and checked like a catalog file.

An experiment gives a share of the parties another set of weights; which party that is follows from its id alone.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

import msgspec

from oxl.engines.catalog.document import (
    CatalogError,
    Field,
    Listing,
    Page,
    Record,
    identifier,
    micros,
    one_of,
    read_document,
    whole,
    words,
)
from oxl.engines.catalog.offering import WHOLE, share
from oxl.values import BadValue

SIGNALS = ("used", "runsOut", "spent", "lowBalance", "roaming", "outgrown", "underUsed")
SOURCES = ("rule", "model", "popularity", "margin")
WORDS = ("offering", "price", "amount", "usage", "bucket", "percent", "left", "spent", "saving", "days", "owned")
_ORDINARY, _OTHER = "A", "B"  # the variants of an experiment


class Rule(msgspec.Struct, frozen=True):
    """What is looked for in a line's balances, and how it speaks for the offerings that would mend it."""

    id: str
    signal: str
    score: int
    reason: str
    text: str
    at_least: int = 0  # a share used
    below: int = 0  # micros of money, or a share used
    days: int = 7
    periods: int = 3
    category: str = ""


class Policy(msgspec.Struct, frozen=True):
    """How offerings are ranked."""

    limit: int
    per_category: int
    explore: int
    max_exposures: int
    exposure_days: int
    decay: int
    valid_hours: int
    weights: dict[str, int]
    rules: tuple[Rule, ...]
    texts: dict[str, str]
    experiment: str = ""
    share: int = 0  # of the parties that get the other weights
    other_weights: dict[str, int] = {}
    other_explore: int = 0


def _spoken(written: str) -> str:
    """A sentence or code with words in braces, of those that are known."""
    try:
        words(written).format(**dict.fromkeys(WORDS, ""))
    except (KeyError, IndexError, ValueError, AttributeError):
        raise BadValue(f"words in braces are {', '.join(WORDS)}") from None
    return written


_WEIGHTS = Record({source: Field(share) for source in SOURCES})
_RULE = Record(
    {
        "id": Field(identifier),
        "signal": Field(one_of(*SIGNALS)),
        "score": Field(share),
        "reason": Field(_spoken),
        "text": Field(_spoken),
        "atLeast": Field(share, 0),
        "below": Field(micros, 0),
        "days": Field(whole(1, 30), 7),
        "periods": Field(whole(1, 12), 3),
        "category": Field(words, ""),
    }
)
_EXPERIMENT = Record(
    {"name": Field(identifier), "share": Field(share), "weights": Field(_WEIGHTS), "explore": Field(share, 0)}
)
_POLICY = Record(
    {
        "limit": Field(whole(1, 20), 5),
        "perCategory": Field(whole(1, 20), 2),
        "explore": Field(share, 0),
        "maxExposures": Field(whole(1, 1000), 10),
        "exposureDays": Field(whole(1, 365), 30),
        "decay": Field(share, WHOLE),
        "validHours": Field(whole(1, 720), 24),
        "weights": Field(_WEIGHTS),
        "rules": Field(Listing(_RULE), ()),
        "texts": Field(Record({each: Field(_spoken) for each in ("model", "popularity", "margin", "explore")})),
        "experiment": Field(_EXPERIMENT, None),
    }
)


def read_policy(text: str, file: str = "policy.yaml") -> Policy:
    """The policy in a YAML text; CatalogError with everything that is wrong, by line and field."""
    page, values = read_document(file, text, _POLICY)
    if values is not None:
        _check(page, values)
    if page.problems or values is None:
        raise CatalogError(page.problems)
    trial = values["experiment"]
    return Policy(
        limit=values["limit"],
        per_category=values["perCategory"],
        explore=values["explore"],
        max_exposures=values["maxExposures"],
        exposure_days=values["exposureDays"],
        decay=values["decay"],
        valid_hours=values["validHours"],
        weights=values["weights"],
        rules=tuple(Rule(at_least=each.pop("atLeast"), **each) for each in values["rules"]),
        texts=values["texts"],
        experiment=trial["name"] if trial else "",
        share=trial["share"] if trial else 0,
        other_weights=trial["weights"] if trial else {},
        other_explore=trial["explore"] if trial else 0,
    )


def _check(page: Page, values: dict[str, Any]) -> None:
    """What a single field cannot show wrong."""
    for where, part in (("weights", values), ("experiment.weights", values["experiment"])):
        if part is not None and not any(part["weights"].values()):
            page.wrong(where, "at least one must be more than nothing")
    seen: set[str] = set()
    for index, rule in enumerate(values["rules"]):
        if rule["id"] in seen:
            page.wrong(f"rules[{index}].id", f"{rule['id']} is written twice")
        seen.add(rule["id"])
        if rule["signal"] == "lowBalance" and not rule["category"]:
            page.wrong(f"rules[{index}].category", "is required: it names the offerings that a low balance asks for")


def default_text() -> str:
    """The policy that comes with OXL."""
    return files("oxl.engines.recommendation").joinpath("policy.yaml").read_text("utf-8")


def of_party(policy: Policy, party_id: str | None) -> tuple[str, Policy]:
    """The variant that a party is in, and the policy that holds for it; strangers are not experimented on."""
    if not policy.experiment or party_id is None:
        return _ORDINARY, policy
    digest = hashlib.sha256(f"{policy.experiment}/{party_id}".encode()).digest()
    if int.from_bytes(digest[:8]) % WHOLE >= policy.share:
        return _ORDINARY, policy
    other = msgspec.structs.replace(policy, weights=policy.other_weights, explore=policy.other_explore)
    return _OTHER, other
