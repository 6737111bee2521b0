"""Every setting of OXL: one table, read from a file and the environment, overridden by command-line options.

Each has its name in a file (`port = 8080`) and the same in capitals in the environment (`OXL_PORT=8080`). What counts:
an option, then the environment, then the file, then the default. docs/reference/settings.md is made of this table.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

FILE = "oxl.toml"  # read from the working folder where OXL_CONFIG names no other


def _is(text: str, least: int | None = None, most: int | None = None) -> msgspec.Meta:
    return msgspec.Meta(description=text, ge=least, le=most)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, with their defaults and what they are."""

    data: Annotated[Path, _is("folder of the embedded PostgreSQL, its log and its password")] = Path(".oxl")
    database_url: Annotated[
        str, _is("an external PostgreSQL, 15 or newer, as an owner who may create roles; empty: the embedded one")
    ] = ""
    cells: Annotated[
        str,
        _is(
            "further databases in which tenants live, as `OXL_DATABASE_URL`, separated by blanks; in a file a list"
            " ([deployment](../guides/deploy.md#cells))"
        ),
    ] = ""
    host: Annotated[str, _is("address that the server listens at")] = "127.0.0.1"
    port: Annotated[int, _is("port that the server listens at", 1, 65535)] = 8080
    workers: Annotated[int, _is("server processes", 1)] = 1
    tenant: Annotated[str, _is("the tenant that is served where nothing names another; `oxl migrate` makes it")] = (
        "default"
    )
    language: Annotated[
        str,
        _is(
            "in which amounts are named in consumption reports: `cs` `da` `de` `en` `es` `fi` `fr` `it` `nl` `pl` `pt`"
            " `sv` `tr`, also with a region such as `de-AT`"
        ),
    ] = "en"
    public_url: Annotated[
        str,
        _is("prefix of every `href` and `Location`, such as `https://api.example`; empty: what `oxl serve` listens at"),
    ] = ""
    callback_allow: Annotated[
        str,
        _is(
            "networks (`10.0.0.0/8`) and hosts (`hooks.example`, `.cluster.local`) that event callbacks may lead to"
            " besides public ones, by comma; a server on loopback also calls loopback"
        ),
    ] = ""
    broker: Annotated[
        str,
        _is(
            "a broker that carries every event on besides the hub: `nats://host:4222/OXL` or `kafka://host:9092/oxl`,"
            " several hosts by comma ([events](events.md))"
        ),
    ] = ""
    auth: Annotated[
        Literal["dev", "required"],
        _is(
            "`dev`: whoever comes is an operator, which starts on loopback only; `required`: keys or access tokens"
            " ([identity](identity.md))"
        ),
    ] = "dev"
    hosts: Annotated[str, _is("tenants by host name, `host=tenant` by comma; elsewhere the key or token tells")] = ""
    issuers: Annotated[
        str,
        _is("issuers of access tokens by comma, each alone or as `issuer=tenant` where it speaks for one tenant only"),
    ] = ""
    audience: Annotated[str, _is("what the `aud` of an access token must hold; demanded where there are issuers")] = ""
    algorithms: Annotated[
        str, _is("algorithms that access tokens may be signed with; none with a shared secret can be")
    ] = "RS256,PS256,ES256,Ed25519"
    tenant_claim: Annotated[str, _is("claim that names the tenant; dotted where it is nested")] = "tenant"
    role_claim: Annotated[
        str, _is("claim that holds operator, partner or subscriber, such as `realm_access.roles`")
    ] = "role"
    party_claim: Annotated[str, _is("claim that names the party or parties whose the token is")] = "party"
    tls_cert: Annotated[str, _is("file of the server's certificate (PEM); empty: plain HTTP")] = ""
    tls_key: Annotated[str, _is("file of its key (PEM)")] = ""
    behind_proxy: Annotated[
        bool, _is("a proxy in front ends TLS: plain HTTP may then be listened to beyond loopback")
    ] = False
    tenants: Annotated[int, _is("tenants that a server process has open at a time", 1)] = 32
    inflight: Annotated[int, _is("requests that a server process answers at a time; more are refused with 503", 1)] = 64
    rate: Annotated[int, _is("requests a second of one caller in one server process; more are refused with 429", 1)] = (
        500
    )
    client_seconds: Annotated[
        int,
        _is("how long a client may send or take nothing before it is given up; a body has three times that in all", 1),
    ] = 10
    statement_seconds: Annotated[
        int, _is("how long a statement of a request may take; `0`: as long as it wants", 0)
    ] = 30
    metrics_open: Annotated[
        bool, _is("`/metrics` for everybody; else for operators, where keys or tokens are required")
    ] = False
    log: Annotated[
        Literal["text", "json"],
        _is("log lines for people, or `json` for programs, with a line for each request ([operations](operations.md))"),
    ] = "text"
    drain_seconds: Annotated[
        int, _is("how long a server that is told to stop says so at `/health/ready` before it does", 0)
    ] = 0
    connections: Annotated[int, _is("PostgreSQL connections for each process and tenant, at most", 1)] = 8
    max_body: Annotated[int, _is("bytes of one request body, at most; more is refused with 413", 1)] = 1_048_576
    strict: Annotated[
        str,
        _is("APIs, by number or name and separated by commas, that refuse what the others fill in, leave out or keep;"
            " or `all`"),
    ] = ""  # fmt: skip
    key_days: Annotated[
        int, _is("days that the answer to an `Idempotency-Key` is kept; then the key is forgotten", 1)
    ] = 7
    event_days: Annotated[
        int,
        _is("days that an event is kept when all listeners have passed it; `0`: for ever ([why](operations.md))", 0),
    ] = 90
    delivery_days: Annotated[int, _is("days that the log of deliveries is kept; `0`: for ever", 0)] = 30
    usage_days: Annotated[int, _is("days that a usage is kept that no bill needs, 62 at least; `0`: for ever", 0)] = 0
    audit_days: Annotated[int, _is("days that the audit is kept; `0`: for ever", 0)] = 0
    default_limit: Annotated[int, _is("length of a list that is not paged, and the most that `limit` gives", 1)] = 1000
    count_cap: Annotated[
        int,
        _is("matches that a list counts one by one; above it `X-Total-Count` is an estimate, and"
            " `X-Total-Count-Estimated: true` says so", 1),
    ] = 10_000  # fmt: skip
    partial_status: Annotated[
        Literal[206, 200],
        _is("status of a page that is not the whole list: 206, or 200 for clients that take no other"),
    ] = 206
    exports: Annotated[
        str, _is("folder of export files, shared by servers and workers; empty: `exports` in the data folder")
    ] = ""
    export_allow: Annotated[
        str,
        _is("addresses that export files may be sent below, by comma and each ending in `/`:"
            " `https://files.example/in/`, `s3://bucket/usage/`"),
    ] = ""  # fmt: skip
    imports: Annotated[str, _is("folder that the worker watches for usage files; empty: none ([files](files.md))")] = ""
    validate_responses: Annotated[
        bool,
        _is("`1`: every answer is held against the published contract, and is a 500 where it does not fit; for tests"),
    ] = False


