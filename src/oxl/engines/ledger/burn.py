"""Pure sums of drawing on buckets: which ones may pay, in which order, and what each has left while a group is decided.

Between the statement that locks the buckets of a group and the one that writes them back, their state lives here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

_FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Held:
    """A locked bucket and what has been drawn on it so far in this group."""

    __slots__ = (
        "account_id",
        "available",
        "credit_limit",
        "device_id",
        "drawn",
        "id",
        "kind",
        "order",
        "posted",
        "services",
        "status",
        "unit",
        "used",
        "valid_from",
        "valid_to",
        "version",
        "zones",
    )

    def __init__(self, row: dict) -> None:
        self.id: str = row["id"]
        self.kind: str = row["kind"]
        self.account_id: str = row["account_id"]
        self.device_id: str | None = row["device_id"]
        self.unit: str = row["unit"]
        self.status: str = row["status"]
        self.valid_from: datetime = row["valid_from"]
        self.valid_to: datetime = row["valid_to"] or _FOR_EVER
        self.services = frozenset(row["match"].get("service", ()))
        self.zones = frozenset(row["match"].get("zone", ()))
        self.credit_limit: int = row["credit_limit"]
        self.used: int = row["used"]
        self.posted: int = row["credited"] - row["used"] - row["debited"]
        self.available: int = self.posted - row["reserved"]
        self.version: int = row["version"]
        self.drawn = 0
        # Who pays first: priority, then what expires first, then what is oldest.
        self.order = (row["priority"], self.valid_to, row["created_at"], self.id)


class Need(NamedTuple):
    """What an event wants to draw: units of a service in a zone, or money, at the instant it happened."""

    unit: str
    service: str
    zone: str
    device_id: str
    at: datetime


class Draw(NamedTuple):
    """One transfer out of a bucket into consumption, with the bucket's state after it; back into it where negative."""

    bucket_id: str
    unit: str
    amount: int
    action_id: str
    leg: int
    device_id: str
    posted_after: int
    version_after: int


def may_pay(bucket: Held, need: Need) -> bool:
    """Whether the bucket is of the right unit, alive when it happened, open to this device, service and zone."""
    return (
        bucket.unit == need.unit
        and bucket.status == "active"
        and bucket.valid_from <= need.at < bucket.valid_to
        and bucket.device_id in (None, need.device_id)
        and (not bucket.services or need.service in bucket.services)
        and (not bucket.zones or need.zone in bucket.zones)
    )


def cover(buckets: Iterable[Held], need: Need, wanted: int) -> tuple[list[tuple[Held, int]], int]:
    """How `wanted` atoms would be drawn from the buckets that may pay, in order; and what stays uncovered.

    Nothing is taken yet: `take` does that once the whole event is known to succeed.
    """
    parts: list[tuple[Held, int]] = []
    unit = need.unit
    fit = [bucket for bucket in buckets if bucket.unit == unit and may_pay(bucket, need)]
    if len(fit) > 1:
        fit.sort(key=_order)
    for bucket in fit:
        if wanted <= 0:
            break
        part = min(wanted, bucket.available + bucket.credit_limit)
        if part > 0:
            parts.append((bucket, part))
            wanted -= part
    return parts, wanted


def _order(bucket: Held) -> tuple[Any, ...]:
    return bucket.order


def take(parts: Iterable[tuple[Held, int]], action_id: str, device_id: str, first_leg: int = 0) -> list[Draw]:
    """Draw the parts, or put back the negative ones: buckets change, and each draw says what its bucket holds then."""
    draws = []
    for leg, (bucket, part) in enumerate(parts, first_leg):
        shift(bucket, part)
        bucket.version += 1
        draws.append(Draw(bucket.id, bucket.unit, part, action_id, leg, device_id, bucket.posted, bucket.version))
    return draws


def shift(bucket: Held, part: int) -> None:
    """Take atoms from a bucket, or put them back, in thought: no transfer comes of it until `take` is called."""
    bucket.used += part
    bucket.posted -= part
    bucket.available -= part
    bucket.drawn += part
