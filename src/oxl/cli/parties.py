"""`oxl party`: what is kept of somebody, for them to take away, or to be forgotten."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from oxl.apis import APIS
from oxl.apis.operator.api import OPERATOR
from oxl.apis.operator.erasing import PARTY_ERASURE, create_erasure
from oxl.apis.operator.jobs import erase_due
from oxl.callers import EVERYONE, Sight
from oxl.cli.ask import ask
from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import say
from oxl.db.database import Tenant
from oxl.identity import keys
from oxl.kernel import represent, select
from oxl.kernel.background import change, snapshot
from oxl.outbox.audit import DONE, Entry, note
from oxl.verbs import Done, Refused, Work

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


@app.command()
def erase(
    party: str = typer.Argument(help="Id of a party whose lines have ended and who owes nothing."),
    yes: bool = typer.Option(False, "--yes", help="It is meant: nothing of it can be brought back."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Forget a party: names, numbers, documents and events go everywhere, sums stay. Doing it again changes nothing."""

    async def remove() -> None:
        async with opened(data, tenant) as (_, place):
            if not yes:
                fail(f"this forgets party {party} for good", f"`oxl party export {party} FILE`, then this with --yes")
            (asked,) = await change(place, OPERATOR, PARTY_ERASURE, lambda work: _asked(work, party))
            if isinstance(asked, Refused):
                fail(asked.message)
            await erase_due(place)
            (done,) = await ask(place, OPERATOR, "partyErasure", id=asked.id)
            if done["state"] != "done":
                fail(done["stateReason"])
            counts = done.get("outcome", {})
            told = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing was left to forget"
            say(told, erasure=asked.id, outcome=counts)
            if "exportJob" in counts:
                say("a worker removes the export files; what was sent elsewhere is there still", style="dim")

    run(remove())


async def _asked(work: Work, party: str) -> list[Done | Refused]:
    results = await create_erasure(work, [{"party": {"id": party}}])
    what, done = "operator.partyErasure:create", [each.id for each in results if isinstance(each, Done)]
    await note(work.conn, [Entry("command line", what, each, DONE) for each in done])
    return results


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
