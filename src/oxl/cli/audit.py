"""`oxl audit`: the chain that seals who did what."""

from __future__ import annotations

from pathlib import Path

import typer

from oxl.cli.ground import DATA, TENANT, fail, opened, out, run
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
                fail(f"the audit of tenant {place.name} was changed after its seal, from number {found.broken} on")
            out.print(f"{found.length} entries, unbroken; last hash {found.hash.hex()}", soft_wrap=True)

    run(check())
