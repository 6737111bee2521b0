"""What POST, PATCH and DELETE mean in TMF635: a productUsage body becomes a record for the usage engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from oxl.engines.usage.case import Origin, Record, record_of
from oxl.engines.usage.describe import Description, describe
from oxl.engines.usage.record import record
from oxl.engines.usage.revise import SUPERSEDABLE, delete, refused, retry, supersede
from oxl.kernel.declare import Change
from oxl.values import new_id, parse_instant
from oxl.verbs import Done, Refused, Work

_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_WORD = re.compile("[A-Za-z]{1,40}")
_BODY = msgspec.json.Encoder(decimal_format="number")


async def create(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /productUsage."""
    return await record(work, [_told_apart(record_of(body), work) for body in bodies])


def _told_apart(found: Record, work: Work) -> Record:
    """A record that says nothing by which it could be known again is none that came before."""
    if found.external_id or found.characteristics:
        return found
    return msgspec.structs.replace(found, external_id=("OXL", "usage", new_id(work.now)))


class _PriceTold(msgspec.Struct, frozen=True):
    version: Annotated[str, msgspec.Meta(pattern="^[0-9]{0,9}$")] = ""


class _LineTold(msgspec.Struct, frozen=True, rename="camel"):
    product_offering_price: _PriceTold = _PriceTold()


class _Told(msgspec.Struct, frozen=True, rename="camel"):
    """What an export says that became of a record."""

    status: str = ""
    status_reason: str = ""
    usage_product_price: tuple[_LineTold, ...] = ()


def origin_of(document: dict[str, Any]) -> Origin | None:
    """Where a document that an export has written comes from; None for any other body."""
    known, times = document.get("id"), [document.get(name) for name in ("creationDate", "lastUpdate")]
    if not isinstance(known, str) or not _ID.fullmatch(known):
        return None
    try:
        created, updated = (parse_instant(each) for each in times if isinstance(each, str))
        told = msgspec.convert(document, _Told)
    except (ValueError, msgspec.ValidationError):
        return None
    versions = {line.product_offering_price.version for line in told.usage_product_price} - {""}
    return Origin(
        known, created, updated, told.status,
        reason=told.status_reason if _WORD.fullmatch(told.status_reason) else None,
        plan_version=int(max(versions)) if versions else None,
    )  # fmt: skip


async def patch(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /productUsage/{id}: what describes the record; and by its status, to try it again or to take it out."""
    told = {change.id: _refusal_of(change) for change in changes}
    fine = [change for change in changes if told[change.id] is None]
    await describe(work, [_description_of(change) for change in fine])
    for status, verb in _BY_STATUS.items():
        ids = [change.id for change in fine if "status" in change.changed and change.after["status"] == status]
        told |= dict(zip(ids, await verb(work, ids) if ids else (), strict=True))
    return [told[change.id] or Done(change.id) for change in changes]


async def remove(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /productUsage/{id}: a record that was never charged."""
    return await delete(work, ids)


async def _retry(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    return await retry(work, ids, "client")


_BY_STATUS = {"superseded": supersede, "validated": _retry}


def _refusal_of(change: Change) -> Done | Refused | None:
    if "status" not in change.changed:
        return None
    before, after = change.before.get("status", ""), change.after.get("status", "")
    allowed = {"superseded": SUPERSEDABLE, "validated": ("failed",)}.get(after, ())
    return None if before in allowed else refused(before, after)


def _description_of(change: Change) -> Description:
    changed = [name for name in change.changed if name != "status"]
    put = {name: change.after[name] for name in changed if name in change.after}
    return Description(change.id, _BODY.encode(put).decode(), [name for name in changed if name not in put])
