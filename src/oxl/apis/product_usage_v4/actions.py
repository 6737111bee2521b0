"""What POST, PATCH and DELETE mean in version 4: the same as in version 5, once their bodies are in its words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from oxl.apis.product_usage import actions as newer
from oxl.engines.catalog.described import Described, describe, describe_anew, forget
from oxl.kernel.declare import Change
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

_CLASSES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "Boolean"),
    (int, "Integer"),
    (Decimal, "Number"),
    (str, "String"),
    (dict, "Object"),
)
_BODY = msgspec.json.Encoder(decimal_format="number")


async def create(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /usage. Without a specification the type of usage says by which one it is read."""
    return await newer.create(work, [_newer(body) for body in bodies])


async def patch(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /usage/{id}: what describes the record."""
    return await newer.patch(
        work, [each._replace(before=_described(each.before), after=_described(each.after)) for each in changes]
    )


async def remove(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /usage/{id}: a record that was never charged."""
    return await newer.remove(work, ids)


async def create_specification(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /usageSpecification: described from now on; usage is read by those that the catalog publishes."""
    return await describe(work, [_described_as(new_id(work.now), body) for body in bodies])


async def patch_specification(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /usageSpecification/{id}."""
    return await describe_anew(work, [_described_as(each.id, each.after) for each in changes])


async def remove_specification(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /usageSpecification/{id}."""
    return await forget(work, ids)


def _described_as(specification_id: str, body: dict[str, Any]) -> Described:
    said = {name: value for name, value in body.items() if name not in ("id", "lastUpdate")}
    return Described(specification_id, _BODY.encode(said).decode())


def _newer(body: dict[str, Any]) -> dict[str, Any]:
    """A body as version 5 has it."""
    specification = body.get("usageSpecification") or {"id": body.get("usageType", "unknown")}
    found = {name: value for name, value in body.items() if name != "@type"} | {
        "@type": "ProductUsage",
        "usageSpecification": specification | {"@type": "ProductUsageSpecificationRef"},
    }
    if "usageCharacteristic" in body:
        found["usageCharacteristic"] = [_characteristic(each) for each in body["usageCharacteristic"]]
    return _described(found)


def _described(body: dict[str, Any]) -> dict[str, Any]:
    """A document with its parties as version 5 has them."""
    parties = body.get("relatedParty")
    return body | ({"relatedParty": [_party(each) for each in parties]} if parties is not None else {})


def _party(party: dict[str, Any]) -> dict[str, Any]:
    within = {name: value for name, value in party.items() if name != "role"} | {"@type": "PartyRef"}
    role = {"role": party["role"]} if "role" in party else {}
    return {"@type": "RelatedPartyRefOrPartyRoleRef", **role, "partyOrPartyRole": within}


def _characteristic(given: dict[str, Any]) -> dict[str, Any]:
    value = given.get("value")
    many = "Array" if isinstance(value, list) and value else ""
    first = value[0] if isinstance(value, list) and value else value
    kind = next((name for types, name in _CLASSES if isinstance(first, types)), "String")
    related = [each | {"@type": "CharacteristicRelationship"} for each in given.get("characteristicRelationship", ())]
    more = {"characteristicRelationship": related} if related else {}
    return given | more | {"@type": f"{kind}{many}Characteristic"}
