"""What POST and PATCH mean in TMF635: a productUsage body becomes a record for the usage engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.engines.usage.describe import Description, describe
from oxl.engines.usage.record import Origin, Record, record
from oxl.engines.usage.restore import restore
from oxl.kernel.declare import Change
from oxl.values import parse_instant
from oxl.verbs import Done, Refused, Work

_ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
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


class Returning(msgspec.Struct, frozen=True):
    """A checked body, and where it comes from when it comes back from an export."""

    body: dict[str, Any]
    origin: Origin | None = None


def origin_of(document: dict[str, Any]) -> Origin | None:
    """Where a document that an export has written comes from; None for any other body."""
    known, times = document.get("id"), [document.get(name) for name in ("creationDate", "lastUpdate")]
    if not isinstance(known, str) or not _ID.fullmatch(known):
        return None
    try:
        created, updated = (parse_instant(each) for each in times if isinstance(each, str))
    except ValueError:
        return None
    return Origin(known, created, updated)


async def take_back(work: Work, items: Sequence[Returning]) -> list[Done | Refused]:
    """The records of a file: those that were exported keep their ids and times."""
    records = [msgspec.structs.replace(record_of(item.body), origin=item.origin) for item in items]
    return await restore(work, records)


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
