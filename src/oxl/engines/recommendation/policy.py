"""The policy that ranks offerings: weights, limits and rules, read from YAML and checked like a catalog file.

An experiment gives a share of the parties another policy, the same but for what the experiment says; which parties
these are follows from their ids alone.
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
    share: int = 0  # of the parties, for whom the other policy holds
    other: Policy | None = None


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
_TEXTS = Record({each: Field(_spoken) for each in ("model", "popularity", "margin", "explore")})
_SETTINGS = {
    "limit": Field(whole(1, 20), 5),
    "perCategory": Field(whole(1, 20), 2),
    "explore": Field(share, 0),
    "maxExposures": Field(whole(1, 1000), 10),
    "exposureDays": Field(whole(1, 365), 30),
    "decay": Field(share, WHOLE),
    "validHours": Field(whole(1, 720), 24),
    "weights": Field(_WEIGHTS),
    "rules": Field(Listing(_RULE), ()),
    "texts": Field(_TEXTS),
}
_VARIED = {name: Field(field.shape, None) for name, field in _SETTINGS.items()}
_EXPERIMENT = Record({"name": Field(identifier), "share": Field(share)} | _VARIED)
_POLICY = Record(_SETTINGS | {"experiment": Field(_EXPERIMENT, None)})


def read_policy(text: str, file: str = "policy.yaml") -> Policy:
    """The policy in a YAML text; CatalogError with everything that is wrong, by line and field."""
    page, values = read_document(file, text, _POLICY)
    if values is not None:
        _check(page, values)
    if page.problems or values is None:
        raise CatalogError(page.problems)
    trial = values.pop("experiment")
    if trial is None:
        return _policy(values)
    name, parties = trial.pop("name"), trial.pop("share")
    other = values | {each: value for each, value in trial.items() if value is not None}
    return msgspec.structs.replace(_policy(values), experiment=name, share=parties, other=_policy(other))


def _policy(values: dict[str, Any]) -> Policy:
    return Policy(
        limit=values["limit"],
        per_category=values["perCategory"],
        explore=values["explore"],
        max_exposures=values["maxExposures"],
        exposure_days=values["exposureDays"],
        decay=values["decay"],
        valid_hours=values["validHours"],
        weights=values["weights"],
        rules=tuple(_rule(dict(each)) for each in values["rules"]),
        texts=values["texts"],
    )


def _rule(values: dict[str, Any]) -> Rule:
    return Rule(at_least=values.pop("atLeast"), **values)


def _check(page: Page, values: dict[str, Any]) -> None:
    """What a single field cannot show wrong."""
    for where, part in (("", values), ("experiment.", values["experiment"] or {})):
        if part.get("weights") is not None and not any(part["weights"].values()):
            page.wrong(f"{where}weights", "at least one must be more than nothing")
        seen: set[str] = set()
        for index, rule in enumerate(part.get("rules") or ()):
            place = f"{where}rules[{index}]"
            if rule["id"] in seen:
                page.wrong(f"{place}.id", f"{rule['id']} is written twice")
            seen.add(rule["id"])
            if rule["signal"] == "lowBalance" and not rule["category"]:
                page.wrong(f"{place}.category", "is required: it names the offerings that a low balance asks for")


def default_text() -> str:
    """The policy that comes with OXL."""
    return files("oxl.engines.recommendation").joinpath("policy.yaml").read_text("utf-8")


def of_party(policy: Policy, party_id: str | None) -> tuple[str, Policy]:
    """The experiment and variant that a party is in, such as `bolder/B`, and the policy that holds for it.

    Strangers are in none, as is everybody while there is no experiment: then the first is empty.
    """
    if policy.other is None or party_id is None:
        return "", policy
    digest = hashlib.sha256(f"{policy.experiment}/{party_id}".encode()).digest()
    if int.from_bytes(digest[:8]) % WHOLE >= policy.share:
        return f"{policy.experiment}/{_ORDINARY}", policy
    return f"{policy.experiment}/{_OTHER}", policy.other
