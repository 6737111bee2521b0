"""Which records of a bulk may be taken beside each other, each in a transaction of its own: those that no account and
no key ties together. Between reading a file and `record`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zlib import crc32

from oxl.engines.inventory.inventory import holders
from oxl.engines.usage.case import Record
from oxl.engines.usage.record import key_of
from oxl.verbs import Work

_Periods = Mapping[str, Sequence[tuple[datetime | None, datetime | None, str]]]


async def apart(work: Work, items: Sequence[Record], size: int) -> list[list[int]]:
    """The records' places in parts of about `size`; parts may be taken in any order, the records of each in their own.

    What a record costs depends on those before it of the same account, and which of two with one key is taken on which
    comes first: these are in one part. There is only one part where order counts beyond that: when records come back
    from an export, replace others, or have one key and different accounts.
    """
    whole = [list(range(len(items)))]
    count = round(len(items) / size)
    if count < 2 or any(item.origin or (item.reading and item.reading.event.version) for item in items):
        return whole
    numbers = {item.reading.event.number for item in items if item.reading and item.product_id is None}
    products = {item.product_id for item in items if item.product_id is not None}
    periods = await holders(work, list(numbers), list(products))
    parts: list[list[int]] = [[] for _ in range(count)]
    met: dict[bytes, int] = {}
    for n, item in enumerate(items):
        key = key_of(item, item.reading.event if item.reading else None)
        part = crc32(_tie(periods, item, key)) % count
        if met.setdefault(key, part) != part:
            return whole
        parts[part].append(n)
    return [part for part in parts if part]


def _tie(periods: _Periods, item: Record, key: bytes) -> bytes:
    """The account of a record, else its number, else its key."""
    if item.reading is None:
        return key
    event = item.reading.event
    for since, until, account in periods.get(item.product_id or event.number, ()):
        if (since is None or since <= event.start) and (until is None or event.start < until):
            return account.encode()
    return event.number.encode()
