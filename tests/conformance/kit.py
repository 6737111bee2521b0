"""What a conformance kit knows of an API: its published contract and how to make a body by it. Nothing of OXL's inside.

Bodies are made from the contract's create form; FIXED holds what no contract says: which money may be moved where.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import jsonschema_rs
from tests.conformance.documents import Contract, Json, flat, name_of, plain, read

_EUR = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": "11"}, "usageType": "monetary", "partyAccount": None}
_TRANSFER = _EUR | {"receiverBucket": {"id": "12"}, "receiverBucketUsageType": "monetary", "transferCost": None}
# What a body of each resource holds at least, by the conformance rules: what the server can infer is left out.
LEAST: dict[str, Json] = {
    "productUsage": {"usageSpecification": {"id": "of a kind that the server does not know"}},
    "usage": {"usageSpecification": {"id": "of a kind that the server does not know"}},
    "usageSpecification": {"name": "a kind of usage"},
    "topupBalance": {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": "11"}},
    "adjustBalance": {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": "11"}},
    "reserveBalance": {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": "11"}},
    "transferBalance": {
        "amount": {"amount": 5, "units": "EUR"},
        "bucket": {"id": "11"},
        "receiverBucket": {"id": "12"},
    },
    "bucket": {"usageType": "data"},
    "queryUsageConsumption": {},
    "usageConsumptionReport": {},
    "usageLimit": {"logicalResource": {"value": "+4915559990001"}, "limitValue": {"amount": 20, "units": "EUR"}},
    "exportJob": {"contentType": "text/csv"},
    "chargingRequest": {"requestNumber": 1, "isLast": True, "number": "+4915559990001"},
    "customerBillOnDemand": {"billingAccount": {"id": "an account that the server does not know"}},
    "queryProductRecommendation": {"instantSyncRecommendation": True},
}
# What a full body may not choose freely; None is left to the server.
FIXED: dict[str, Json] = {
    "usage": {"status": None, "ratedProductUsage": None},
    "topupBalance": _EUR | {"voucher": None, "isAutoTopup": False},
    "adjustBalance": _EUR | {"adjustType": "oneTime"},
    "reserveBalance": _EUR,
    "exportJob": {"path": "/productUsage", "query": "status=rated,failed", "contentType": "application/gzip"},
    "chargingRequest": LEAST["chargingRequest"]
    | {"ratingGroup": [{"id": "10", "usedUnits": {"amount": 1, "units": "MB"}}]}
    | dict.fromkeys(("partyAccount", "product", "logicalResource", "status")),
    "transferBalance": _TRANSFER,
    "bucket": {"usageType": "monetary"}
    | dict.fromkeys(("remainingValue", "creditLimit", "isShared", "status", "reservedValue", "remainingValueName",
                     "thresholdReached", "partyAccount", "confirmationDate", "requestedDate")),
    "queryProductRecommendation": {"recommendationItem": None, "state": None},
    "usageLimit": LEAST["usageLimit"] | dict.fromkeys(
        ("threshold", "bucketSpecification", "usedValue", "remainingValue", "thresholdReached", "consumptionPeriod")),
}  # fmt: skip
OWNED = {  # set by the server whatever was sent
    "id", "href", "creationDate", "lastUpdate", "usageProductPrice", "usageConsumption", "errorMessage", "partyAccount",
    "ratedProductUsage",
    "validFor", "requestedDate", "ratingGroup", "customerBill",
}  # fmt: skip
RESOLVED = {"usageLimit": {"logicalResource"}}  # answered with what the server knows of it
BESIDES = ("id", "href", "@type", "status", "state", "creationDate", "requestedDate", "lastUpdate")
UNKNOWN = {("usageSpecification", "lastUpdate")}  # the catalog does not keep when it was published
_numbers = count(1)


def least(resource: str) -> Json:
    """A new body of the resource with what it must hold; one of usage or of charging is new by what it is called."""
    made = deepcopy(LEAST[resource])
    if resource == "productUsage":
        made["externalIdentifier"] = [{"@type": "ExternalIdentifier", "id": f"kit {next(_numbers)}"}]
    if resource == "chargingRequest":
        made["sessionId"] = f"kit {next(_numbers)}"
    return made


class Published:
    """The contract of one API as a kit reads it."""

    def __init__(self, document: Json) -> None:
        self.contract: Contract = read(document)
        self._validators: dict[str, Any] = {}
        self._document = without_classes(document)

    def resources(self, method: str, one: bool = False) -> list[str]:
        """The resources that answer to a method, on the collection or on one of it."""
        paths = [path.split("/")[1:] for verb, path in self.contract.operations if verb == method]
        return [name for name, *rest in paths if rest == ["{id}"] * one and name not in ("hub", "listener")]

    def answer_of(self, resource: str) -> str:
        """The schema that a resource is answered by."""
        return name_of(self.contract.operations["GET", f"/{resource}/{{id}}"].responses["200"]["schema"])

    def mandatory(self, resource: str) -> set[str]:
        """What an answer must hold: what the document requires, and identity, state and dates where it knows them."""
        found = flat(self.contract, self.answer_of(resource))
        known = {name for name in BESIDES if name in found.attributes and (resource, name) not in UNKNOWN}
        return set(found.required) | known

    def faults(self, resource: str, doc: Json) -> list[str]:
        """What a JSON Schema validator that knows no discriminators has against a document."""
        name = self.answer_of(resource)
        if name not in self._validators:
            schema = {"$ref": f"#/components/schemas/{name}", **self._document}
            self._validators[name] = jsonschema_rs.Draft4Validator(schema, validate_formats=True)
        return [f"{error.instance_path}: {error.message}" for error in self._validators[name].iter_errors(doc)]

    def full(self, resource: str) -> Json:
        """A body with every attribute that the create form has."""
        name = name_of(self.contract.operations["POST", f"/{resource}"].bodies["application/json"])
        made = self._object(name, ()) | deepcopy(FIXED.get(resource, {}))
        return {attribute: value for attribute, value in made.items() if value is not None}

    def _object(self, name: str, within: tuple[str, ...]) -> Json:
        found = flat(self.contract, name)
        if found.one_of:
            name = sorted(found.one_of)[0]
            found = flat(self.contract, name)
        made = {
            attribute: self._value(schema, (*within, name), attribute)
            for attribute, schema in found.attributes.items()
            if not (self._needed(schema) & {*within, name})
            and (attribute in found.required or attribute not in ("@schemaLocation", "@baseType"))
        }
        if "@type" in made:
            made["@type"] = name.removesuffix("_FVO").removesuffix("_Create")
        return made

    def _needed(self, schema: Json) -> set[str]:
        """What an attribute is of, and what that cannot be without."""
        inner = [flat(self.contract, name) for name in _names(schema)]
        return {*_names(schema)} | {
            name for each in inner for needed in each.required for name in _names(each.attributes.get(needed, {}))
        }

    def _value(self, schema: Json, within: tuple[str, ...], attribute: str) -> Any:
        kind = plain(schema)
        if isinstance(kind, str):
            inner = self.contract.schemas[kind.removeprefix("→ ")]
            if "enum" in inner:
                return inner["enum"][0]
            return self._object(kind.removeprefix("→ "), within)
        if isinstance(kind, list):
            return [self._value(schema["items"], within, attribute)]
        if "enum" in kind:
            return kind["enum"][0]
        if kind.get("format") == "date-time":
            return "2026-07-01T00:00:00.000Z" if attribute.startswith("end") else "2026-06-01T00:00:00.000Z"
        text = f"https://kit.example/{next(_numbers)}" if kind.get("format") == "uri" else f"kit {next(_numbers)}"
        return {"string": text, "integer": 3, "number": 2.5, "boolean": True, "object": {}}[kind.get("type", "string")]


def _names(schema: Json) -> Iterator[str]:
    if "$ref" in schema:
        yield name_of(schema)
    elif "items" in schema:
        yield from _names(schema["items"])


def without_classes(document: Json) -> Json:
    """The schemas as v5 kits use them: discriminators removed, alternatives that overlap taken as any of them."""

    def plainer(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {name: plainer(member) for name, member in value.items() if name != "discriminator"}
            return {("anyOf" if name == "oneOf" else name): member for name, member in kept.items()}
        return [plainer(member) for member in value] if isinstance(value, list) else value

    return {"components": {"schemas": plainer(document["components"]["schemas"])}}


def nothings(value: Any, path: str = "$") -> Iterator[str]:
    """Where a document holds a null."""
    if value is None:
        yield path
    for name, member in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from nothings(member, f"{path}.{name}")


def texts(doc: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every text, number and boolean of a document as (dotted path, the text that the server gave)."""
    for name, value in doc.items():
        for member in value if isinstance(value, list) else [value]:
            if isinstance(member, dict):
                yield from texts(member, f"{prefix}{name}.")
            elif isinstance(member, bool):
                yield f"{prefix}{name}", str(member).lower()
            elif isinstance(member, (str, int)):
                yield f"{prefix}{name}", str(member)
