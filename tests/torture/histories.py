"""Histories of sums: each write adds a power of two to a bucket, so that what a reader saw tells which writes it saw.

A pure checker of what serializable reads of grow-only sets must be: whole writes only, what was acknowledged before is
seen, what was not yet asked for is not, and any two readers saw sets of which one holds the other. A lost update, a
half-seen transfer, a stale read and a long fork each break one of them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field


@dataclass
class Write:
    """One write: its bit, what it adds to which bucket, and when it began and was acknowledged."""

    bit: int
    deltas: dict[str, int]
    began: int
    ended: int


@dataclass
class Seen:
    """One read: the sums, and when it began and ended."""

    sums: dict[str, int]
    began: int
    ended: int


@dataclass
class History:
    """What clients wrote and read. `tick` is a clock that knows only before and after."""

    buckets: list[str]
    busy: int = 0
    writes: list[Write] = field(default_factory=list)
    reads: list[Seen] = field(default_factory=list)
    _clock: itertools.count[int] = field(default_factory=itertools.count)

    def tick(self) -> int:
        """A later moment than every one before."""
        return next(self._clock)

    def next_deltas(self, n: int, moves: bool) -> dict[str, int]:
        """What the n-th write adds; a move takes it from the bucket that can spare it."""
        first, second = self.buckets if n % 2 else self.buckets[::-1]
        return {first: 1 << n, second: -(1 << n)} if moves and n > 4 else {first: 1 << n}

    def wrote(self, deltas: dict[str, int], began: int) -> None:
        """A write was acknowledged."""
        self.writes.append(Write(max(deltas.values()), deltas, began, self.tick()))

    def read(self, sums: dict[str, int], began: int) -> None:
        """Both buckets were read in one request."""
        self.reads.append(Seen(sums, began, self.tick()))


def faults(history: History) -> list[str]:
    """What no order of the writes could have shown."""
    writes = sorted(history.writes, key=lambda write: write.bit)
    found, seen = [], []
    for n, read in enumerate(history.reads):
        bits = _bits(read.sums, writes)
        if bits is None:
            found.append(f"read {n} saw a part of a write: {read.sums}")
            continue
        seen.append(bits)
        for write in writes:
            if write.ended < read.began and not bits & write.bit:
                found.append(f"read {n} missed a write that had been acknowledged")
            if write.began > read.ended and bits & write.bit:
                found.append(f"read {n} saw a write that had not been asked for")
    seen.sort(key=int.bit_count)
    found += ["two reads saw writes in two orders" for one, other in itertools.pairwise(seen) if one & ~other]
    return found


def _bits(sums: dict[str, int], writes: list[Write]) -> int | None:
    """The writes that add up to the sums, as a mask; None where no set of whole writes does."""
    left, bits = dict(sums), 0
    for write in writes:  # from the smallest: the lowest bit that is left over belongs to it alone
        if any(left[bucket] & write.bit for bucket in write.deltas):
            bits |= write.bit
            for bucket, delta in write.deltas.items():
                left[bucket] -= delta
    return None if any(left.values()) else bits
