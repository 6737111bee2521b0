"""`oxl bill-run`, `oxl bill …` and `oxl payment …`: make bills, see how one comes to what it says, take payments."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.markup import escape

from oxl.apis.billing import jobs as billing
from oxl.apis.billing.api import BILLING, EXPLANATION
from oxl.apis.customer_bill import jobs
from oxl.apis.customer_bill.documents import drawn, make_all
from oxl.cli.bulk import post_all
from oxl.cli.exempt import exempt
from oxl.cli.ground import DATA, TENANT, fail, opened, progress, run
from oxl.cli.telling import Cell, note, say, table
from oxl.db.database import Tenant
from oxl.engines.billing import documents as papers
from oxl.engines.billing import read, setup
from oxl.engines.billing.run import NewRun, left
from oxl.kernel.background import once
from oxl.kernel.select import by_ids
from oxl.verbs import Refusal

MANY = 6  # runs that are shown one by one
bill = typer.Typer(no_args_is_help=True, help="See bills and how they come about; set how they are made.")
bill.command()(exempt)
payment = typer.Typer(no_args_is_help=True, help="Record what customers have paid.")


def bill_run(
    cycle: str | None = typer.Option(None, help="The cycle, by the date of its cut-off. [default: all that are due]"),
    account: list[str] = typer.Option([], help="Bill only these accounts, now, instead of a cycle."),
    trial: bool = typer.Option(False, help="Claim nothing and give out no numbers: see what the bills would be."),
    workers: int = typer.Option(jobs.WORKERS, help="Batches at the same time."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Make bills. A run that was cut short goes on where it stood; a cycle is billed once."""

    async def make() -> None:
        async with opened(data, tenant) as (_, place):
            if cycle or account:
                kind = "trial" if trial else "offCycle" if account else "onCycle"
                wanted = [await _start(place, NewRun(kind, cycle, tuple(account)))]
            elif trial:
                wanted = [await _start(place, NewRun("trial", each)) for each in await billing.due_cycles(place)]
            else:
                wanted = await start_due(place)
            await make_bills(place, wanted, workers)

    run(make())


async def _start(tenant: Tenant, wanted: NewRun) -> str:
    try:
        return await billing.start(tenant, wanted)
    except Refusal as refusal:
        fail(refusal.refused.message)


async def start_due(tenant: Tenant) -> list[str]:
    """The runs that were cut short, and one for each cycle that is due."""
    started = [await _start(tenant, NewRun("onCycle", each)) for each in await billing.due_cycles(tenant)]
    return list(dict.fromkeys([*await billing.open_runs(tenant), *started]))


async def make_bills(tenant: Tenant, runs: list[str], workers: int = jobs.WORKERS) -> None:
    """Work off runs with a progress bar over all of them, and show what they came to."""
    counts = {each: await once(tenant, lambda work, each=each: left(work, each)) for each in runs}
    done = 0
    with progress("billing", sum(each.pending for each in counts.values()), "accounts") as tell:
        for each in runs:

            def told(so_far: int, note: str, before: int = done - counts[each].items + counts[each].pending) -> None:
                tell(before + so_far, note)

            await jobs.work_off(tenant, each, told, workers)
            await billing.finish(tenant, each)
            done += counts[each].pending
            tell(done, "")
    await jobs.use_credits(tenant)
    show_runs(await once(tenant, lambda work: read.runs(work, runs)))


def show_runs(runs: list[dict[str, Any]]) -> None:
    """Print what runs came to, and whether their control sums are nothing."""
    if not runs:
        say("no cycle is due", runs=[])
        return
    columns = {"run": "run of", "state": "state", "bills": "bills", "held": "held", "empty": "nothing owed",
               "errors": "errors", "net": "net", "tax": "tax", "wrong": "control sums"}  # fmt: skip
    rows = []
    for each in runs if len(runs) <= MANY else [_added(runs)]:
        control = each["control"]
        wrong = {name: value for name, value in control.get("zero", {}).items() if value}
        figures = (control.get(name, 0) for name in ("bills", "held", "empty", "error"))
        told = f"[red]{wrong}[/]" if wrong else "all zero" if control else "not yet"
        money = (_money(control.get(name, 0)) for name in ("net", "tax"))
        rows.append((each["cycle_id"] or each["kind"], each["state"], *figures, *money, Cell(wrong, told)))
    table("runs", columns, rows)


def _money(micros: int) -> Cell:
    """An amount of money, as it is and as it is read."""
    value = Decimal(micros) / 1_000_000
    return Cell(value, f"{value:,.2f}")


