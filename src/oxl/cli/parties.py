"""`oxl party`: what is kept of somebody, for them to take away."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from oxl.apis import APIS
from oxl.callers import EVERYONE, Sight
from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import say
from oxl.db.database import Tenant
from oxl.identity import keys
from oxl.kernel import represent, select
from oxl.kernel.background import snapshot

app = typer.Typer(no_args_is_help=True, help="What is kept of a party.")


@app.callback()
def parties() -> None:
    """What is kept of a party."""


@app.command()
def export(
    party: str = typer.Argument(help="Id of a party."),
    file: Path = typer.Argument(help="Where to write: one JSON document a line, readable by its owner alone."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Write every document that is a party's: what they would see of every API, as of one moment."""

    async def write() -> None:
        async with opened(data, tenant) as (_, place):
            lines = await write_party(place, party, file)
            say(f"{lines} documents are in {file}", documents=lines, file=str(file))

    run(write())


async def write_party(tenant: Tenant, party: str, file: Path) -> int:
    """Write a party's documents into a file; how many there were."""
    lines = 0
    part = file.with_name(f".{file.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:

        async def take(text: bytes) -> None:
            nonlocal lines
            lines += text.count(b"\n")
            target.write(text)

        async with snapshot(tenant) as work:
            if not await keys.is_known(work.conn, party):
                told = f"there is no party {party!r} in tenant {tenant.name}"
                fail(told, "`oxl subscriber show NUMBER --json` tells a subscriber's party")
            sight = Sight((party,), await keys.owned(work.conn, (party,)))
            for api in APIS:
                for each in api.resources:
                    if each.owner is not None and each.owner != EVERYONE:
                        href = represent.collection_href("", api, each)
                        await select.copy(work.conn, each, work.now, [each.seen_by(sight)], href, take)
    part.rename(file)
    return lines
