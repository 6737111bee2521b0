"""Whose consumption is asked for, and of which buckets: a report as a template, each thing that it says a condition.

Pure: what picks devices is a statement's; what picks buckets of a snapshot is decided here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class BucketTemplate(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one bucket of the template says; a bucket is meant when all of it is true of it."""

    id: str | None = None
    name: str | None = None
    usage_type: str | None = None
    shared: bool | None = None
    status: str | None = None
    allowance: str | None = None
    product: str | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Criteria that must all hold; what stands in one of them are alternatives. An empty one asks for nothing.

    pairs: devices told by id and number together, with a blank between. since, until: the period in which buckets are
    alive; now, where neither is given.
    """

    ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()  # digits of E.164
    pairs: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    buckets: tuple[BucketTemplate, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def criteria(self) -> dict[str, tuple[str, ...]]:
        """What picks devices, by the names of the statement `found`; bucket ids only where every template has one."""
        named = ("ids", "numbers", "pairs", "products", "accounts", "parties")
        found: dict[str, tuple[str, ...]] = {name: getattr(self, name) for name in named if getattr(self, name)}
        wanted = [each.id for each in self.buckets]
        if wanted and all(wanted):
            found["buckets"] = tuple(each for each in wanted if each)
        return found

    @property
    def of_device(self) -> bool:
        """Whether single devices are meant, and not all that an account or a party has."""
        return bool({"ids", "numbers", "pairs", "products"} & self.criteria.keys())

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """The period in which the buckets that are asked for are alive."""
        return self.since or min(now, self.until or now), self.until or max(now, self.since or now)


def picked(snapshot: str, query: Query) -> str:
    """The snapshot with only the buckets that the query asks for."""
    if not query.buckets:
        return snapshot
    told = msgspec.json.decode(snapshot)
    told["buckets"] = [each for each in told["buckets"] if any(meant(each, wanted) for wanted in query.buckets)]
    return msgspec.json.encode(told).decode()


def meant(bucket: dict[str, Any], wanted: BucketTemplate) -> bool:
    """Whether a snapshot's bucket is as the template says."""
    said = msgspec.to_builtins(wanted)
    kind = said.pop("usage_type", None)
    return all(bucket.get(name) == value for name, value in said.items()) and (kind is None or may_be(bucket, kind))


def may_be(bucket: dict[str, Any], kind: str) -> bool:
    """Whether a bucket is of a kind of usage: by its label, its type, or as one that pays for a service in a zone."""
    if kind in (bucket["label"], bucket["type"]):
        return True
    service, _, zone = kind.partition(" ")
    match = bucket["match"]
    return (service == bucket["type"] or service in match.get("service", ())) and zone in ("", *match.get("zone", ()))
