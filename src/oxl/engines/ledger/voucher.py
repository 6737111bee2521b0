"""Vouchers: codes that are worth a credit once. The code itself is kept nowhere, only its SHA-256.

A code is 20 characters of 32, drawn by the system's random source: 100 bits, which nobody finds by trying, neither at
the door, where an account is locked after some wrong codes, nor with the digests in hand.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from oxl.db.queries import load
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.ledger import transfer
from oxl.engines.ledger.posting import columns
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "voucher.sql")

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that people take for another
_TYPED = str.maketrans("OIL", "011")
_REASONS = {
    "voucherInvalid": "no voucher of this code can be redeemed",
    "voucherLocked": "too many wrong codes; try again later",
}


class Grant(NamedTuple):
    """What a voucher is worth."""

    digest: bytes
    unit: str
    amount: int
    display_unit: str
    validity_days: int | None


class Asked(NamedTuple):
    """A code that somebody wants redeemed into a bucket."""

    code: str
    bucket_id: str


def new_code() -> str:
    """A code as it is printed: five groups of four."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(20))
    return "-".join(letters[n : n + 4] for n in range(0, 20, 4))


def digest_of(code: str) -> bytes:
    """What is kept of a code, however it was typed."""
    plain = re.sub(r"[^0-9A-Z]", "", code.upper()).translate(_TYPED)
    return hashlib.sha256(plain.encode()).digest()


def masked(code: str) -> str:
    """What is shown of a code: its end."""
    return f"****{re.sub(r'[^0-9A-Za-z]', '', code)[-4:]}"


async def generate(
    work: Work, codes: Sequence[str], batch: str, worth: tuple[str, int, str], days: int | None, expires: datetime
) -> int:
    """Make vouchers of these codes, worth (ledger unit, atoms, unit shown) each; how many there are now."""
    rows = await work.conn.fetch(q.keep, work.now, batch, *worth, days, expires, [digest_of(code) for code in codes])
    return len(rows)


async def block(work: Work, batch: str) -> int:
    """Block what has not been redeemed of a batch; how many."""
    return len(await work.conn.fetch(q.block, batch))


async def check(work: Work, items: Sequence[Asked]) -> list[Grant | str]:
    """What each code is worth, or why it is not redeemed. Attempts are counted; the vouchers stay locked."""
    policy = (await catalog_of(work)).balances
    rows = await work.conn.fetch(q.accounts, [item.bucket_id for item in items])
    accounts = {row["id"]: row["account_id"] for row in rows}
    attempts = {
        row["account_id"]: [row["failures"], row["locked_until"]]
        for row in await work.conn.fetch(q.lock_attempts, sorted(set(accounts.values())))
    }
    digests = [digest_of(item.code) for item in items]
    found = {row["digest"]: row for row in await work.conn.fetch(q.lock, digests)}
    outcomes: list[Grant | str] = []
    taken: set[bytes] = set()
    for item, digest in zip(items, digests, strict=True):
        attempt = attempts.get(accounts.get(item.bucket_id, ""), [0, None])
        row = found.get(digest)
        if attempt[1] is not None and work.now < attempt[1]:
            outcomes.append("voucherLocked")
        elif row is None or row["status"] != "active" or row["expires_at"] <= work.now or digest in taken:
            locked = attempt[0] + 1 >= policy.voucher_attempts
            attempt[:] = (0, work.now + policy.voucher_lock) if locked else (attempt[0] + 1, None)
            outcomes.append("voucherInvalid")
        else:
            attempt[:] = (0, None)
            taken.add(digest)
            worth = (row["unit"], row["amount"], row["display_unit"], row["validity_days"])
            outcomes.append(Grant(digest, *worth))
    if attempts:
        await work.conn.execute(q.keep_attempts, *columns([(account, *each) for account, each in attempts.items()]))
    return outcomes


async def settle(work: Work, used: Sequence[tuple[bytes, str]]) -> None:
    """The vouchers of (digest, action that redeemed it) are used up."""
    if used:
        await work.conn.execute(q.use, work.now, *columns(used))


async def fail(work: Work, items: Sequence[tuple[str, str, int | None, str]]) -> list[Done | Refused]:
    """Keep a failed top-up for each (bucket, why, amount asked for, body)."""
    rows = await work.conn.fetch(q.accounts, [item[0] for item in items])
    buckets = {row["id"]: row for row in rows}
    results: list[Done | Refused] = []
    kept: list[tuple[Any, ...]] = []
    for bucket_id, why, amount, body in items:
        bucket = buckets.get(bucket_id)
        if bucket is None:
            results.append(Refused("invalid", "unknownBucket", "bucket.id: no such bucket", "bucket.id"))
            continue
        action = new_id(work.now)
        about = (action, "topup", bucket_id, bucket["account_id"], bucket["unit"], amount or 0, "failed", why)
        kept.append((*about, *(None,) * 7, body))
        message = f"voucher: {_REASONS[why]}"
        results.append(Refused("conflict", why, message, "voucher", action, ("create", "failure")))
    if kept:
        await work.conn.execute(transfer.q.keep, work.now, *columns(kept))
    return results


async def main_buckets_of(work: Work, named: Sequence[tuple[str | None, str | None, str | None]]) -> list[str | None]:
    """The main bucket of the account of each (product, device, account) that is named; None where there is none."""
    rows = await work.conn.fetch(q.main_of, work.now, *columns(named)) if named else ()
    found = {row["n"]: row["id"] for row in rows}
    return [found.get(n) for n in range(1, len(named) + 1)]