# What only the environment says: of the embedded database, and of commands that ask a server.
BESIDE = {
    "OXL_CONFIG": ("", "a file of settings; empty: `oxl.toml` in the working folder, where there is one"),
    "OXL_LINGER": ("3", "seconds that the embedded server stays after the last process that used it"),
    "OXL_STORE": (
        "/var/lib/oxl",
        "where its cluster lives when OXL runs as root and the server's own user cannot reach the data folder",
    ),
    "OXL_PG_…": ("", "any setting of its server: `OXL_PG_SHARED_BUFFERS=2GB` sets `shared_buffers`"),
    "OXL_KEY": ("", "an API key or access token, for commands that ask a server over HTTP"),
    "OXL_CERTIFY_TOKEN": ("", "the same for the server that `oxl certify` looks at"),
    "PGBIN": ("", "folder of the PostgreSQL programs to use, instead of those that are found"),
}
# No misspelling: the embedded server's own, those of tests and benches, the password that a file of deploy/ puts
# into the database's address, and what Kubernetes tells of a service called oxl.
_OTHERS = re.compile(
    r"OXL_((PG|BENCH)_\w+|AGREE|PRISM|SPECS|DB_PASSWORD|(\w+_)?SERVICE_(HOST|PORT\w*)|(\w+_)?PORT_\d+_\w+)"
)


