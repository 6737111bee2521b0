"""`oxl key`: API keys of a tenant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import typer

from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import Cell, say, table
from oxl.clock import system_now
from oxl.identity import keys
from oxl.identity.scopes import Role

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


@app.command()
def create(
    name: str = typer.Argument(help="What it is for, in your words."),
    role: str = typer.Option("operator", help="operator, partner or subscriber."),
    scope: list[str] = typer.Option([], help="What it may: <api>[.<resource>]:<verb>. Without any: what the role may."),
    party: list[str] = typer.Option([], help="Id of a party whose it is: it sees no other's."),
    days: int = typer.Option(90, min=1, max=3650, help="How long it lasts."),
    rate: int | None = typer.Option(None, help="Requests a second that it may send. [default: OXL_RATE]"),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Make a key. It is shown now and never again."""

    async def make() -> None:
        async with opened(data, tenant) as (_, place), place.connection() as conn:
            now = system_now()
            given: Role = role  # pyright: ignore[reportAssignmentType] - what is none is refused by name
            ends = now + timedelta(days=days)
            text = await keys.create(
                conn, place.name, name=name, role=given, scopes=scope or None, parties=party, now=now, expires_at=ends,
                rate=rate,
            )  # fmt: skip
            say(text, style="bold", key=text, expires=ends)

    run(make())


@app.command("list")
def show(data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """The keys of a tenant, without their secrets."""

    async def tell() -> None:
        async with opened(data, tenant) as (_, place), place.connection() as conn:
            columns, now = ("id", "name", "role", "scopes", "parties", "expires", "state"), system_now()
            rows = []
            for row in await keys.listed(conn):
                ended = "revoked" if row["revoked_at"] else "expired" if row["expires_at"] <= now else "good"
                scopes = Cell(None, "what the role may") if row["scopes"] is None else row["scopes"]
                rows.append((row["id"], row["name"], row["role"], scopes, row["parties"], row["expires_at"], ended))
            table("keys", {name: name for name in columns}, rows)

    run(tell())


@app.command()
def revoke(
    key_id: str = typer.Argument(help="Id of a key, its third part."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Let a key open nothing any more; servers have heard of it after five seconds."""

    async def end() -> None:
        async with opened(data, tenant) as (_, place), place.connection() as conn:
            if not await keys.revoke(conn, key_id, system_now()):
                told = f"there is no key {key_id!r} in tenant {place.name} that opened anything"
                fail(told, "`oxl key list` shows them; the id is the third part of a key")
            say("revoked", revoked=key_id)

    run(end())
