"""What POST means in TMF654: a topupBalance or adjustBalance body becomes a move of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxl.apis.prepay_balance.amounts import as_text, atoms_of, usage_type_of
from oxl.apis.standard import instant_in
from oxl.engines.ledger.ledger import Move, move
from oxl.verbs import Done, Refusal, Refused, Work, invalid

_SYSTEM = {"topup": "topup_clearing", "adjust": "adjust"}  # the other side of each kind of move


def move_of(kind: str, body: dict[str, Any]) -> Move:
    """The ledger's move for a checked body; Refusal names what is wrong with it."""
    unit, atoms = atoms_of(body)
    if atoms == 0 or (kind == "topup" and atoms < 0):
        raise invalid("amount.amount", "must be more than zero" if kind == "topup" else "must not be zero")
    usage_type_of(body, unit)
    return Move(
        kind=kind,
        bucket_id=body["bucket"]["id"],
        unit=unit,
        amount=atoms,
        system=_SYSTEM[kind],
        body=as_text(body),
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
