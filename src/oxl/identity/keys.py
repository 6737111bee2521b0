"""API keys: `oxl.<tenant>.<id>.<secret>`. Kept in the tenant's own schema as a hash; the secret is shown once.

The secret has 256 bits, so a plain SHA-256 is as good as a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from oxl.db.queries import load
from oxl.identity.scopes import ROLES, Role, is_scope
from oxl.identity.who import Who, locked_role
from oxl.values import new_id

q = load("oxl.identity", "identity.sql")
_FORM = re.compile(r"oxl\.([a-z][a-z0-9_]{0,39})\.([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Key(NamedTuple):
    """A key's text, taken apart."""

    tenant: str
    id: str
    secret: str


def read(text: str) -> Key | None:
    """A key by its text, or None when it is no key's."""
    match = _FORM.fullmatch(text)
    return Key(*match.groups()) if match else None


async def create(
    conn: Any,
    tenant: str,
    *,
    name: str,
    role: Role,
    scopes: Sequence[str] | None,
    parties: Sequence[str],
    now: datetime,
    expires_at: datetime,
    rate: int | None = None,
) -> str:
    """A new key, as its text, which nobody can read again; ValueError where it could not be used."""
    if role not in ROLES:
        raise ValueError(f"role {role!r}: must be one of {', '.join(ROLES)}")
    if bad := [scope for scope in scopes or () if not is_scope(scope)]:
        raise ValueError(f"scope {bad[0]!r}: must be <api>[.<resource>]:<verb>, such as TMF654:read")
    if locked_role(role, tuple(parties)):
        raise ValueError("a subscriber's key names the party whose it is: --party")
    if expires_at <= now:
        raise ValueError("a key expires in the future")
    if rate is not None and rate < 1:
        raise ValueError("a key's rate is at least one request a second")
    known = {row["id"] for row in await conn.fetch(q.known_parties, list(parties))}
    if unknown := [party for party in parties if party not in known]:
        raise ValueError(f"there is no party {unknown[0]!r} in this tenant")
    key_id, secret = new_id(now), secrets.token_urlsafe(32)
    given = None if scopes is None else list(scopes)
    await conn.execute(q.keep_key, key_id, _hash(secret), name, role, given, list(parties), rate, now, expires_at)
    return f"oxl.{tenant}.{key_id}.{secret}"


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def find(conn: Any, key: Key, now: datetime) -> Who | None:
    """Whose a key is; None when there is none such, or it has expired, or was revoked."""
    row = await conn.fetchrow(q.find_key, key.id)
    held = row["hash"] if row else bytes(32)
    if not hmac.compare_digest(held, _hash(key.secret)) or row is None:
        return None
    if row["revoked_at"] is not None or row["expires_at"] <= now:
        return None
    scopes = None if row["scopes"] is None else tuple(row["scopes"])
    return Who(
        tenant=key.tenant,
        name=f"key:{key.id}",
        role=row["role"],
        scopes=scopes,
        parties=tuple(row["parties"]),
        rate=row["rate"],
    )


async def listed(conn: Any) -> list[Any]:
    """Every key without its hash, the newest first."""
    return await conn.fetch(q.keys)


async def revoke(conn: Any, key_id: str, now: datetime) -> bool:
    """Let a key open nothing any more; False when there is none of that id that did."""
    return await conn.fetchval(q.revoke_key, key_id, now) is not None


async def is_known(conn: Any, party: str) -> bool:
    """Whether there is such a party."""
    return bool(await conn.fetch(q.known_parties, [party]))


async def owned(conn: Any, parties: Sequence[str]) -> tuple[str, ...]:
    """The accounts of parties."""
    return tuple(row["id"] for row in await conn.fetch(q.accounts_of, list(parties)))


async def forget(conn: Any, party: str, now: datetime) -> int:
    """Revoke the keys of a party that is erased, and forget their names; how many there were."""
    return len(await conn.fetch(q.forget_party, party, now))
