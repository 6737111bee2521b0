"""Files of operator bodies through the kernel's groups: provisioning in bulk is the same verb as one POST."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from oxl.db.database import Tenant
from oxl.kernel import validate
from oxl.kernel.background import BULK, bulk
from oxl.kernel.declare import Api, operation_of
from oxl.kernel.handle import Item
from oxl.kernel.problem import Problem
from oxl.verbs import Done, Refused

_BODY = msgspec.json.Encoder(decimal_format="number", order="deterministic")


class Outcome(NamedTuple):
    """What became of one body: its place in the list, the resource's id or why it was refused."""

    place: int
    id: str
    why: str
    code: str


async def post_all(
    tenant: Tenant,
    api: Api,
    resource: str,
    bodies: Sequence[tuple[dict[str, Any], str | None]],
    progress: Callable[[int, str], None] | None = None,
) -> list[Outcome]:
    """POST many (body, idempotency key) in groups; one outcome each, in order."""
    operation = operation_of(api, resource)
    outcomes: list[Outcome] = []
    for start in range(0, len(bodies), BULK):
        items: list[Item] = []
        places: list[int] = []
        for place, (body, key) in enumerate(bodies[start : start + BULK], start):
            try:
                digest = hashlib.sha256(_BODY.encode(body)).digest()
                items.append(Item(validate.check(operation.resource, body, api), key, digest))
                places.append(place)
            except Problem as problem:
                outcomes.append(Outcome(place, "", str(problem), problem.code))
        answers = await bulk(tenant, operation, items)
        outcomes += [_outcome(place, answer.result) for place, answer in zip(places, answers, strict=True)]
        if progress:
            progress(min(start + BULK, len(bodies)), "")
    return sorted(outcomes)


def _outcome(place: int, result: Done | Refused) -> Outcome:
    if isinstance(result, Done):
        return Outcome(place, result.id, "", "")
    return Outcome(place, "", result.message, result.code)


def read_bodies(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of an NDJSON file; ValueError names the line that is not one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield validate.parse(line)
                except Problem as problem:
                    raise ValueError(f"{path}:{number}: {problem}") from None


def keyed(bodies: Iterable[dict[str, Any]], scope: str) -> list[tuple[dict[str, Any], str | None]]:
    """Bodies with their externalId as idempotency key, so that a file may be run again."""
    return [(body, f"{scope}-{body['externalId']}" if body.get("externalId") else None) for body in bodies]
