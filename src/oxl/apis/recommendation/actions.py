"""What POST means in TMF680: a queryProductRecommendation body becomes a question of the recommendation engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from oxl.engines.recommendation.facts import NEXT_BEST, Question
from oxl.engines.recommendation.recommend import Asked, ask
from oxl.verbs import Done, Refused, Work

_BODY = msgspec.json.Encoder(decimal_format="number")


def asked_of(body: dict[str, Any]) -> Asked:
    """The engine's question of a checked body. What is in recommendationItem has been seen, or is in the cart."""
    question = Question(
        id="",
        type=body.get("recommendationType") or NEXT_BEST,
        category=_names(body.get("category", ())),
        channel=_names(body.get("channel", ())),
        place=_names([body["place"]] if "place" in body else ()),
        context=frozenset(_offerings(body.get("recommendationItem", ()))),
    )
    at_once = body.get("instantSyncRecommendation", False)
    return Asked(body.get("relatedParty", {}).get("id"), question, _BODY.encode(body).decode(), at_once)


def _names(references: Iterable[dict[str, Any]]) -> frozenset[str]:
    """The ids and names by which references may mean something of the catalog."""
    return frozenset(each[key] for each in references for key in ("id", "name") if each.get(key))


def _offerings(items: Iterable[dict[str, Any]]) -> Iterable[str]:
    for item in items:
        for holder in (item, item["product"]):
            if "productOffering" in holder:
                yield holder["productOffering"]["id"]


async def create_query(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /queryProductRecommendation: answered at once where the body asks for that."""
    return await ask(work, [asked_of(body) for body in bodies])


async def create_query_later(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """The same, for a client that prefers not to wait whatever its body says."""
    return await ask(work, [msgspec.structs.replace(asked_of(body), at_once=False) for body in bodies])
