"""What the tests of PATCH share: media types, a full box, and how to ask."""

from __future__ import annotations

import json
from typing import Any

import httpx
from tests.kernel.toy import rows

from oxl.db.database import Tenant

MERGE, STEPS, QUERY = (
    {"content-type": f"application/{kind}+json"} for kind in ("merge-patch", "json-patch", "json-patch-query")
)
JSON = {"content-type": "application/json;charset=utf-8"}
FULL = {
    "name": "N",
    "code": "C",
    "count": 1,
    "tags": ["x", "y"],
    "note": [{"author": "X", "text": "a"}, {"author": "Y", "text": "b"}, {"author": "X", "text": "c"}],
    "x-own": {"deep": [1, {"a": None}], "amount": 0.10},
}


async def patched(box: httpx.AsyncClient, href: str, body: Any, headers: dict[str, str] = JSON) -> httpx.Response:
    """The answer to a PATCH."""
    return await box.patch(href, content=json.dumps(body).encode(), headers=headers)


async def told(tenant: Tenant, href: str) -> list[tuple[str, list[str] | None]]:
    """The events of a box after its creation: type and attributes."""
    found = await rows(
        tenant,
        "select event_type, changed from outbox where resource_id = $1 order by id offset 1",
        href.split("/")[-1],
    )
    return [(row["event_type"].removeprefix("Box").removesuffix("Event"), row["changed"]) for row in found]


def moved(made: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The box with attributes changed; None takes one away."""
    return {name: value for name, value in (made | changed).items() if value is not None}
