"""Pure sums of balance actions: locked buckets, what is moved between them, and the rows that the ledger keeps of it.

Between the statement that locks the buckets of a group and the one that writes them back, their state lives here, so
that each action is decided as if those before it had already been committed.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from oxl.values import MAX_ATOMS

_NEVER = timedelta(0)


class Bucket:
    """A locked bucket. posted = credited - used - debited is what its account owns; available is posted - reserved."""

    __slots__ = (
        "account_id",
        "changed",
        "credit_limit",
        "credited",
        "debited",
        "device_id",
        "display_atoms",
        "display_unit",
        "id",
        "kind",
        "product_id",
        "reserved",
        "status",
        "unit",
        "usage_type",
        "used",
        "valid_from",
        "valid_to",
        "version",
    )

    def __init__(self, row: Any) -> None:
        self.changed = False
        for name in self.__slots__:
            if name != "changed":
                setattr(self, name, row[name])

    @property
    def posted(self) -> int:
        """What came in and has neither been used nor taken out."""
        return self.credited - self.used - self.debited

    @property
    def available(self) -> int:
        """What may still be spent, apart from the credit limit."""
        return self.posted - self.reserved

    @property
    def room(self) -> int:
        """What may still be spent, with the credit limit."""
        return self.available + self.credit_limit

    def is_active(self, now: datetime, grace: timedelta = _NEVER) -> bool:
        """Whether it takes part in actions; a main bucket's end may be overlooked for a time of grace."""
        return (
            self.status == "active"
            and self.valid_from <= now
            and (self.valid_to is None or now < self.valid_to + grace)
        )

    def hold(self, amount: int) -> None:
        """Reserve so much more, or less where negative."""
        self.reserved += amount
        self.changed = True


class Entry(NamedTuple):
    """One row of the ledger: a debit side and a credit side, each a bucket or a system account; posted after it."""

    dr_bucket: str | None
    dr_system: str | None
    cr_bucket: str | None
    cr_system: str | None
    unit: str
    amount: int
    kind: str
    action_id: str
    leg: int
    dr_after: int | None
    dr_version: int | None
    cr_after: int | None
    cr_version: int | None


class Book:
    """The buckets of a group by id, and what its actions have written so far."""

    def __init__(self, buckets: dict[str, Bucket]) -> None:
        self.buckets = buckets
        self.entries: list[Entry] = []
        self.uses: dict[tuple[str, str], int] = defaultdict(int)

    def move(
        self, source: Bucket | str, sink: Bucket | str, amount: int, kind: str, action_id: str, leg: int = 0
    ) -> None:
        """Move atoms from one side to the other; a text is a system account. ValueError when it cannot be counted."""
        if amount <= 0:
            raise ValueError(f"a transfer of {amount} atoms")
        if not may_hold(sink, amount):
            raise ValueError(f"bucket cannot hold {amount} atoms more")
        unit = source.unit if isinstance(source, Bucket) else sink.unit if isinstance(sink, Bucket) else ""
        dr: tuple[Any, ...] = (None, source, None, None)
        cr: tuple[Any, ...] = (None, sink, None, None)
        if isinstance(source, Bucket):
            if kind == "usage":
                source.used += amount
            else:
                source.debited += amount
            dr = _written(source)
        if isinstance(sink, Bucket):
            sink.credited += amount
            cr = _written(sink)
        self.entries.append(
            Entry(dr[0], dr[1], cr[0], cr[1], unit, amount, kind, action_id, leg, dr[2], dr[3], cr[2], cr[3])
        )

    def use(self, bucket: Bucket, amount: int, action_id: str, device_id: str, leg: int = 0) -> None:
        """Consume atoms of a bucket, by a device."""
        self.move(bucket, "usage_consumed", amount, "usage", action_id, leg)
        self.uses[bucket.id, device_id] += amount


def may_hold(sink: Bucket | str, amount: int) -> bool:
    """Whether a bucket's counter of credits can take so much more."""
    return isinstance(sink, str) or sink.credited <= MAX_ATOMS - amount


def _written(bucket: Bucket) -> tuple[Any, ...]:
    bucket.version += 1
    bucket.changed = True
    return bucket.id, None, bucket.posted, bucket.version
