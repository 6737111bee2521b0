"""What the balance actions' bodies share: amounts as atoms, devices, and the text that is kept of a body."""

from __future__ import annotations

from typing import Any

import msgspec

from oxl.values import BadValue, to_atoms, usage_type
from oxl.verbs import invalid

_BODY = msgspec.json.Encoder(decimal_format="number")
# Of a document that was answered and comes back changed: what is not the client's.
_OURS = ("id", "href", "status", "statusReason", "requestedDate", "confirmationDate")


def atoms_of(body: dict[str, Any], name: str = "amount") -> tuple[str, int]:
    """(ledger unit, atoms) of a body's quantity; Refusal names what is wrong with it."""
    amount = body[name]
    try:
        return to_atoms(amount["amount"], amount.get("units"))
    except BadValue as error:
        field = f"{name}.units" if str(error).startswith("unknown unit") else f"{name}.amount"
        raise invalid(field, str(error)) from None


def usage_type_of(body: dict[str, Any], unit: str | None) -> str | None:
    """The usageType that a body states, if any; Refusal where its amount is of another."""
    stated = body.get("usageType")
    if unit is not None and stated not in (None, usage_type(unit)):
        raise invalid("usageType", f"is {stated}, but the amount is in {body['amount']['units']}")
    return stated


def device_of(body: dict[str, Any], name: str = "logicalResource") -> str | None:
    """The first device that a body names."""
    return next((each["id"] for each in body.get(name, ())), None)


def as_text(body: dict[str, Any]) -> str:
    """A body as it is kept: what the client said, without what the server says."""
    return _BODY.encode({name: value for name, value in body.items() if name not in _OURS}).decode()
