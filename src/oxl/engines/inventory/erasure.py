"""Erasing a party: whose is what, what inventory forgets, and the book of erasures that were asked for.

Every engine forgets its own part, given whose it is. Ids stay, which say nothing by themselves, and so do all sums: the
ledger, charges and bills add up as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.inventory", "erasure.sql")


class Whose(NamedTuple):
    """A party and all that it is known by."""

    party: str
    accounts: tuple[str, ...]
    devices: tuple[str, ...]
    products: tuple[str, ...]
    numbers: tuple[str, ...]
    names: tuple[str, ...]  # ids of other systems

    @property
    def ids(self) -> list[str]:
        """By which OXL knows it, as patterns of LIKE."""
        return _patterns((self.party, *self.accounts, *self.devices, *self.products))

    @property
    def words(self) -> list[str]:
        """By which anybody knows it, as patterns of LIKE."""
        return self.ids + _patterns((*self.numbers, *(name for name in self.names if len(name) > _SHORT)))


class Forgotten(NamedTuple):
    """What one engine has forgotten: how many of which resource, and those whose events go with them."""

    counts: Mapping[str, int]
    gone: Sequence[str] = ()


_SHORT = 3  # letters of a name that may stand anywhere by chance
_JSON = msgspec.json.Encoder()
SERVED = Refused("conflict", "stillServed", "party.id: has lines that are in service; port them out first", "party.id")


def _patterns(words: Sequence[str]) -> list[str]:
    escaped = (word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in words)
    return [f"%{word}%" for word in escaped]


async def whose(work: Work, parties: Sequence[str]) -> list[Whose | Refused]:
    """What is of each party, locked; refused where there is none such, or it is served."""
    rows = {row["party"]: row for row in await work.conn.fetch(q.whose, list(parties), work.now)}
    return [_one(rows[party]) if party in rows else _unknown(party) for party in parties]


def _one(row: Mapping[str, object]) -> Whose | Refused:
    if row["served"]:
        return SERVED
    lists = (row[name] for name in ("accounts", "devices", "products", "numbers", "names"))
    return Whose(str(row["party"]), *(tuple(each) for each in lists))  # type: ignore[arg-type]


def _unknown(party: str) -> Refused:
    return Refused("invalid", "unknownParty", f"party.id: there is no party {party[:60]!r}", "party.id")


async def forget(work: Work, of: Whose) -> Forgotten:
    """Forget names, numbers and ids of other systems."""
    row = await work.conn.fetchrow(q.forget, of.party, list(of.accounts), list(of.devices))
    return Forgotten(dict(row))


async def keep(work: Work, parties: Sequence[str]) -> list[Done]:
    """Keep that these parties are to be erased."""
    ids = [new_id(work.now) for _ in parties]
    await work.conn.execute(q.keep, work.now, ids, list(parties))
    return [Done(each, ("create",), "acknowledged") for each in ids]


async def due(work: Work) -> tuple[str, str] | None:
    """An erasure that is to be done and its party, held for this transaction; None when there is none."""
    row = await work.conn.fetchrow(q.due)
    return (row["id"], row["party_id"]) if row else None


async def finish(work: Work, erasure: str, state: str, reason: str | None, counts: Mapping[str, int]) -> Done:
    """Keep what became of an erasure."""
    await work.conn.execute(q.finish, erasure, state, reason, _JSON.encode(counts).decode(), work.now)
    return Done(erasure, ("stateChange",), state)
