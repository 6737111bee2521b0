"""The ledger's verbs: move money and units into and out of buckets, hold buckets while usage draws on them, post draws.

Each works on the whole list of its group in a few statements; who calls holds the transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.ledger.burn import Draw, Held
from oxl.engines.ledger.expiry import mark
from oxl.engines.ledger.posting import release_overdue
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "ledger.sql")

_NOT_STORED = {  # refusals that are the request's own fault: 400, and nothing is kept
    "unknownBucket": ("bucket.id", "no such bucket"),
    "unitMismatch": ("amount.units", "the bucket counts in another unit"),
    "accountMismatch": ("partyAccount.id", "the bucket belongs to another account"),
}
_REASONS = {
    "bucketNotActive": "the bucket is suspended, expired or not yet valid",
    "insufficientBalance": "the bucket holds less than that",
    "limitExceeded": "the bucket cannot hold that much",
}


class Move(msgspec.Struct, frozen=True):
    """One credit (amount > 0) or debit (< 0) of a bucket; `body` is the client's document, kept as it came."""

    kind: str  # topup, adjust
    bucket_id: str
    unit: str  # ledger unit
    amount: int  # atoms
    system: str  # the system account on the other side
    body: str  # JSON text
    account_id: str | None = None  # whom the client thinks the bucket belongs to
    extend_to: datetime | None = None  # the bucket stays valid at least until then


async def move(work: Work, items: Sequence[Move]) -> list[Done | Refused]:
    """Post the moves as if one after another. A business refusal is stored as a failed action and refers to it."""
    actions = [new_id(work.now) for _ in items]
    rows = await work.conn.fetch(
        q.move,
        work.now,
        [new_id(work.now) for _ in items],
        actions,
        [item.kind for item in items],
        [item.system for item in items],
        [item.bucket_id for item in items],
        [item.account_id for item in items],
        [item.unit for item in items],
        [item.amount for item in items],
        [item.extend_to for item in items],
        [item.body for item in items],
        list(_NOT_STORED),
    )
    return [_told(action, row["refusal"]) for action, row in zip(actions, rows, strict=True)]


def _told(action: str, refusal: str | None) -> Done | Refused:
    if refusal is None:
        return Done(action, ("create",))
    if refusal in _NOT_STORED:
        field, message = _NOT_STORED[refusal]
        return Refused("invalid", refusal, f"{field}: {message}", field)
    told = f"bucket.id: {_REASONS[refusal]}"
    return Refused("conflict", refusal, told, "bucket.id", action, ("create", "failure"))


async def main_buckets(work: Work) -> dict[str, str]:
    """The main bucket's id of every account that has one, by the account's external id."""
    return {row["external_id"]: row["id"] for row in await work.conn.fetch(q.main_buckets)}


async def hold(
    work: Work, account_ids: Iterable[str], since: datetime, drawn: Iterable[str] = ()
) -> dict[str, list[Held]]:
    """Lock, by account, the buckets that were alive at `since` or later, for draws in this transaction; and those that
    were `drawn` on before, so that something can be put back.
    """
    held: dict[str, list[Held]] = defaultdict(list)
    rows = await work.conn.fetch(q.hold, list(account_ids), since, list(drawn))
    freed = await release_overdue(work, rows)
    for row in rows:
        reserved = row["reserved"] - freed.get(row["id"], 0)
        bucket = Held({**row, "match": msgspec.json.decode(row["match"]), "reserved": reserved})
        held[bucket.account_id].append(bucket)
    return held


async def post(work: Work, draws: Sequence[Draw], held: Iterable[Held]) -> None:
    """Write the draws taken on held buckets: transfers, the buckets' new figures, and who used how much of each."""
    if not draws:
        return
    by_device: dict[tuple[str, str], int] = defaultdict(int)
    for draw in draws:
        by_device[draw.bucket_id, draw.device_id] += draw.amount
    await work.conn.execute(
        q.keep_draws,
        work.now,
        [new_id(work.now) for _ in draws],
        *_columns(
            [(d.bucket_id, d.unit, d.amount, d.action_id, d.leg, d.posted_after, d.version_after) for d in draws]
        ),
    )
    touched = {draw.bucket_id for draw in draws}
    changed = [(bucket.id, bucket.used, bucket.version) for bucket in held if bucket.id in touched]
    await work.conn.execute(q.keep_used, *_columns(changed))
    uses = [(bucket_id, device_id, used) for (bucket_id, device_id), used in by_device.items()]
    await work.conn.execute(q.keep_bucket_use, *_columns(uses))
    await mark(work, [bucket_id for bucket_id, *_ in changed])


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))
