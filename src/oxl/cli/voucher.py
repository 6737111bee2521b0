"""`oxl voucher …`: print vouchers, and block those that were lost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import typer

from oxl.cli.ground import DATA, TENANT, err, opened, run
from oxl.cli.telling import note, say
from oxl.engines.ledger import voucher
from oxl.kernel.background import once
from oxl.values import bounded_decimal, new_id, to_atoms

app = typer.Typer(no_args_is_help=True, help="Print vouchers, and block those that were lost.")
_AT_ONCE = 10_000


@app.command()
def generate(
    count: int = typer.Argument(help="How many vouchers.", min=1, max=1_000_000),
    amount: str = typer.Option(help="What each is worth: 10, or 0.5."),
    units: str = typer.Option("EUR", help="Of what: a currency, GB, min, sms …"),
    days: int | None = typer.Option(None, help="How many days a redeemed voucher keeps its bucket valid.", min=1),
    expires: int = typer.Option(365, help="In how many days the vouchers themselves expire.", min=1, max=3660),
    batch: str | None = typer.Option(None, help="A name for all of them, to block them by. [default: a new one]"),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Make vouchers and print their codes, one a line. They are kept nowhere: whoever loses the list has lost them."""

    async def work() -> None:
        unit, atoms = to_atoms(Decimal(bounded_decimal(amount)), units)
        if atoms <= 0:
            raise ValueError("--amount: must be more than nothing")
        async with opened(data, tenant) as (_, place):
            now, all_codes = place.clock.now(), list[str]()
            name, end = batch or new_id(now), now + timedelta(days=expires)
            for start in range(0, count, _AT_ONCE):
                codes = [voucher.new_code() for _ in range(min(_AT_ONCE, count - start))]

                async def keep(work: voucher.Work, codes: list[str] = codes) -> int:
                    return await voucher.generate(work, codes, name, (unit, atoms, units), days, end)

                await once(place, keep)
                say("\n".join(codes))
                all_codes += codes
            note(batch=name, expires=end, codes=all_codes)
            err.print(f"{count:,} vouchers worth {amount} {units} until {end:%Y-%m-%d}, batch {name}")

    run(work())


@app.command()
def block(
    batch: str = typer.Argument(help="The name that `generate` gave them."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Block what has not been redeemed of a batch."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            count = await once(place, lambda work: voucher.block(work, batch))
            say(f"{count:,} vouchers of batch {batch} are blocked", batch=batch, blocked=count)

    run(work())
