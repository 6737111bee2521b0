"""What POST means in TMF635: a productUsage body becomes a record for the usage engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.engines.usage.record import Record, record
from oxl.verbs import Done, Refused, Work

_SERVER_SET = ("id", "status", "statusReason", "creationDate", "lastUpdate", "usageProductPrice")
_BODY = msgspec.json.Encoder(decimal_format="number")


def record_of(body: dict[str, Any]) -> Record:
    """The engine's record of a checked body; what only the server may set is left out of what is kept."""
    kept = {name: value for name, value in body.items() if name not in _SERVER_SET}
    external = next(iter(body.get("externalIdentifier", ())), None)
    return Record(
        body=_BODY.encode(kept).decode(),
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
