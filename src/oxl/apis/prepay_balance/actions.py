"""What POST means in TMF654: a topupBalance or adjustBalance body becomes a move of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.apis.standard import instant_in
from oxl.engines.ledger.ledger import Move, move
from oxl.values import BadValue, to_atoms, usage_type
from oxl.verbs import Done, Refusal, Refused, Work, invalid

_BODY = msgspec.json.Encoder(decimal_format="number")
_SYSTEM = {"topup": "topup_clearing", "adjust": "adjust"}  # the other side of each kind of move


def move_of(kind: str, body: dict[str, Any]) -> Move:
    """The ledger's move for a checked body; Refusal names what is wrong with it."""
    amount = body["amount"]
    try:
        unit, atoms = to_atoms(amount["amount"], amount.get("units"))
    except BadValue as error:
        raise invalid(
            "amount.units" if str(error).startswith("unknown unit") else "amount.amount", str(error)
        ) from None
    if atoms == 0 or (kind == "topup" and atoms < 0):
        raise invalid("amount.amount", "must be more than zero" if kind == "topup" else "must not be zero")
    if body.get("usageType", usage_type(unit)) != usage_type(unit):
        raise invalid("usageType", f"is {body['usageType']}, but the amount is in {amount['units']}")
    return Move(
        kind=kind,
        bucket_id=body["bucket"]["id"],
        unit=unit,
        amount=atoms,
        system=_SYSTEM[kind],
        body=_BODY.encode(body).decode(),
        account_id=body.get("partyAccount", {}).get("id"),
        extend_to=instant_in(body, "validFor", "endDateTime"),
    )


async def _create(work: Work, kind: str, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    moves: list[Move] = []
    results: list[Done | Refused | None] = []
    for body in bodies:
        try:
            moves.append(move_of(kind, body))
            results.append(None)
        except Refusal as refusal:
            results.append(refusal.refused)
    moved = iter(await move(work, moves) if moves else ())
    return [next(moved) if result is None else result for result in results]


async def create_topup(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /topupBalance: a credit, at once."""
    return await _create(work, "topup", bodies)


async def create_adjust(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /adjustBalance: a signed correction, at once."""
    return await _create(work, "adjust", bodies)
