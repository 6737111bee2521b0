"""Access tokens (JWT, RFC 9068 and what providers of OpenID Connect give): from the text to who it speaks for.

Every claim that matters is demanded: libraries let a token without exp or aud pass when nobody asks for them. The
issuer is read before the signature is, but only to find the keys that it is then held against, and it is held again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError

from oxl.identity.jwks import JwksAbsent, KeySets, UnknownKey
from oxl.identity.scopes import ROLES, Role, is_scope
from oxl.identity.who import Who, locked_role, refused
from oxl.kernel.problem import Problem

MAX_TOKEN = 8192  # characters
LEEWAY = 30  # seconds that clocks may differ by
REMEMBERED = 60.0  # seconds that a token that held is not looked at again
_MOST_REMEMBERED = 10_000
_TYPES = ("jwt", "at+jwt", "application/at+jwt")
_KTY = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
# Never one with a shared secret: a public key could be taken for it.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


class Reading(NamedTuple):
    """How tokens are read. issuers: each with the tenant that it alone speaks for, or none: then a claim names it."""

    issuers: Mapping[str, str]
    audience: str
    algorithms: tuple[str, ...]
    tenant_claim: str
    role_claim: str
    party_claim: str


def issuers_of(text: str) -> dict[str, str]:
    """The issuers of a setting, `issuer` or `issuer=tenant` by comma; ValueError for what is none."""
    found: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        issuer, _, tenant = entry.partition("=")
        parts = urlsplit(issuer)
        if not parts.hostname or (parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost")):
            raise ValueError(f"setting issuers: {issuer!r} is no https address")
        if issuer in found:
            raise ValueError(f"setting issuers: {issuer!r} is there twice")
        found[issuer] = tenant
    return found


class Tokens:
    """Reads tokens by the keys of their issuers, and remembers those that held for a minute at most."""

    def __init__(self, reading: Reading, keys: KeySets) -> None:
        self._reading = reading
        self._keys = keys
        self._known: dict[bytes, tuple[Who, float]] = {}

    async def who(self, token: str, now: datetime) -> Who:
        """Who a token speaks for; Problem 401 where it does not hold, 503 where nobody can say."""
        digest, at = hashlib.sha256(token.encode()).digest(), now.timestamp()
        known = self._known.get(digest)
        if known and at < known[1]:
            return known[0]
        claims = await self._claims(token, at)
        who = self._who(claims)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = (who, min(at + REMEMBERED, float(claims["exp"])))
        return who

    async def _claims(self, token: str, at: float) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise refused("the token is too long")
        try:
            taken = jws.extract_compact(token.encode())
            header, told = taken.headers(), msgspec.json.decode(taken.payload, type=dict[str, Any])
        except (JoseError, ValueError, TypeError, msgspec.DecodeError):
            raise refused("it is no token") from None
        issuer, algorithm = told.get("iss"), header.get("alg")
        if not isinstance(issuer, str) or issuer not in self._reading.issuers:
            raise refused("its issuer is not known here")
        if algorithm not in self._reading.algorithms:
            raise refused("its algorithm is not taken here")
        if "crit" in header or str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise refused("it is no access token")
        try:
            key = await self._keys.key(issuer, header.get("kid"), _KTY[str(algorithm)[:2]], str(algorithm))
        except UnknownKey:
            raise refused("its key is not known") from None
        except JwksAbsent:
            text = "the keys of the token's issuer cannot be had; try again"
            raise Problem(503, "unavailable", text, (("Retry-After", "5"),)) from None
        try:
            claims = jwt.decode(token, key, algorithms=[str(algorithm)]).claims
            self._registry(issuer, at).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise refused(getattr(error, "error", "") or "it does not hold") from None
        return claims

    def _registry(self, issuer: str, at: float) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(at),
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self._reading.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    def _who(self, claims: Mapping[str, Any]) -> Who:
        reading = self._reading
        said, subject = str(claims["iss"]), claims["sub"]
        bound, claimed = reading.issuers[said], _at(claims, reading.tenant_claim)
        tenant = bound or claimed
        if not isinstance(tenant, str) or not tenant or (bound and claimed not in (None, bound)):
            raise refused("it names no tenant that its issuer speaks for")
        if not isinstance(subject, str) or not subject:
            raise refused("its subject is no text")
        role = _role(_at(claims, reading.role_claim))
        parties = _texts(_at(claims, reading.party_claim))
        if role is None or locked_role(role, parties):
            raise refused("it gives no role here, or a subscriber's without a party")
        return Who(tenant=tenant, name=f"{said}#{subject}", role=role, scopes=_scopes(claims), parties=parties)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a dotted path, as some providers nest them."""
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each)


def _role(value: Any) -> Role | None:
    """The first of the roles that a claim gives; a provider may give others, which mean nothing here."""
    given = _texts(value)
    return next((role for role in ROLES if role in given), None)


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Those of the token's scopes that are OXL's; None where it has none of these, so that its role decides."""
    given: Sequence[str] = _texts(claims.get("scp"))
    text = claims.get("scope")
    given = [*given, *(text.split() if isinstance(text, str) else _texts(text))]
    return tuple(each for each in given if is_scope(each)) or None
