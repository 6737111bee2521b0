"""What POST and PATCH mean in TMF635: a productUsage body becomes a record for the usage engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.engines.usage.describe import Description, describe
from oxl.engines.usage.record import Record, record
from oxl.kernel.declare import Change
from oxl.verbs import Done, Refused, Work

_BODY = msgspec.json.Encoder(decimal_format="number")


def record_of(body: dict[str, Any]) -> Record:
    """The engine's record of a checked body."""
    external = next(iter(body.get("externalIdentifier", ())), None)
    return Record(
        body=_BODY.encode(body).decode(),
        specification_id=body["usageSpecification"]["id"],
        characteristics=body.get("usageCharacteristic", []),
        usage_type=body.get("usageType"),
        product_id=body.get("product", {}).get("id"),
        external_id=(external.get("owner", ""), external.get("externalIdentifierType", ""), external["id"])
        if external
        else None,
    )


async def create(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /productUsage."""
    return await record(work, [record_of(body) for body in bodies])


async def patch(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /productUsage/{id}: what describes the record; its status is refused."""
    told = [_description_of(change) for change in changes]
    done = iter(await describe(work, [each for each in told if isinstance(each, Description)]))
    return [each if isinstance(each, Refused) else next(done) for each in told]


def _description_of(change: Change) -> Description | Refused:
    if "status" in change.changed:
        before, after = change.before.get("status"), change.after.get("status")
        return Refused(
            "conflict", "illegalTransition", f"status: {before} is not set to {after} from outside", "status"
        )
    put = {name: change.after[name] for name in change.changed if name in change.after}
    return Description(change.id, _BODY.encode(put).decode(), [name for name in change.changed if name not in put])
