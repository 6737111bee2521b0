"""Access tokens and API keys over HTTP: what does not hold is refused, and the server stays up."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from tests.conftest import BALANCE
from tests.identity.conftest import Ground, client, new_key, settings_of
from tests.identity.issuer import AUDIENCE, Issuer

from oxl.app import gate_of
from oxl.clock import system_now
from oxl.db.database import Database
from oxl.identity import jwks, keys
from oxl.identity.gate import Gate

BUCKETS = f"{BALANCE}/bucket"


async def asked(gate: Any, credential: str) -> Any:
    async with client(gate, credential=credential) as http:
        return await http.get(BUCKETS)


async def test_112_no_token_is_a_401_no_role_a_403_and_another_tenants_id_a_404(
    gate: Gate, alpha: Ground, beta: Ground
) -> None:
    async with client(gate) as http:
        answer = await http.get(BUCKETS)
        assert (answer.status_code, answer.json()["code"]) == (401, "notAuthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert answer.json()["status"] == "401"
    reader = await new_key(alpha.tenant, scopes=["TMF635:read"])
    answer = await asked(gate, reader)
    assert (answer.status_code, answer.json()["code"]) == (403, "notAllowed")
    assert 'scope="TMF654.bucket:read"' in answer.headers["www-authenticate"]
    everything = await new_key(alpha.tenant)
    async with client(gate, credential=await new_key(beta.tenant)) as http:
        theirs = (await http.get(BUCKETS)).json()[0]["id"]
    async with client(gate, credential=everything) as http:
        assert (await http.get(f"{BUCKETS}/{theirs}")).status_code == 404


async def test_tokens_of_every_algorithm_are_taken(gate: Gate, alpha: Ground, issuer: Issuer) -> None:
    for key, algorithm in (("rsa", "RS256"), ("rsa", "PS256"), ("ec", "ES256"), ("ed", "Ed25519")):
        answer = await asked(gate, issuer.token(key, algorithm, tenant=alpha.tenant.name))
        assert answer.status_code == 200, (algorithm, answer.text)


def changed(token: str, **claims: Any) -> str:
    """The token with other claims under the old signature."""
    head, body, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "==")) | claims
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b'=').decode()}.{signature}"


BAD = {
    "unsigned": lambda i, t: i.unsigned(tenant=t),
    "confused with HMAC": lambda i, t: i.confused(tenant=t),
    "expired": lambda i, t: i.token(tenant=t, exp=int(time.time()) - 60),
    "never expires": lambda i, t: i.token(tenant=t, exp=None),
    "expires in words": lambda i, t: i.token(tenant=t, exp="tomorrow"),
    "of the future": lambda i, t: i.token(tenant=t, iat=int(time.time()) + 600),
    "not valid yet": lambda i, t: i.token(tenant=t, nbf=int(time.time()) + 600),
    "without time of issue": lambda i, t: i.token(tenant=t, iat=None),
    "without audience": lambda i, t: i.token(tenant=t, aud=None),
    "for another audience": lambda i, t: i.token(tenant=t, aud="shop"),
    "for other audiences": lambda i, t: i.token(tenant=t, aud=["shop", "bank"]),
    "without subject": lambda i, t: i.token(tenant=t, sub=None),
    "of another issuer": lambda i, t: i.token(tenant=t, iss="https://elsewhere.example"),
    "without issuer": lambda i, t: i.token(tenant=t, iss=None),
    "of an unknown key": lambda i, t: i.token(header={"kid": "gone"}, tenant=t),
    "of no key among several": lambda i, t: i.token(header={"kid": None}, tenant=t),
    "of another kind of key": lambda i, t: i.token(header={"kid": "ec"}, tenant=t),
    "an id token": lambda i, t: i.token(header={"typ": "id_token"}, tenant=t),
    "with demands": lambda i, t: i.demanding(tenant=t),
    "changed": lambda i, t: changed(i.token(tenant=t), sub="bob"),
    "without tenant": lambda i, _: i.token(),
    "of a tenant that is none": lambda i, _: i.token(tenant="nowhere"),
    "of a tenant in a list": lambda i, t: i.token(tenant=[t]),
    "without role": lambda i, t: i.token(tenant=t, role=None),
    "of an unknown role": lambda i, t: i.token(tenant=t, role="emperor"),
    "a subscriber's without party": lambda i, t: i.token(tenant=t, role="subscriber"),
    "no token": lambda *_: "a.b.c",
    "two parts": lambda *_: "a.b",
    "far too long": lambda i, t: i.token(tenant=t, more="x" * 9000),
    "not ASCII": lambda *_: "\u00e9.\u00e9.\u00e9",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda name: name.replace(" ", "-"))
async def test_113_a_token_that_does_not_hold_is_refused(bad: str, gate: Gate, alpha: Ground, issuer: Issuer) -> None:
    token = BAD[bad](issuer, alpha.tenant.name)
    async with client(gate) as http:
        answer = await http.get(BUCKETS, headers={"Authorization": f"Bearer {token}".encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "notAuthenticated"), answer.text
    assert (await asked(gate, issuer.token(tenant=alpha.tenant.name))).status_code == 200


async def test_keys_are_changed_without_telling_us(
    database: Database, alpha: Ground, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of(settings_of(database, issuers=issuer.url, audience=AUDIENCE), database)
    assert (await asked(gate, issuer.token(tenant=alpha.tenant.name))).status_code == 200
    asked_before = issuer.asked
    issuer.keys["next"] = RSAKey.generate_key(2048, {"kid": "next"})
    try:
        token = issuer.token("next", header={"kid": "next"}, tenant=alpha.tenant.name)
        for _ in range(5):  # a stranger's key ids do not make us call out again and again
            assert (await asked(gate, token)).status_code == 401
        assert issuer.asked == asked_before
        monkeypatch.setattr(jwks, "AGAIN", 0.0)
        assert (await asked(gate, token)).status_code == 200
    finally:
        del issuer.keys["next"]


async def test_an_issuer_that_is_down_refuses_strangers_and_keeps_friends(
    database: Database, alpha: Ground, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(database, issuers=issuer.url, audience=AUDIENCE)
    known, fresh = gate_of(settings, database), gate_of(settings, database)
    monkeypatch.setattr(jwks, "AGAIN", 0.0)
    assert (await asked(known, issuer.token(tenant=alpha.tenant.name))).status_code == 200
    issuer.up = False
    try:
        answer = await asked(fresh, issuer.token(tenant=alpha.tenant.name))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert (await asked(fresh, await new_key(alpha.tenant))).status_code == 200
        monkeypatch.setattr(jwks, "FRESH", 0.0)
        assert (await asked(known, issuer.token(tenant=alpha.tenant.name, sub="bob"))).status_code == 200
        with monkeypatch.context() as later:
            later.setattr(jwks, "KEPT", 0.0)
            assert (await asked(known, issuer.token(tenant=alpha.tenant.name, sub="eve"))).status_code == 503
    finally:
        issuer.up = True
    assert (await asked(fresh, issuer.token(tenant=alpha.tenant.name))).status_code == 200


async def test_an_issuer_speaks_only_for_the_tenant_that_it_is_bound_to(
    database: Database, alpha: Ground, beta: Ground, issuer: Issuer
) -> None:
    issuers = f"{issuer.url}={alpha.tenant.name}"
    gate = gate_of(settings_of(database, issuers=issuers, audience=AUDIENCE), database)
    assert (await asked(gate, issuer.token())).status_code == 200
    assert (await asked(gate, issuer.token(tenant=alpha.tenant.name))).status_code == 200
    assert (await asked(gate, issuer.token(tenant=beta.tenant.name))).status_code == 401


async def test_roles_are_found_where_the_provider_nests_them(database: Database, alpha: Ground, issuer: Issuer) -> None:
    more = {"issuers": issuer.url, "audience": AUDIENCE, "role_claim": "realm_access.roles"}
    gate = gate_of(settings_of(database, **more), database)
    nested = {"tenant": alpha.tenant.name, "realm_access": {"roles": ["offline_access", "partner"]}}
    async with client(gate, credential=issuer.token(**nested)) as http:
        assert (await http.get(BUCKETS)).status_code == 200
        assert (await http.get("/oxl/v1/subscriber")).status_code == 403
    assert (await asked(gate, issuer.token(tenant=alpha.tenant.name))).status_code == 401


async def test_a_token_lasts_no_longer_than_it_says_though_it_is_remembered(
    gate: Gate, alpha: Ground, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token(tenant=alpha.tenant.name, exp=int(time.time()) + 600)
    assert (await asked(gate, token)).status_code == 200
    later = system_now() + timedelta(seconds=640)
    monkeypatch.setattr("oxl.identity.gate.system_now", lambda: later)
    assert (await asked(gate, token)).status_code == 401


async def test_keys_are_refused_when_wrong_expired_or_revoked(
    database: Database, alpha: Ground, beta: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oxl.identity.gate.KEY_SECONDS", 0.0)
    gate = gate_of(settings_of(database), database)
    good = await new_key(alpha.tenant)
    assert (await asked(gate, good)).status_code == 200
    key = keys.read(good)
    assert key is not None
    other = keys.read(await new_key(alpha.tenant))
    assert other is not None
    wrong = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        f"oxl.{key.tenant}.{key.id}.{other.secret}",
        f"oxl.{beta.tenant.name}.{key.id}.{key.secret}",
        f"oxl.nowhere.{key.id}.{key.secret}",
        f"oxl.{key.tenant}.{key.id}.",
        good.upper(),
        "oxl",
    ]
    for text in wrong:
        assert (await asked(gate, text)).status_code == 401, text
    past = system_now() - timedelta(days=2)
    assert (await asked(gate, await new_key(alpha.tenant, now=past))).status_code == 401
    async with alpha.tenant.connection() as conn:
        stored = await conn.fetchrow("select * from api_key where id = $1", key.id)
        assert key.secret not in str(dict(stored))
        assert await keys.revoke(conn, key.id, system_now())
        assert not await keys.revoke(conn, key.id, system_now())
    assert (await asked(gate, good)).status_code == 401


async def test_a_key_may_come_in_a_header_of_its_own(gate: Gate, alpha: Ground) -> None:
    key = await new_key(alpha.tenant)
    async with client(gate, ("X-API-Key", key)) as http:
        assert (await http.get(BUCKETS)).status_code == 200
    async with client(gate, ("Authorization", f"Basic {key}")) as http:
        assert (await http.get(BUCKETS)).status_code == 401


@pytest.mark.parametrize(
    ("role", "more"),
    [
        ("emperor", {}),
        ("subscriber", {}),
        ("operator", {"scopes": ["everything"]}),
        ("operator", {"rate": 0}),
        ("operator", {"expires_at": system_now() - timedelta(days=1)}),
    ],
)
async def test_a_key_that_could_not_be_used_is_not_made(alpha: Ground, role: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        await new_key(alpha.tenant, role, **more)
    with pytest.raises(ValueError):
        await new_key(alpha.tenant, "subscriber", "nobody")
