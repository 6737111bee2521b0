"""Every setting of OXL: one table, read from the environment (OXL_<NAME>) and overridden by command-line options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, with their defaults; each name in capitals after OXL_ is its environment variable."""

    data: Path = Path(".oxl")  # folder of the embedded PostgreSQL and its secrets
    database_url: str = ""  # an external PostgreSQL, as an owner who may create roles; empty: embedded
    cells: str = ""  # further databases in which tenants live, as owners, by blank; `oxl tenant move` moves them
    host: str = "127.0.0.1"  # address to listen at
    port: int = 8080  # port to listen at
    workers: int = 1  # server processes
    tenant: str = "default"  # the tenant that is served where nothing names another, or worked in
    language: str = "en"  # of the names of amounts in consumption reports: en, de, fr …
    public_url: str = ""  # prefix of href and Location, such as https://api.example; empty: path only
    callback_allow: str = ""  # networks and hosts that event callbacks may lead to besides public ones, by comma
    broker: str = ""  # that carries every event on besides the hub: nats://host:4222/OXL or kafka://host:9092/oxl
    auth: Literal["dev", "required"] = "dev"  # dev: who comes is an operator, on loopback only; required: keys, tokens
    hosts: str = ""  # tenants by host name, host=tenant by comma; others are told by key or token
    issuers: str = ""  # issuers of access tokens by comma, each alone or as issuer=tenant where it speaks for one only
    audience: str = ""  # what an access token's aud must hold
    algorithms: str = "RS256,PS256,ES256,Ed25519"  # that access tokens may be signed with
    tenant_claim: str = "tenant"  # the claims of a token that name tenant, role and party, dotted where they are nested
    role_claim: str = "role"  # operator, partner or subscriber
    party_claim: str = "party"  # whose it is: no other's is seen
    tls_cert: str = ""  # file of the server's certificate, and of its key below; empty: plain HTTP
    tls_key: str = ""  # file of the key
    behind_proxy: bool = False  # a proxy in front ends TLS, so that plain HTTP may be listened to beyond loopback
    tenants: int = 32  # tenants that a process has open at a time
    inflight: int = 512  # requests that a process answers at a time; more are refused with 503
    rate: int = 500  # requests a second of one caller and process; more are refused with 429
    client_seconds: int = 10  # how long a client may send or take nothing
    statement_seconds: int = 30  # how long a statement of a request may take; 0: as long as it wants
    metrics_open: bool = False  # /metrics for everybody; else for operators, where keys or tokens are required
    log: Literal["text", "json"] = "text"  # log lines for people; or JSON with a line for each request
    drain_seconds: int = 0  # how long a server that is told to stop says so at /health/ready before it does
    connections: int = 8  # PostgreSQL connections per process and tenant
    max_body: int = 1_048_576  # bytes of one request body
    strict: str = ""  # APIs that refuse what others fill in or leave out: TMF635,TMF654, or all
    key_days: int = 7  # how long the answer to an Idempotency-Key is kept
    default_limit: int = 1000  # length of an un-paged list, and the cap of limit=
    count_cap: int = 10_000  # matches that a list counts one by one; above it X-Total-Count is an estimate
    partial_status: Literal[206, 200] = 206  # status of a page that is not the whole list
    exports: str = ""  # folder of export files, which servers and workers share; empty: exports, in the data folder
    export_allow: str = ""  # addresses that export files may be sent below, by comma, each with a / at its end
    imports: str = ""  # folder that the worker watches for usage files; empty: none
    validate_responses: bool = False  # hold every answer against the published contract: 500 where one does not fit


def read_settings(**overrides: object) -> Settings:
    """Settings from the environment, then from `overrides` that are not None; a bad value raises ValueError by name."""
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        variable = f"OXL_{field.name.upper()}"
        if variable in os.environ:
            values[field.name] = os.environ[variable]
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        texts = {name: str(value) for name, value in values.items()}
        return msgspec.convert(texts, Settings, strict=False, dec_hook=lambda to, text: to(text))
    except msgspec.ValidationError as error:
        raise ValueError(f"setting {error}") from None
