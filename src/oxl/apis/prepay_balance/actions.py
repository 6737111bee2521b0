"""What POST means for topupBalance and adjustBalance: a move of the ledger, at once, by voucher, or each period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from oxl.apis.prepay_balance.amounts import as_text, atoms_of, usage_type_of
from oxl.apis.standard import instant_in
from oxl.engines.ledger.ledger import Move, move
from oxl.engines.ledger.recurring import Recurring, begin
from oxl.engines.ledger.voucher import Asked, Grant, check, fail, main_buckets_of, masked, settle
from oxl.values import from_atoms
from oxl.verbs import Done, Refusal, Refused, Work, invalid

_SYSTEM = {"topup": "topup_clearing", "adjust": "adjust"}  # the other side of each kind of move
_LEADS = ("product", "logicalResource", "partyAccount")  # where a top-up finds a bucket that it does not name
Wanted = Move | Recurring | Refused | None  # None: a voucher decides


def _amount(kind: str, body: dict[str, Any]) -> tuple[str, int]:
    if "amount" not in body:
        raise invalid("amount", "is required", "missingAttribute")
    unit, atoms = atoms_of(body)
    if atoms == 0 or (kind == "topup" and atoms < 0):
        raise invalid("amount.amount", "must be more than zero" if kind == "topup" else "must not be zero")
    usage_type_of(body, unit)
    return unit, atoms


def move_of(kind: str, body: dict[str, Any]) -> Move:
    """The ledger's move for a checked body; Refusal names what is wrong with it."""
    unit, atoms = _amount(kind, body)
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


def recurring_of(kind: Any, body: dict[str, Any], work: Work) -> Recurring:
    """The recurring action for a checked body; Refusal names what is wrong with it."""
    unit, atoms = _amount(kind, body)
    until = instant_in(body, "validFor", "endDateTime")
    start = instant_in(body, "validFor", "startDateTime") or work.now
    runs = body.get("numberOfPeriods")
    if kind == "topup" and "recurringPeriod" not in body:
        raise invalid("recurringPeriod", "is required of an automatic top-up", "missingAttribute")
    if kind == "adjust" and until is None:
        raise invalid("validFor.endDateTime", "is required of a recurring adjustment", "missingAttribute")
    if runs is not None and not 0 < runs <= 1200:
        raise invalid("numberOfPeriods", "must be from 1 to 1200")
    start = max(start, work.now)
    if until is not None and until <= start:
        raise invalid("validFor.endDateTime", "must be later than the first run")
    return Recurring(
        kind=kind,
        bucket_id=body["bucket"]["id"],
        unit=unit,
        amount=atoms,
        period=body.get("recurringPeriod", "monthly"),
        start=start,
        body=as_text(body),
        runs=runs,
        until=until,
        account_id=body.get("partyAccount", {}).get("id"),
    )


def _aimless(body: dict[str, Any]) -> Refusal:
    """A body without a bucket, and without what would lead to one."""
    if any(name in body for name in _LEADS):
        return invalid("bucket.id", "what is named instead of a bucket has no main bucket", "unknownBucket")
    return invalid("bucket", "is required, or a product, device or account with a main bucket", "missingAttribute")


def _wanted(kind: str, body: dict[str, Any], work: Work) -> Wanted:
    try:
        if "bucket" not in body:
            raise _aimless(body)
        recurs = body.get("isAutoTopup") if kind == "topup" else body.get("adjustType") == "recurring"
        if "voucher" in body and recurs:
            raise invalid("voucher", "cannot be redeemed more than once")
        if kind == "topup" and "voucher" in body:
            return None
        return recurring_of(kind, body, work) if recurs else move_of(kind, body)
    except Refusal as refusal:
        return refusal.refused


async def _create(work: Work, kind: str, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    wanted = [_wanted(kind, body, work) for body in bodies]
    by_voucher = [n for n, each in enumerate(wanted) if each is None]
    redeemed: dict[int, Grant | str] = {}
    if by_voucher:
        asked = [Asked(bodies[n]["voucher"], bodies[n]["bucket"]["id"]) for n in by_voucher]
        redeemed = dict(zip(by_voucher, await check(work, asked), strict=True))
        for n, grant in redeemed.items():
            bodies[n]["voucher"] = masked(bodies[n]["voucher"])
            if isinstance(grant, Grant):
                wanted[n] = _granted(bodies[n], grant, work)
    moves = [each for each in wanted if isinstance(each, Move)]
    begun = [each for each in wanted if isinstance(each, Recurring)]
    refused = [(bodies[n]["bucket"]["id"], why, None, as_text(bodies[n])) for n, why in redeemed.items()
               if isinstance(why, str)]  # fmt: skip
    results = {
        Move: iter(await move(work, moves) if moves else ()),
        Recurring: iter(await begin(work, begun) if begun else ()),
        type(None): iter(await fail(work, refused) if refused else ()),
    }
    made = [each if isinstance(each, Refused) else next(results[type(each)]) for each in wanted]
    used = [
        (grant.digest, result.id)
        for grant, result in ((redeemed.get(n), result) for n, result in enumerate(made))
        if isinstance(grant, Grant) and isinstance(result, Done)
    ]
    await settle(work, used)
    return made


def _granted(body: dict[str, Any], grant: Grant, work: Work) -> Move | Refused:
    """The move of a voucher's worth; a body that states another amount is refused."""
    shown = {"amount": from_atoms(grant.amount, grant.display_unit), "units": grant.display_unit}
    try:
        if atoms_of({"amount": body.setdefault("amount", shown)}) != (grant.unit, grant.amount):
            raise invalid("amount", "is not what the voucher is worth")
        usage_type_of(body, grant.unit)
    except Refusal as refusal:
        return refusal.refused
    days = grant.validity_days
    return Move(
        kind="topup",
        bucket_id=body["bucket"]["id"],
        unit=grant.unit,
        amount=grant.amount,
        system="voucher_liability",
        body=as_text(body),
        account_id=body.get("partyAccount", {}).get("id"),
        extend_to=work.now + timedelta(days=days) if days else None,
    )


def _first(body: dict[str, Any], name: str) -> str | None:
    return next((each["id"] for each in body.get(name, ())), None)


async def create_topup(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /topupBalance: a credit at once, by voucher or each period; without a bucket, of the main one."""
    aimless = [body for body in bodies if "bucket" not in body]
    named = [
        (_first(body, "product"), _first(body, "logicalResource"), body.get("partyAccount", {}).get("id"))
        for body in aimless
    ]
    for body, bucket in zip(aimless, await main_buckets_of(work, named), strict=True):
        if bucket is not None:
            body["bucket"] = {"@referredType": "Bucket", "id": bucket}
    return await _create(work, "topup", bodies)


async def create_adjust(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /adjustBalance: a signed correction, at once or each month."""
    return await _create(work, "adjust", bodies)
