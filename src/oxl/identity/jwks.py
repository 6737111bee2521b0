"""The public keys of token issuers, found by their discovery documents: fetched when needed, kept while they hold.

A key that is not known has the set fetched again, so that keys may be changed without telling us, but not more often
than every half minute: a stranger's tokens must not make us call out. What was fetched is used for a day where the
issuer cannot be reached.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

log = logging.getLogger("oxl.identity")
AGAIN = 30.0  # seconds between two fetches of a set
FRESH = 3600.0  # seconds after which a set is fetched anew
KEPT = 86_400.0  # seconds that a set is used where it cannot be fetched anew
MOST = 262_144  # bytes of a document
_SECONDS = 5.0
_LEAST_RSA = 2048  # bits
PublicKey = RSAKey | ECKey | OKPKey


class UnknownKey(LookupError):  # noqa: N818 – named for what it says
    """The issuer has no such key."""


class JwksAbsent(OSError):  # noqa: N818 – named for what it says
    """The issuer's keys cannot be had, and none are kept."""


class _Held:
    """What is known of one issuer's keys."""

    def __init__(self) -> None:
        self.keys: list[PublicKey] = []
        self.fetched = float("-inf")
        self.tried = float("-inf")
        self.lock = asyncio.Lock()


class KeySets:
    """The keys of the issuers that may be asked for theirs."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    async def key(self, issuer: str, kid: Any, kty: str, algorithm: str) -> PublicKey:
        """The key that a token says it is signed with; UnknownKey or JwksAbsent where there is none."""
        held = self._held.setdefault(issuer, _Held())
        found = _pick(held.keys, kid, kty, algorithm)
        if found is None or time.monotonic() - held.fetched > FRESH:
            await self._refresh(issuer, held)
            found = _pick(held.keys, kid, kty, algorithm)
        if time.monotonic() - held.fetched > KEPT:
            raise JwksAbsent(issuer)
        if found is None:
            raise UnknownKey(str(kid)[:60])
        return found

    async def _refresh(self, issuer: str, held: _Held) -> None:
        async with held.lock:
            if time.monotonic() - held.tried < AGAIN:
                return
            held.tried = time.monotonic()
            try:
                held.keys = _usable(await _fetch_keys(issuer))
                held.fetched = time.monotonic()
            except (OSError, ValueError, JoseError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("the keys of %s cannot be had: %s", issuer, error)


def _pick(keys: list[PublicKey], kid: Any, kty: str, algorithm: str) -> PublicKey | None:
    """The one key that can be meant: by its id, or where the token names none, the only one of that kind."""
    fit = [key for key in keys if key.key_type == kty and key.alg in (None, algorithm)]
    if kid is None:
        return fit[0] if len(fit) == 1 else None
    return next((key for key in fit if key.kid == kid), None)


def _usable(document: dict[str, Any]) -> list[PublicKey]:
    """The signing keys of a set; those of kinds that are not known here are passed over, as their standard asks."""
    found: list[PublicKey] = []
    for each in document.get("keys", ()):
        try:
            key = KeySet.import_key_set({"keys": [each]}).keys[0]
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if not isinstance(key, (RSAKey, ECKey, OKPKey)) or key.is_private or key.get("use", "sig") != "sig":
            continue
        if not isinstance(key, RSAKey) or key.public_key.key_size >= _LEAST_RSA:
            found.append(key)
    return found


async def _fetch_keys(issuer: str) -> dict[str, Any]:
    async with aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
        told = await _document(session, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != issuer:
            raise ValueError("its discovery document is another issuer's")
        address = str(told.get("jwks_uri"))
        if urlsplit(address).scheme != "https" and urlsplit(address).hostname != urlsplit(issuer).hostname:
            raise ValueError("its keys are not behind https")
        return await _document(session, address)


async def _document(session: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    async with session.get(address, allow_redirects=False) as answer:
        if answer.status != 200:
            raise OSError(f"{address} answers {answer.status}")
        parts, left = [], MOST + 1
        while left and (part := await answer.content.read(left)):
            parts.append(part)
            left -= len(part)
        if not left:
            raise ValueError(f"{address} is too long")
        return msgspec.json.decode(b"".join(parts), type=dict[str, Any])
