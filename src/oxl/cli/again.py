"""`oxl usage retry`, `oxl usage rerate` and `oxl rate`: try again, rate again, and explain a rating."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from oxl.apis.product_usage import again as jobs
from oxl.cli.ground import DATA, TENANT, fail, opened, progress, run
from oxl.cli.telling import note, table
from oxl.db.database import Tenant
from oxl.engines.catalog.catalog import Catalog, load_folder, tax_percent_at
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.usage import again
from oxl.engines.usage.again import Progress, Selection
from oxl.engines.usage.case import read_body
from oxl.engines.usage.explain import Given, explain
from oxl.engines.usage.explanations import event_in, planned
from oxl.kernel.background import once
from oxl.values import BadValue, bounded_decimal, parse_instant
from oxl.verbs import Refusal

_SPECIFICATION = typer.Option(None, "--specification", help="Only usages of this specification.")
_PRODUCT = typer.Option(None, "--product", help="Only usages of this product.")
_ACCOUNT = typer.Option(None, "--account", help="Only usages of this billing account.")
_SINCE = typer.Option(None, "--since", help="Only usages that began at this date-time or later.")
_UNTIL = typer.Option(None, "--until", help="Only usages that began before this date-time.")
_RESUME = typer.Option(None, "--job", help="Go on with this job, which was cut short.")


def add_to(app: typer.Typer) -> None:
    """Put the commands beside the others on usage."""
    app.command("retry")(retry)
    app.command("rerate")(rerate)


def retry(
    reason: str | None = typer.Option(None, help="Only usages in suspense for this reason."),
    specification: str | None = _SPECIFICATION,
    product: str | None = _PRODUCT,
    account: str | None = _ACCOUNT,
    since: str | None = _SINCE,
    until: str | None = _UNTIL,
    late: bool = typer.Option(False, "--late", help="Charge also what came too late."),
    job: str | None = _RESUME,
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Rate the usages in suspense again, now that what they lacked may be there."""
    chosen = Selection(reason, specification, product, account, None, _instant(since), _instant(until), late)
    run(_work("retry", chosen, None, job, data, tenant))


def rerate(
    plan: str | None = typer.Option(None, help="Only usages that were rated by this plan."),
    version: int | None = typer.Option(None, help="Rate by this version of their plans, whatever its dates say."),
    specification: str | None = _SPECIFICATION,
    product: str | None = _PRODUCT,
    account: str | None = _ACCOUNT,
    since: str | None = _SINCE,
    until: str | None = _UNTIL,
    job: str | None = _RESUME,
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Rate usages again, in the order in which they happened; only differences are posted.

    Workers (`oxl work`) on any host take parts of it beside this one. Run it twice and the second time changes nothing;
    cut it short and --job goes on where it was.
    """
    chosen = Selection(None, specification, product, account, plan, _instant(since), _instant(until))
    run(_work("rerate", chosen, version, job, data, tenant))


def _instant(text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except BadValue as error:
        fail(str(error))


async def _work(
    kind: again.Kind, chosen: Selection, version: int | None, job: str | None, data: Path | None, tenant: str | None
) -> None:
    async with opened(data, tenant) as (_, place):
        job_id = job or (await once(place, lambda work: again.start(work, kind, chosen, version))).id
        _show(await _with_bar(place, kind, job_id), job_id)


async def _with_bar(tenant: Tenant, kind: str, job_id: str) -> Progress:
    total = (await once(tenant, lambda work: again.standing(work, job_id))).total
    with progress(f"{kind} {job_id}", total, "usages") as tell:
        return await jobs.run_to_end(tenant, job_id, lambda so_far: tell(sum(so_far.counts.values()), ""))


def _show(result: Progress, job_id: str) -> None:
    note(job=job_id)
    rows = sorted(result.counts.items(), key=lambda each: -each[1])
    table("outcomes", {"outcome": "outcome", "usages": "usages"}, rows, f"{sum(result.counts.values()):,} usages")


def rate(
    plan: str = typer.Option(help="The price plan; plan.3 for its version 3."),
    usage: Path = typer.Option(help="A file with one TMF635 ProductUsage body."),
    catalog: Path | None = typer.Option(None, help="A folder of catalog files, instead of what is published."),
    included: int = typer.Option(0, help="Atoms of it that allowances cover."),
    used: str = typer.Option("0", help="Atoms of its period that were used before, where a period has one price."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Rate one usage by a plan and explain it step by step; nothing is stored."""

    async def work() -> None:
        if catalog:
            _explain(load_folder(catalog), plan, usage, included, int(bounded_decimal(used)))
            return
        async with opened(data, tenant) as (_, place):
            found = await once(place, catalog_of)
        _explain(found, plan, usage, included, int(bounded_decimal(used)))

    run(work())


def _explain(catalog: Catalog, name: str, file: Path, included: int, used: int) -> None:
    plan_id, _, version = name.rpartition(".")
    numbered = bool(plan_id) and version.isdigit()
    try:
        event = event_in(catalog, read_body(file.read_text("utf-8")))
        plan = planned(catalog, event, plan_id if numbered else name, int(version) if numbered else None)
    except Refusal as refusal:
        fail(str(refusal))
    rate_ = tax_percent_at(catalog, plan.tax_category, event.start)
    if rate_ is None:
        fail(f"no rate of the tax category {plan.tax_category} was known then")
    note(plan=plan.id, version=plan.version, currency=plan.currency)
    steps = [(step.name, step.text, step.amount) for step in explain(plan, event, Given(rate_, included, used))]
    table("steps", {"step": "step", "what": "what", "amount": plan.currency}, steps)
