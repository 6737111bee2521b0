"""Bodies to send: made from the create form of a document, on what the server already has.

No document says which bucket exists or who may be billed; that is looked up on the server (`Ground`). What a server
needs besides is given with `--payloads`: bodies by resource, which are laid over the ones made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from oxl.certify.asking import Client
from oxl.certify.documents import Json, name_of, plain
from oxl.certify.standard import Kind, Standard

_MONEY = ("topupBalance", "adjustBalance", "reserveBalance", "transferBalance")
_NO_WORD = "noSuchValue"
_TEXTS = ("description", "name")  # what anything may be called
_run = uuid4().hex[:8]
_numbers = count(1)


def least(standard: Standard, kind: Kind) -> Json:
    """The least body that the document takes, as an example to read: ids and texts stand for the reader's own."""
    made = _object(standard, kind.form, ())
    form = standard.flat(kind.form).attributes
    if kind.name in _MONEY:
        made |= {"amount": {"amount": 10, "units": "EUR"}, "bucket": {"id": "11"}, "usageType": "monetary"}
    if kind.name == "transferBalance":
        made |= {"receiverBucket": {"id": "12"}, "receiverBucketUsageType": "monetary"}
    return made | ({"name": "an example"} if "name" in form else {})


class Ground:
    """What the server has that bodies may refer to; looked up once."""

    def __init__(self, client: Client, payloads: Mapping[str, Json]) -> None:
        self._client = client
        self._payloads = payloads
        self._found: dict[str, list[Json]] = {}

    async def having(self, standard: Standard, name: str) -> list[Json]:
        """What the server lists of a resource, as far as it answers."""
        place = f"{standard.place.base}/{name}"
        if place not in self._found:
            answer = await self._client.ask("GET", place)
            self._found[place] = [each for each in answer.json or () if isinstance(each, dict)] if answer.json else []
        return self._found[place]

    async def body(self, kind: Kind) -> Json:
        """A new body of the resource with what its form requires, and a name of its own."""
        made = _object(kind.standard, kind.form, ())
        form = kind.standard.flat(kind.form).attributes
        made |= {name: f"certify {_run} {next(_numbers)} äöü €" for name in _TEXTS if name in form}
        if kind.name in _MONEY:
            made |= await self._money(kind)
        if "externalIdentifier" in form:
            entry = {"id": f"certify-{_run}-{next(_numbers)}", "externalIdentifierType": "conformance"}
            made["externalIdentifier"] = [{"@type": "ExternalIdentifier"} | entry]
        if "billingAccount" in form:
            made |= await self._account(kind)
        if "searchCriteria" in form:
            made |= await self._search(kind)
        if "path" in form:
            made["path"] = f"/{kind.standard.kinds[0].name if kind.standard.kinds[0] is not kind else ''}"
        return made | deepcopy(self._payloads.get(kind.name, {}))

    async def _money(self, kind: Kind) -> Json:
        """Which bucket is moved: active ones of money, or whatever there is."""
        buckets = [each for each in await self.having(kind.standard, "bucket") if each.get("status") == "active"]
        known = [each for each in buckets if each.get("usageType") == "monetary"] or buckets
        held = sorted(known, key=_remaining, reverse=True)
        if not held:
            return {}
        units = (held[0].get("remainingValue") or {}).get("units", "EUR")
        alike = [each for each in held if (each.get("remainingValue") or {}).get("units") == units]
        first, other = alike[0], alike[-1]
        found = {"amount": {"amount": 1, "units": units}, "bucket": {"id": first["id"]}}
        found["usageType"] = first.get("usageType", "monetary")
        if "partyAccount" in kind.standard.flat(kind.form).attributes and "partyAccount" in first:
            found["partyAccount"] = first["partyAccount"]
        if kind.name == "transferBalance":
            found |= {"receiverBucket": {"id": other["id"]}, "receiverBucketUsageType": found["usageType"]}
        return found

    async def _account(self, kind: Kind) -> Json:
        """An account that has been billed, where there is one."""
        bills = await self.having(kind.standard, "customerBill")
        known = [each["billingAccount"] for each in bills if isinstance(each.get("billingAccount"), dict)]
        return {"billingAccount": known[0]} if known else {}

    async def _search(self, kind: Kind) -> Json:
        """What has been asked before and was answered, where there is such."""
        asked = [each for each in await self.having(kind.standard, kind.name) if each.get("usageConsumption")]
        return {"searchCriteria": asked[0]["searchCriteria"]} if asked and "searchCriteria" in asked[0] else {}

    def change(self, kind: Kind, doc: Json) -> Json:
        """A body that changes one thing of a document; empty: the form has nothing that anybody may change."""
        given = self._payloads.get(f"{kind.name} PATCH")
        if given:
            return deepcopy(given)
        form = kind.standard.flat(kind.update)
        made = {name: doc[name] for name in form.required if name in doc}
        if "@type" in form.attributes and kind.standard.v5:
            made["@type"] = doc.get("@type", kind.name[0].upper() + kind.name[1:])
        return made | self._changed(kind, doc, set(form.attributes))

    def _changed(self, kind: Kind, doc: Json, names: set[str]) -> Json:
        if kind.name == "customerBill":
            other = {"new": "onHold", "onHold": "new"}.get(doc.get("state", ""))
            return {"state": other} if other else {}
        text = next((name for name in (*_TEXTS, "reason") if name in names), "")
        if text:
            return {text: f"changed {next(_numbers)}"}
        if "relatedParty" in names:
            return {"relatedParty": [_object(kind.standard, _item_of(kind, "relatedParty"), ())]}
        return {}

    def wrong(self, kind: Kind, body: Json) -> list[tuple[str, Json]]:
        """(what is wrong, body) for what the form forbids in so many words: kinds of values, and enums.

        Of attributes that are sent anyway where there are some, else of any; dates are the server's and may be ignored.
        """
        found = []
        for name, schema in kind.standard.flat(kind.form).attributes.items():
            if name.startswith("@") or name in ("id", "href", kind.state):
                continue
            meant = plain(schema)
            inner = kind.standard.contract.schemas[meant.removeprefix("→ ")] if isinstance(meant, str) else {}
            if "enum" in inner:
                found.append((f"{name} outside its enum", name, _NO_WORD))
            elif isinstance(meant, str):
                found.append((f"{name} a number, not an object", name, 7))
            elif isinstance(meant, dict) and meant.get("type") == "string" and "format" not in meant:
                found.append((f"{name} an object, not a text", name, {"a": 1}))
        sure = [each for each in found if each[1] in body and each[1] not in _TEXTS]
        first = sorted(sure or found, key=lambda each: each[2] != _NO_WORD)
        return [(what, body | {name: value}) for what, name, value in first[:3]]