def _added(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Many runs as one row."""
    controls = [each["control"] for each in runs]
    names = [name for name, value in controls[0].items() if isinstance(value, int)]
    added: dict[str, Any] = {name: sum(control.get(name, 0) for control in controls) for name in names}
    wrong = [control["zero"] for control in controls if any(control.get("zero", {}).values())]
    states = sorted({each["state"] for each in runs})
    return {
        "cycle_id": f"{len(runs)} cycles",
        "state": ", ".join(states),
        "control": added | {"zero": (wrong or [{}])[0]},
    }


@bill.command()
def explain(
    which: str = typer.Argument(help="A bill's number or id, or the id of one of its lines."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show how a bill comes to its sums, or what is behind one of its lines, down to the usage records."""

    async def show() -> None:
        async with opened(data, tenant) as (_, place):
            found = await once(place, lambda work: read.place_of(work, which))
            if found is None:
                fail(f"there is no bill or line {which!r}", "`oxl bill list` shows the newest by their numbers")
            docs = await once(place, lambda work: by_ids(work.conn, EXPLANATION, work.now, [found]))
            document = msgspec.json.decode(docs[found])
            note(**document)
            _show_explained(document)

    run(show())


def _show_explained(doc: dict[str, Any]) -> None:
    say(f"[bold]{escape(doc.get('billNo', doc['id']))}[/] {escape(doc.get('name', ''))}")
    for line in doc.get("line", ()):
        money = line["taxExcludedAmount"]
        say(f"  {escape(line['name']):40} {money['value']:>12} {money['unit']}   [dim]{escape(line['id'])}[/]")
        say(f"    [dim]{escape('; '.join(line['arithmetic']))}[/]")
    for step in doc.get("arithmetic", ()):
        say(f"  {escape(step)}")
    for each in doc.get("usage", ()):
        money = f"{each['taxExcludedAmount']['value']} {each['taxExcludedAmount']['unit']}"
        used = f"{each['quantity']} {each['unit']}"
        say(f"    {each['startDateTime']}  {used}  {money}  {each['pricePlan']}  {each['id']}")


@bill.command("list")
def list_bills(
    account: str | None = typer.Option(None, help="Only this account's, by id or external id."),
    limit: int = typer.Option(20, help="At most so many, the newest first."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """List bills, the newest first."""

    async def show() -> None:
        async with opened(data, tenant) as (_, place):
            found = await once(place, lambda work: read.newest(work, account, limit))
        columns = ("date", "account", "category", "state", "net", "tax", "due", "open", "number")
        rows = [
            (Cell(row["bill_date"], f"{row['bill_date']:%Y-%m-%d}"), row["account"], row["category"], row["state"],
             *(_money(row[name]) for name in ("net", "tax", "due", "open")), row["number"] or row["id"])
            for row in found
        ]  # fmt: skip
        table("bills", {name: name for name in columns}, rows)

    run(show())


@bill.command()
def documents(
    again: bool = typer.Option(False, help="Try those again that could not be made."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Make the documents of all bills that have none; the worker does so too."""

    async def make() -> None:
        async with opened(data, tenant) as (_, place):
            if again:
                await once(place, papers.again)
            due = await once(place, papers.count_due)
            with progress("drawing", due, "bills") as tell:
                await make_all(place, lambda done: tell(done, ""))
            note(drawn=due)

    run(make())


@bill.command()
def pdf(
    which: str = typer.Argument(help="A bill's number or id."),
    folder: Path = typer.Option(Path(), help="Where the files go."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Write a bill's documents to files: the PDF, and the e-invoice where it has one."""

    async def write() -> None:
        async with opened(data, tenant) as (_, place):
            found = await once(place, lambda work: read.place_of(work, which)) or which
            facts = (await once(place, lambda work: papers.facts_of(work, [found]))).get(found)
            if facts is None:
                fail(f"there is no bill {which!r}", "`oxl bill list` shows the newest by their numbers")
            written = []
            for made in drawn(found, facts):
                path = folder / f"{facts.number or found}.{'xml' if made.kind == 'ubl' else made.kind}"
                path.write_bytes(made.content)
                written.append({"file": str(path), "bytes": len(made.content)})
                say(f"{path}  {len(made.content):,} bytes")
            note(files=written)

    run(write())


@bill.command()
def policy(
    file: Path | None = typer.Argument(None, help="A JSON file with the policy to set; without one it is shown."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Show or set how bills are made: time zone, terms, series, what is held, dunning, the seller."""

    async def show() -> None:
        async with opened(data, tenant) as (_, place):
            if file is not None:
                text = file.read_text("utf-8")
                await once(place, lambda work: setup.set_policy(work, text))
            found = await once(place, setup.policy_of)
            shown = msgspec.json.encode(found)
            note(**msgspec.json.decode(shown))
            say(escape(msgspec.json.format(shown).decode()))

    run(show())


@payment.command()
def record(
    account: str = typer.Argument(help="The account, by id or external id."),
    amount: str = typer.Argument(help="How much, such as 49.90."),
    reference: str = typer.Option(help="The bank's or the payer's own reference; it counts once."),
    currency: str = typer.Option("EUR", help="The currency."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Record a payment and use it for what is due first; what is left is kept for the next bill."""

    async def take() -> None:
        async with opened(data, tenant) as (_, place):
            account_id = await once(place, lambda work: read.account_id(work, account))
            try:
                money = {"unit": currency, "value": Decimal(amount)}
            except InvalidOperation:
                fail(f"{amount!r} is no amount", "write it with a point and without the currency: 49.90")
            body = {"paymentReference": reference, "billingAccount": {"id": account_id}, "amount": money}
            (outcome,) = await post_all(place, BILLING, "payment", [(body, None)])
            if outcome.why:
                fail(outcome.why)
            settled = await jobs.use_credits(place)
            await billing.lift(place)
            told = f"recorded as {outcome.id}; {settled} bills changed their state"
            say(told, payment=outcome.id, billsChanged=settled)

    run(take())
