"""What POST and DELETE mean in version 4: the same as in version 5, once their bodies are in its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxl.apis.usage_consumption import actions as newer
from oxl.verbs import Done, Refused, Work

_CLASSES = {  # attribute of a report → the class that version 5 has there
    "partyAccount": "PartyAccountRef", "product": "UsageConsumptionProductRef", "logicalResource": "LogicalResourceRef",
}  # fmt: skip


async def create_query(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /queryUsageConsumption."""
    return await newer.create_query(work, [_newer(body) for body in bodies])


async def delete_query(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /queryUsageConsumption/{id}."""
    return await newer.delete_query(work, ids)


def _newer(body: dict[str, Any]) -> dict[str, Any]:
    """A body as version 5 has it."""
    found = _with_references(body) | {"@type": "QueryUsageConsumption"}
    if "searchCriteria" in body:
        found["searchCriteria"] = _report(body["searchCriteria"])
    return found


def _report(report: dict[str, Any]) -> dict[str, Any]:
    """A report as version 5 has it; a device that is named by its number alone is looked for by that."""
    found = _with_references(report) | {"@type": "UsageConsumptionReport"}
    if "bucketRefOrValue" in report:
        found["bucket"] = [each | {"@type": "Bucket"} for each in found.pop("bucketRefOrValue")]
    for device in found.get("logicalResource", ()):
        if "value" not in device and device["id"].lstrip("+").isdigit():
            device["value"] = device["id"]
    return found


def _with_references(body: dict[str, Any]) -> dict[str, Any]:
    found = dict(body)
    for name, kind in _CLASSES.items():
        if name in body:
            found[name] = [each | {"@type": kind} for each in body[name]]
    if "relatedParty" in body:
        found["relatedParty"] = [_party(each) for each in body["relatedParty"]]
    return found


def _party(party: dict[str, Any]) -> dict[str, Any]:
    within = {name: value for name, value in party.items() if name != "role"} | {"@type": "PartyRef"}
    role = {"role": party["role"]} if "role" in party else {}
    return {"@type": "RelatedPartyRefOrPartyRoleRef", **role, "partyOrPartyRole": within}