def _remaining(bucket: Json) -> Decimal:
    value = bucket.get("remainingValue")
    amount = value.get("amount", 0) if isinstance(value, dict) else 0
    return Decimal(str(amount)) if isinstance(amount, (int, Decimal)) else Decimal(0)


def _item_of(kind: Kind, attribute: str) -> str:
    return name_of(kind.standard.flat(kind.update).attributes[attribute]["items"])


def _object(standard: Standard, name: str, within: tuple[str, ...]) -> Json:
    """An object with what its schema requires; of alternatives, the first by name."""
    found = standard.flat(name)
    if found.one_of:
        name = sorted(found.one_of)[0]
        found = standard.flat(name)
    made: Json = {}
    for attribute in sorted(found.required | ({"id"} & set(found.attributes) if within else set())):
        if attribute in found.attributes and name not in within:
            made[attribute] = _value(standard, found.attributes[attribute], (*within, name), attribute)
    if "@type" in made:
        made["@type"] = name.removesuffix("_FVO").removesuffix("_MVO").removesuffix("_Create")
    if "partyOrPartyRole" in found.attributes:
        made["partyOrPartyRole"] = {"@type": "PartyRef", "id": f"certify-{_run}", "@referredType": "Individual"}
    return made


def _value(standard: Standard, schema: Json, within: tuple[str, ...], attribute: str) -> Any:
    meant = plain(schema)
    if isinstance(meant, str):
        inner = standard.contract.schemas[meant.removeprefix("→ ")]
        return inner["enum"][0] if "enum" in inner else _object(standard, meant.removeprefix("→ "), within)
    if isinstance(meant, list):
        return [_value(standard, schema["items"], within, attribute)]
    if "enum" in meant:
        return meant["enum"][0]
    if meant.get("format") == "date-time":
        return "2026-06-01T00:00:00Z"
    if meant.get("format") == "uri":
        return "https://certify.example/"
    text = f"certify-{_run}-{next(_numbers)}"
    return {"string": text, "integer": 3, "number": 2.5, "boolean": True, "object": {}}[meant.get("type", "string")]
