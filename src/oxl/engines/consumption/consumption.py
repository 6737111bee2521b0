"""The consumption engine's verbs: answer a query for the live consumption of devices, keep the answer, forget it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from oxl.db.queries import load
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.consumption", "consumption.sql")


class Query(msgspec.Struct, frozen=True):
    """Whose consumption is asked for: every criterion given must hold. `usage_types`, `bucket_ids` pick buckets."""

    body: str  # JSON text
    device_id: str | None = None
    number: str | None = None  # digits of E.164
    product_id: str | None = None
    account_id: str | None = None
    party_id: str | None = None
    usage_types: frozenset[str] = frozenset()
    bucket_ids: frozenset[str] = frozenset()

    @property
    def criteria(self) -> tuple[str | None, ...]:
        """What picks the devices, in the order of the statement `devices`."""
        return self.device_id, self.number, self.product_id, self.account_id, self.party_id


async def ask(work: Work, items: Sequence[Query]) -> list[Done | Refused]:
    """Answer and keep the queries. One that names nobody, or nobody known, is kept as rejected with its reason."""
    asking = [item for item in items if any(item.criteria)]
    columns = [list(column) for column in zip(*(item.criteria for item in asking), strict=True)] or [[]] * 5
    found: dict[int, list[str]] = defaultdict(list)
    for row in await work.conn.fetch(q.devices, *columns, work.now) if asking else ():
        found[row["n"] - 1].append(row["id"])
    devices = sorted({device for ids in found.values() for device in ids})
    rows = await work.conn.fetch(q.snapshots, work.now, devices) if devices else ()
    snapshots = {row["device_id"]: row["snapshot"] for row in rows}
    kept: list[tuple[str, str, str, str, str | None]] = []
    place = iter(range(len(asking)))
    for item in items:
        ids = found.get(next(place), []) if any(item.criteria) else []
        reason = None if ids else "unknownSubject" if any(item.criteria) else "noSubject"
        taken = [_picked(snapshots[device], item) for device in ids]
        kept.append((new_id(work.now), "rejected" if reason else "done", item.body, f"[{','.join(taken)}]", reason))
    await work.conn.execute(q.keep, work.now, *[list(column) for column in zip(*kept, strict=True)])
    return [Done(row[0], ("create",)) for row in kept]


async def forget(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Take kept queries away, with their answers."""
    gone = {row["id"] for row in await work.conn.fetch(q.forget, list(ids))}
    unknown = Refused("unknown", "notFound", "no such query is kept")
    return [Done(each, ("delete",)) if each in gone else unknown for each in ids]


def _picked(snapshot: str, item: Query) -> str:
    """The snapshot with only the buckets that the query asks for."""
    if not item.usage_types and not item.bucket_ids:
        return snapshot
    told = msgspec.json.decode(snapshot)
    told["buckets"] = [
        bucket
        for bucket in told["buckets"]
        if (not item.usage_types or bucket["label"] in item.usage_types)
        and (not item.bucket_ids or bucket["id"] in item.bucket_ids)
    ]
    return msgspec.json.encode(told).decode()
