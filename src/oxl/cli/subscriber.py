"""`oxl subscriber …`: provision lines, look at them, change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import typer
from rich.markup import escape

from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.cli.ask import ask
from oxl.cli.bulk import Outcome, keyed, post_all, read_bodies
from oxl.cli.ground import DATA, TENANT, fail, opened, progress, run
from oxl.cli.telling import note, say, table
from oxl.db.database import Tenant

app = typer.Typer(no_args_is_help=True, help="Provision subscribers, look at them, change them.")

KEY = typer.Option(None, "--key", help="Idempotency key: the same key is done once, however often it is sent.")
WHO = typer.Argument(help="The subscriber's id or number, such as 4915550000001.")


@app.command()
def create(
    number: str = typer.Argument(help="Number in E.164, such as 4915550001234."),
    offering: str = typer.Option(help="Product offering, such as prepaid-m."),
    name: str = typer.Option(help="The person's name."),
    account: str | None = typer.Option(None, help="externalId of an account to join or to open."),
    add_on: list[str] = typer.Option([], "--add-on", help="A pack to go with it; may be given several times."),
    key: str | None = KEY,
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Provision a line: party, account, device, product, number, and the buckets that its plan grants."""
    body: dict[str, Any] = {
        "party": {"name": name},
        "logicalResource": {"value": number},
        "productOffering": {"id": offering},
        "addOn": [{"id": pack} for pack in add_on],
    } | ({"billingAccount": {"externalId": account}} if account else {})

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            (outcome,) = await post_all(place, OPERATOR, "subscriber", [(body, key or f"cli-{uuid4()}")])
            _say(outcome)
            await _show(place, outcome.id)

    run(work())


@app.command()
def show(who: str = WHO, data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Show a subscriber with every bucket it may draw on."""

    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            await _show(place, await _find(place, who))

    run(work())


@app.command("import")
def import_command(
    file: Path = typer.Argument(help="NDJSON, a subscriber body a line; externalId is its key."),
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Provision the subscribers of a file. Running it again does nothing to those that are there."""

    async def work() -> None:
        bodies = keyed(read_bodies(file), "subscriber")
        async with opened(data, tenant) as (_, place):
            with progress("provisioning", len(bodies), "subscribers") as tell:
                outcomes = await post_all(place, OPERATOR, "subscriber", bodies, tell)
        for outcome in outcomes:
            if outcome.why:
                say(f"line {outcome.place + 1}: {escape(outcome.why)}")
        refused = [{"line": outcome.place + 1, "why": outcome.why} for outcome in outcomes if outcome.why]
        done = len(outcomes) - len(refused)
        say(f"{done:,} provisioned or there already, {len(refused):,} refused", done=done, refused=refused)
        if refused:
            raise typer.Exit(1)

    run(work())


@app.command("change-plan")
def change_plan(
    who: str = WHO,
    offering: str = typer.Option(help="The offering to change to."),
    key: str | None = KEY,
    data: Path | None = DATA,
    tenant: str | None = TENANT,
) -> None:
    """Move a subscriber to another offering, now; what is left of the old allowances ends."""
    _change(who, {"action": "changePlan", "productOffering": {"id": offering}}, key, data, tenant)


@app.command()
def suspend(who: str = WHO, key: str | None = KEY, data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Suspend a subscriber: its usage goes into suspense and its buckets rest."""
    _change(who, {"action": "suspend"}, key, data, tenant)


@app.command()
def resume(who: str = WHO, key: str | None = KEY, data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """Make a suspended subscriber active again."""
    _change(who, {"action": "resume"}, key, data, tenant)


@app.command("port-out")
def port_out(who: str = WHO, key: str | None = KEY, data: Path | None = DATA, tenant: str | None = TENANT) -> None:
    """End a subscription, and with it its hold on the number, which may be given out again."""
    _change(who, {"action": "portOut"}, key, data, tenant)


def _change(who: str, body: dict[str, Any], key: str | None, data: Path | None, tenant: str | None) -> None:
    async def work() -> None:
        async with opened(data, tenant) as (_, place):
            found = await _find(place, who)
            change = body | {"subscriber": {"id": found}}
            (outcome,) = await post_all(place, OPERATOR, "subscriberChange", [(change, key or f"cli-{uuid4()}")])
            _say(outcome)
            await _show(place, found)

    run(work())


def _say(outcome: Outcome) -> None:
    if outcome.why:
        fail(outcome.why)


async def _find(tenant: Tenant, who: str) -> str:
    """The id of a subscriber by its id or by the number it holds now."""
    found = await ask(tenant, OPERATOR, "subscriber", id=who)
    found = found or await ask(tenant, OPERATOR, "subscriber", logicalResource__value=who.lstrip("+"))
    held = [each for each in found if each["status"] != "terminated"] or found
    if not held:
        cure = "numbers are written in full, such as 4915550000001; `GET /oxl/v1/subscriber` lists them"
        fail(f"there is no subscriber with the id or number {who}", cure)
    return held[-1]["id"]


async def _show(tenant: Tenant, subscriber_id: str) -> None:
    (subscriber,) = await ask(tenant, OPERATOR, "subscriber", id=subscriber_id)
    account, device = subscriber["billingAccount"], subscriber["logicalResource"]
    note(**subscriber)
    say(f"[bold]{escape(subscriber['name'])}[/]  {device['value']}  {subscriber['status']}")
    say(f"  subscriber {subscriber_id}\n  device     {device['id']}")
    say(f"  account    {account['id']} ({account['kind']}, {account['currency']})")
    packs = [pack["id"] for pack in subscriber.get("addOn", [])]
    say(f"  offering   {' + '.join([subscriber['productOffering']['id'], *packs])}")
    columns = {"name": "bucket", "left": "left", "validUntil": "valid until", "status": "status", "id": "id"}
    rows = []
    for bucket in await ask(tenant, PREPAY_BALANCE, "bucket", partyAccount__id=account["id"]):
        if bucket["status"] != "expired" and bucket.get("logicalResource", [device])[0]["id"] == device["id"]:
            until = bucket["validFor"].get("endDateTime", "no end")
            rows.append((bucket["name"], bucket["remainingValueName"], until, bucket["status"], bucket["id"]))
    table("buckets", columns, rows)
