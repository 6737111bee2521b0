"""Pure sums of online charging: what a session used is taken, what it held is given back, the next quota is held.

The buckets of the group are locked; their state while it is decided is in the book, and reservations are rows that
`charging` stores. Units that were used are charged even beyond the quota, as far as the buckets reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from oxl.engines.ledger.book import Book, Bucket
from oxl.engines.ledger.burn import Held, Need, may_pay

HOLD = timedelta(minutes=15)  # how long a quota is held that nobody reports on


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of one rating group: atoms used of the last quota, atoms wanted next; None: does not say."""

    id: str
    unit: str  # ledger unit
    units: str  # the client's, and how many atoms one of it holds
    per: int
    used: int | None = None
    wanted: int | None = None
    service: str = ""
    zone: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered of one rating group; atoms. is_final: when this quota is used up there is nothing more."""

    id: str
    units: str
    per: int
    result: str  # granted, partlyGranted, insufficientBalance; reported where nothing was asked for
    charged: int = 0
    uncharged: int = 0
    granted: int = 0
    until: str | None = None
    is_final: bool = False


class Purse(NamedTuple):
    """A locked bucket: its figures in the book, and what it may pay for."""

    bucket: Bucket
    held: Held


class Turn:
    """One request at work on the locked buckets of its account."""

    def __init__(self, book: Book, purses: Sequence[Purse], device_id: str, request_id: str, now: datetime) -> None:
        self.book = book
        self.purses = purses
        self.device_id = device_id
        self.request_id = request_id
        self.now = now
        self._leg = 0

    def report(self, group: Group, quota: Iterable[dict[str, Any]]) -> tuple[int, int]:
        """(charged, uncharged) of the units used: out of the quota first, whose rest is given back, then beyond it."""
        left = group.used or 0
        for row in quota:
            part = min(left, row["amount"])
            self.end(row, part)
            left -= part
        for purse in self._payers(group):
            part = min(left, purse.bucket.room)
            if part > 0:
                self.book.use(purse.bucket, part, self.request_id, self.device_id, self._leg)
                self._leg += 1
                left -= part
        return (group.used or 0) - left, left

    def end(self, row: dict[str, Any], used: int) -> None:
        """A reservation is over: so much of it was used, the rest is free."""
        bucket = self.book.buckets[row["bucket_id"]]
        bucket.hold(-row["amount"])
        done: dict[str, Any] = {"status": "cancelled", "reason": "notUsed", "used": None}
        if used:
            self.book.use(bucket, used, row["id"], row["device_id"])
            done = {"status": "completed", "reason": None, "used": used, "confirmed_at": self.now}
        row |= done | {"ended_at": self.now}

    def grant(self, group: Group, ids: Iterator[str]) -> tuple[list[dict[str, Any]], Told]:
        """The reservations that make up the next quota, and what is told of it."""
        left = group.wanted or 0
        rows: list[dict[str, Any]] = []
        payers = list(self._payers(group)) if left else []
        until = min([self.now + HOLD, *(p.held.valid_to for p in payers if p.bucket.room > 0)])
        for purse in payers:
            part = min(left, purse.bucket.room)
            if part > 0:
                purse.bucket.hold(part)
                rows.append(self._row(next(ids), purse.bucket, part, until))
                left -= part
        granted = (group.wanted or 0) - left
        result = "granted" if not left else "partlyGranted" if granted else "insufficientBalance"
        told = Told(
            id=group.id, units=group.units, per=group.per, granted=granted,
            result=result if group.wanted else "reported",
            until=until.isoformat() if granted else None,
            is_final=bool(group.wanted) and not any(purse.bucket.room > 0 for purse in payers),
        )  # fmt: skip
        return rows, told

    def _payers(self, group: Group) -> Iterator[Purse]:
        """The buckets that may pay, in the order in which they do."""
        need = Need(group.unit, group.service, group.zone, self.device_id, self.now)
        return iter(sorted((p for p in self.purses if may_pay(p.held, need)), key=lambda p: p.held.order))

    def _row(self, new: str, bucket: Bucket, amount: int, until: datetime) -> dict[str, Any]:
        return {
            "id": new, "bucket_id": bucket.id, "account_id": bucket.account_id, "device_id": self.device_id,
            "unit": bucket.unit, "amount": amount, "used": None, "status": "created", "reason": None,
            "expires_at": until, "requested_at": self.now, "confirmed_at": None, "ended_at": None,
        }  # fmt: skip
