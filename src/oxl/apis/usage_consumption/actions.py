"""What POST and DELETE mean in TMF677: a queryUsageConsumption body becomes a query of the consumption engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.engines.consumption.consumption import Query, ask, forget
from oxl.verbs import Done, Refused, Work

_BODY = msgspec.json.Encoder(decimal_format="number")


def query_of(body: dict[str, Any]) -> Query:
    """The engine's query of a checked body: the first of each kind of reference that it gives."""
    criteria = body.get("searchCriteria", {})
    device = _first(criteria.get("logicalResource"))
    party = _first(body.get("relatedParty") or criteria.get("relatedParty")).get("partyOrPartyRole", {})
    buckets = criteria.get("bucket", [])
    number = device.get("value")
    return Query(
        body=_BODY.encode(body).decode(),
        device_id=device.get("id") if device.get("id") != number else None,
        number=number.lstrip("+") if number else None,
        product_id=_first(criteria.get("product")).get("id"),
        account_id=_first(body.get("partyAccount") or criteria.get("partyAccount")).get("id"),
        party_id=party.get("id"),
        usage_types=frozenset(bucket["usageType"] for bucket in buckets if bucket.get("usageType")),
        bucket_ids=frozenset(bucket["id"] for bucket in buckets if bucket.get("id")),
    )


def _first(references: list[dict[str, Any]] | None) -> dict[str, Any]:
    return references[0] if references else {}


async def create_query(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /queryUsageConsumption: answered at once."""
    return await ask(work, [query_of(body) for body in bodies])


async def delete_query(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /queryUsageConsumption/{id}: the query and the reports that were kept with it."""
    return await forget(work, ids)
