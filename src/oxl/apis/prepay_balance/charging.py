"""What POST means for chargingRequest, OXL's extension for online charging: report what was used, hold what is next."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from oxl.apis.prepay_balance.amounts import as_text, atoms_of, device_of
from oxl.apis.standard import Flag, Text
from oxl.apis.standard4 import Entity, LogicalResourceRef, PartyAccountRef, ProductRef, Quantity, TimePeriod
from oxl.callers import Owner
from oxl.engines.ledger.charging import Request, report_and_reserve
from oxl.engines.ledger.quota import Group
from oxl.kernel.declare import Field, Resource
from oxl.values import unit_of
from oxl.verbs import Done, Refusal, Refused, Work, each_read, invalid

_MOST_GROUPS = 50


class RatingGroup(msgspec.Struct, kw_only=True):
    """One kind of traffic in a session: what was used of its quota, and the next one."""

    id: str
    service: Text = UNSET
    zone: Text = UNSET
    usedUnits: Quantity | UnsetType = UNSET  # noqa: N815
    requestedUnits: Quantity | UnsetType = UNSET  # noqa: N815
    result: Literal["granted", "partlyGranted", "insufficientBalance", "reported"] | UnsetType = UNSET
    grantedUnits: Quantity | UnsetType = UNSET  # noqa: N815
    chargedUnits: Quantity | UnsetType = UNSET  # noqa: N815
    unchargedUnits: Quantity | UnsetType = UNSET  # noqa: N815
    validFor: TimePeriod | UnsetType = UNSET  # noqa: N815
    isFinalUnit: Flag = UNSET  # noqa: N815


class ChargingRequest(Entity):
    """One request of a charging session: units used are reported and the next quotas reserved, in one call."""

    sessionId: Text = UNSET  # noqa: N815
    requestNumber: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | UnsetType = UNSET  # noqa: N815
    isLast: Flag = UNSET  # noqa: N815
    number: Annotated[str, msgspec.Meta(pattern=r"^\+?[1-9][0-9]{6,14}$")] | UnsetType = UNSET
    partyAccount: PartyAccountRef | UnsetType = UNSET  # noqa: N815
    product: list[ProductRef] | UnsetType = UNSET
    logicalResource: list[LogicalResourceRef] | UnsetType = UNSET  # noqa: N815
    ratingGroup: list[RatingGroup] | UnsetType = UNSET  # noqa: N815
    status: Literal["granted", "partlyGranted", "insufficientBalance", "reported"] | UnsetType = UNSET
    requestedDate: Text = UNSET  # noqa: N815


def _units(body: dict[str, Any], name: str, n: int) -> tuple[str | None, int | None]:
    if name not in body:
        return None, None
    try:
        unit, atoms = atoms_of(body, name)
    except Refusal as refusal:
        field = f"ratingGroup[{n}].{refusal.refused.field}"
        message = refusal.refused.message.partition(": ")[2]
        raise invalid(field, message) from None
    if atoms < 0 or (not atoms and name == "requestedUnits"):
        raise invalid(f"ratingGroup[{n}].{name}.amount", "must be more than zero" if atoms == 0 else "is negative")
    return unit, atoms


def request_of(body: dict[str, Any]) -> Request:
    """The request that a checked body makes; Refusal names what is wrong with it."""
    groups = body.get("ratingGroup", [])
    if len(groups) > _MOST_GROUPS:
        raise invalid("ratingGroup", f"may have at most {_MOST_GROUPS}")
    if not groups and not body.get("isLast"):
        raise invalid("ratingGroup", "is empty, and the session does not end", "missingAttribute")
    found: dict[str, Group] = {}
    for n, each in enumerate(groups):
        used_in, used = _units(each, "usedUnits", n)
        wanted_in, wanted = _units(each, "requestedUnits", n)
        unit = used_in or wanted_in
        if unit is None:
            message = "usedUnits or requestedUnits is required"
            raise invalid(f"ratingGroup[{n}].usedUnits", message, "missingAttribute")
        if wanted_in not in (None, unit):
            raise invalid(f"ratingGroup[{n}].requestedUnits.units", "differ in kind from those of usedUnits")
        if each["id"] in found:
            raise invalid(f"ratingGroup[{n}].id", "comes twice")
        units = each["usedUnits" if "usedUnits" in each else "requestedUnits"]["units"]
        found[each["id"]] = Group(
            id=each["id"], unit=unit, units=units, per=unit_of(units).atoms, used=used, wanted=wanted,
            service=each.get("service", ""), zone=each.get("zone", ""),
        )  # fmt: skip
    text = as_text(body)
    return Request(
        session=body["sessionId"],
        number=body["requestNumber"],
        body=text,
        body_hash=hashlib.sha256(text.encode()).digest(),
        groups=tuple(found.values()),
        is_last=body.get("isLast", False),
        account_id=body.get("partyAccount", {}).get("id"),
        product_id=next((each["id"] for each in body.get("product", ())), None),
        msisdn=body["number"].lstrip("+") if "number" in body else None,
        device_id=device_of(body),
    )


async def create_charging(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /chargingRequest."""
    return await each_read(work, bodies, request_of, report_and_reserve)


CHARGING = Resource(
    name="chargingRequest",
    type="ChargingRequest",
    shape=ChargingRequest,
    view="prepay_charging",
    owner=Owner("account_id"),
    has_body=True,
    askable={
        "sessionId": Field("session_id"),
        "requestNumber": Field("number", "number"),
        "partyAccount.id": Field("account_id"),
        "status": Field("status"),
        "requestedDate": Field("created_at", "instant"),
    },
    computed=("ratingGroup",),
    create=create_charging,
    required=("sessionId", "requestNumber"),
    server_set=("status", "requestedDate"),
    own_operations=frozenset({"list", "create", "retrieve"}),
    summary="Report the units used in a charging session and reserve the next ones (OXL's extension)",
)
