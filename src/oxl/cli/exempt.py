"""`oxl bill exempt`: say that an account need not pay tax."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from oxl.apis.billing.api import BILLING
from oxl.cli.bulk import post_all
from oxl.cli.ground import DATA, TENANT, fail, opened, run
from oxl.cli.telling import say
from oxl.engines.billing import read
from oxl.kernel.background import once


def exempt(
    account: str = typer.Argument(help="The account, by id or external id."),
    reason: str = typer.Option(help="Why it need not pay tax, as its bills are to say."),
    category: str = typer.Option("E", help="E: exempt, AE: reverse charge."),
    tax_number: str | None = typer.Option(None, help="The customer's VAT number; AE cannot do without."),
    certificate: str | None = typer.Option(None, help="The number of the certificate."),
    since: str | None = typer.Option(None, help="From when on, a date-time. [default: now]"),
    until: str | None = typer.Option(None, help="Until when, a date-time. [default: until further notice]"),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Say that an account need not pay tax: what is billed in that time has none."""

    async def keep() -> None:
        async with opened(data, tenant) as (_, place):
            account_id = await once(place, lambda work: read.account_id(work, account))
            valid = {"startDateTime": since, "endDateTime": until}
            told = {"taxNumber": tax_number, "certificateNumber": certificate}
            body: dict[str, Any] = {"billingAccount": {"id": account_id}, "taxCategory": category, "reason": reason}
            body |= {name: value for name, value in told.items() if value}
            body["validFor"] = {name: value for name, value in valid.items() if value}
            (outcome,) = await post_all(place, BILLING, "accountTaxExemption", [(body, None)])
            if outcome.why:
                fail(outcome.why)
            say(f"kept as {outcome.id}", exemption=outcome.id)

    run(keep())
