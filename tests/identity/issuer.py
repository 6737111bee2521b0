"""An issuer of access tokens for tests: discovery and keys over HTTP on loopback, and tokens of every kind."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

AUDIENCE = "oxl"


class Issuer:
    """Serves its keys, and signs."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.up = True
        self.keys: dict[str, Any] = {
            "rsa": RSAKey.generate_key(2048, {"kid": "rsa"}),
            "old": RSAKey.generate_key(2048, {"kid": "old"}),
            "ec": ECKey.generate_key("P-256", {"kid": "ec"}),
            "ed": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
        }

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 300, "role": "operator"} | more

    def token(self, key: str = "rsa", alg: str = "RS256", header: dict[str, Any] | None = None, **more: Any) -> str:
        claims = {name: value for name, value in self.claims(**more).items() if value is not None}
        told = {name: value for name, value in ({"alg": alg, "kid": key} | (header or {})).items() if value is not None}
        return jwt.encode(told, claims, self.keys[key], algorithms=[alg])

    def signed_by(self, header: dict[str, Any], sign: Callable[[bytes], bytes], **more: Any) -> str:
        """A token with any header, signed by hand."""
        parts = (header, self.claims(**more))
        told = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        return (told + b"." + base64.urlsafe_b64encode(sign(told)).rstrip(b"=")).decode()

    def unsigned(self, **more: Any) -> str:
        return self.signed_by({"alg": "none", "typ": "JWT"}, lambda _: b"", **more)

    def confused(self, **more: Any) -> str:
        """Signed by HMAC with the text of the public RSA key as its secret."""
        secret = self.keys["rsa"].as_pem(private=False)
        head = {"alg": "HS256", "kid": "rsa"}
        return self.signed_by(head, lambda told: hmac.digest(secret, told, "sha256"), **more)

    def demanding(self, **more: Any) -> str:
        """With a header that must be understood, well signed."""
        key = self.keys["rsa"].private_key
        head = {"alg": "RS256", "kid": "rsa", "crit": ["odd"], "odd": 1}
        return self.signed_by(head, lambda told: key.sign(told, padding.PKCS1v15(), hashes.SHA256()), **more)

    async def _discovery(self, _: web.Request) -> web.Response:
        self.asked += 1
        if not self.up:
            return web.Response(status=500)
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys.values()]})


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that serves."""
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer._discovery)
    app.router.add_get("/keys", issuer._keys)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
