"""What the operator allows in balance actions: how long things are held, how much is granted, who may move what.

Pure data; the numbers that a catalog does not state are those here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

_QUANTA = MappingProxyType({"monetary": 1_000_000, "data": 100_000_000, "voice": 300, "sms": 1, "other": 1})


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of balance actions; quantities are atoms of the ledger unit."""

    hold: timedelta = timedelta(minutes=15)  # how long a reservation lasts that does not say
    longest_hold: timedelta = timedelta(days=31)
    quantum: Mapping[str, int] = _QUANTA  # what a reservation without an amount is granted at most, by usageType
    grace: timedelta = timedelta(days=90)  # how long after its end a top-up revives a main bucket


POLICY = Policy()
