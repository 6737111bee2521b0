"""What POST, PATCH and DELETE mean in TMF635: a productUsage body becomes a record for the usage engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.engines.usage.case import record_of
from oxl.engines.usage.describe import Description, describe
from oxl.engines.usage.record import record
from oxl.engines.usage.revise import SUPERSEDABLE, delete, refused, retry, supersede
from oxl.kernel.declare import Change
from oxl.verbs import Done, Refused, Work

_BODY = msgspec.json.Encoder(decimal_format="number")


async def create(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /productUsage."""
    return await record(work, [record_of(body) for body in bodies])


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
