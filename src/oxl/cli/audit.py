"""`oxl audit`: the chain that seals who did what."""

from __future__ import annotations

from pathlib import Path

import typer

from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import say
from oxl.kernel.background import once
from oxl.operations import audit

app = typer.Typer(no_args_is_help=True, help="Seal and prove the audit of a tenant.")


@app.command()
def verify(data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Seal what is not sealed yet, then walk the chain. Keep the last hash elsewhere: it proves all before it."""

    async def check() -> None:
        async with opened(data, tenant) as (_, place):
            while await once(place, audit.seal):
                continue
            async with place.connection() as conn:
                found = await audit.walk(conn)
            if found.broken is not None:
                told = f"the audit of tenant {place.name} was changed after its seal, from number {found.broken} on"
                fail(told, "keep the database as it is and compare it with a backup: somebody wrote past OXL")
            digest = found.hash.hex()
            say(f"{found.length} entries, unbroken; last hash {digest}", entries=found.length, hash=digest)

    run(check())
