"""What POST and DELETE mean in version 4: the same as in version 5, once their bodies are in its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxl.apis.usage_consumption import actions as newer
from oxl.verbs import Done, Refused, Work

_CLASSES = {  # attribute → the class that version 5 has there
    "partyAccount": "PartyAccountRef", "product": "UsageConsumptionProductRef", "logicalResource": "LogicalResourceRef",
    "reserveBalance": "ReserveBalanceRef", "bucketCounter": "BucketCounter", "consumptionSummary": "ConsumptionSummary",
    "bucketRefOrValue": "Bucket",
}  # fmt: skip
_BUCKET_STATES = ("active", "suspended", "expired")  # version 4 takes any text, which is kept beside


async def create_query(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /queryUsageConsumption."""
    return await newer.create_query(work, [_newer(body) for body in bodies])


async def delete_query(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /queryUsageConsumption/{id}."""
    return await newer.delete_query(work, ids)


def _newer(body: dict[str, Any]) -> dict[str, Any]:
    """A body as version 5 has it."""
    found = _object(body) | {"@type": "QueryUsageConsumption"}
    if "searchCriteria" in body:
        found["searchCriteria"] = _report(body["searchCriteria"])
    return found


def _report(report: dict[str, Any]) -> dict[str, Any]:
    """A report as version 5 has it; a device that is named by its number alone is looked for by that."""
    found = _object(report) | {"@type": "UsageConsumptionReport"}
    if "bucketRefOrValue" in found:
        found["bucket"] = found.pop("bucketRefOrValue")
    for device in found.get("logicalResource", ()):
        if "value" not in device and device["id"].lstrip("+").isdigit():
            device["value"] = device["id"]
    return found


def _object(given: dict[str, Any]) -> dict[str, Any]:
    """An object with its parties and references as version 5 has them, however deep."""
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in [*found.items()]:
        if name == "relatedParty":
            found[name] = [_party(each) for each in value]
        elif name == "user":
            found[name] = _party(value)
        elif name in _CLASSES:
            several = value if isinstance(value, list) else [value]
            newer = [_INNER.get(name, _object)(each) | {"@type": _CLASSES[name]} for each in several]
            found[name] = newer if isinstance(value, list) else newer[0]
    return found


def _bucket(given: dict[str, Any]) -> dict[str, Any]:
    found = _object(given)
    if found.get("status", "active") not in _BUCKET_STATES:
        found["statusText"] = found.pop("status")
    return found


def _party(party: dict[str, Any]) -> dict[str, Any]:
    within = {name: value for name, value in party.items() if name != "role"} | {"@type": "PartyRef"}
    role = {"role": party["role"]} if "role" in party else {}
    return {"@type": "RelatedPartyRefOrPartyRoleRef", **role, "partyOrPartyRole": within}


_INNER = {"logicalResource": dict, "bucketRefOrValue": _bucket}  # what is otherwise made newer than other objects