class Said(NamedTuple):
    """What one place says of a setting."""

    name: str
    value: Any
    place: str  # for people: the variable, the file and its key, the option


def read_settings(**overrides: object) -> Settings:
    """The settings, `overrides` that are not None over the environment over the file.

    ValueError names every key that is not known or whose value cannot be, and where it stands.
    """
    return settings_with_places(**overrides)[0]


def settings_with_places(**overrides: object) -> tuple[Settings, dict[str, str]]:
    """The settings, and where each was said that has not its default."""
    said: dict[str, Said] = {}
    faults: list[str] = []
    options = [Said(name, value, f"--{name}") for name, value in overrides.items() if value is not None]
    for each in (*_of_file(faults), *_of_environment(faults), *options):
        said[each.name] = each
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        if name in said:
            try:
                values[name] = msgspec.convert(_text(said[name].value), kind, strict=False, dec_hook=_made)
            except (msgspec.ValidationError, TypeError):
                faults.append(f"{said[name].place} is {said[name].value!r}, but must be {_wanted(kind)}")
    if faults:
        raise ValueError("; ".join(f"setting {fault}" for fault in faults))
    return Settings(**values), {name: each.place for name, each in said.items()}


def _of_file(faults: list[str]) -> Iterator[Said]:
    named = os.environ.get("OXL_CONFIG", "")
    path = Path(named or FILE)
    if not named and not path.is_file():
        return
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        faults.append(f"file {path}: {getattr(error, 'strerror', None) or error}")
        return
    known = Settings.__struct_fields__
    for name, value in found.items():
        if name in known:
            yield Said(name, value, f"{name} in {path}")
        else:
            faults.append(f"{name} in {path} is not known{_meant(name, known)}")


def _of_environment(faults: list[str]) -> Iterator[Said]:
    known = {f"OXL_{name.upper()}": name for name in Settings.__struct_fields__}
    for variable, value in os.environ.items():
        if variable in known:
            yield Said(known[variable], value, variable)
        elif variable.startswith("OXL_") and variable not in BESIDE and not _OTHERS.fullmatch(variable):
            faults.append(f"{variable} is not known{_meant(variable, [*known, *BESIDE])}")


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.7)
    return f"; is {close[0]} meant?" if close else " (`oxl settings` shows those that are)"


def _text(value: Any) -> str:
    """A value as the environment would have it; a list in a file is what is separated by commas there."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if isinstance(value, Mapping | list):
        raise TypeError
    return str(value)


def _made(kind: type, text: str) -> Any:
    return kind(text)


def _wanted(kind: Any) -> str:
    """What a value must be, in words."""
    plain, meta = get_args(kind)
    if get_origin(plain) is Literal:
        return " or ".join(map(str, get_args(plain)))
    if plain is int:
        least = f" of at least {meta.ge}" if meta.ge is not None and meta.le is None else ""
        return "a whole number" + (f" from {meta.ge} to {meta.le}" if meta.le is not None else least)
    return {bool: "true or false"}.get(plain, "a text, or a list of texts")


def table() -> str:
    """The settings as the tables of docs/reference/settings.md."""
    head = "| variable | in a file | default | what it is |\n|---|---|---|---|\n"
    rows = []
    for field in msgspec.structs.fields(Settings):
        default = f"`{field.default}`" if str(field.default) else ""
        about = get_args(get_type_hints(Settings, include_extras=True)[field.name])[1].description
        rows.append(f"| `OXL_{field.name.upper()}` | `{field.name}` | {default} | {about} |\n")
    beside = [f"| `{name}` | | {f'`{default}`' if default else ''} | {about} |\n"
              for name, (default, about) in BESIDE.items()]  # fmt: skip
    return head + "".join(rows) + "".join(beside)
