"""What `oxl seed` loads: the demo operator, or the few things that conformance kits expect to find.

Both may be run again, also after they were cut short: every step finds what is there already.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from oxl.apis.billing import jobs as billing
from oxl.apis.operator.api import OPERATOR
from oxl.apis.prepay_balance.api import PREPAY_BALANCE
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.usage_consumption.api import USAGE_CONSUMPTION
from oxl.cli import bills, usage
from oxl.cli.bulk import Outcome, keyed, post_all, read_bodies
from oxl.cli.ground import progress
from oxl.cli.telling import Cell, err, note, say, table
from oxl.db.database import Tenant
from oxl.demo.billing import OPERATOR_POLICY, split
from oxl.demo.population import subscribers, without_topups
from oxl.demo.traffic import usage_lines
from oxl.engines.billing import read, setup
from oxl.engines.billing.periods import local_day
from oxl.engines.billing.run import NewRun
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.engines.inventory.inventory import subscriptions
from oxl.engines.ledger import grants, ledger, proof
from oxl.engines.usage import imports
from oxl.kernel.background import change, once
from oxl.values import instant_text, unit_of
from oxl.verbs import Work

SEED = 7
USAGE_FILE = "demo-usage.ndjson"
BILLED_FILE = "demo-usage-billed.ndjson"  # what came before the last billing day of its account
FILES = (USAGE_FILE, BILLED_FILE, "demo-subscribers.ndjson")
_FIGURES = ("credited", "used", "debited", "reserved", "remaining")
_SHOWN = {"byte": ("GB", 10**9), "second": ("min", 60), "message": ("sms", 1)}  # ledger unit → what a person reads
KATE = "4915550000001"  # the subscriber that the README walks with


async def publish_catalog(tenant: Tenant, folder: Path | None = None) -> None:
    """Publish a catalog folder; without one, the demo operator's."""
    texts = read_texts(folder or Path(str(files("oxl.demo").joinpath("catalog"))))
    offerings = next(each for each in OPERATOR.resources if each.name == "productOffering")
    await change(tenant, OPERATOR, offerings, lambda work: registry.publish_told(work, texts))


async def demo(tenant: Tenant, folder: Path, people: int, records: int) -> bool:
    """Load the demo operator through the bulk path; False when it is there already."""
    if await once(tenant, lambda work: imports.finished(work, USAGE_FILE)):
        return False
    await publish_catalog(tenant)
    _make_files(tenant, folder, people, records)
    bodies = list(read_bodies(folder / "demo-subscribers.ndjson"))
    with progress("provisioning", len(bodies), "subscribers") as tell:
        _must(await post_all(tenant, OPERATOR, "subscriber", keyed(map(without_topups, bodies), "demo"), tell))
    await _top_up(tenant, bodies)
    usage.show(await usage.import_with_bar(tenant, folder / BILLED_FILE))
    await _bill(tenant)
    usage.show(await usage.import_with_bar(tenant, folder / USAGE_FILE))
    await show_balances(tenant)
    return True


def _make_files(tenant: Tenant, folder: Path, people: int, records: int) -> None:
    """Write the operator's people and their month once: a second attempt goes on with the same ones."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / USAGE_FILE).exists():
        return
    now = tenant.clock.now()
    bodies = list(subscribers(people, now, SEED))
    _write(folder / "demo-subscribers.ndjson", (msgspec.json.encode(body) + b"\n" for body in bodies))
    with progress("making a month of usage", records) as tell:
        lines = _counted(usage_lines(bodies, now, SEED, records), tell)
        before, after = split(bodies, lines, now)
    _write(folder / BILLED_FILE, before)
    _write(folder / USAGE_FILE, after)


async def _bill(tenant: Tenant) -> None:
    """The last bills of everybody who pays by bill, for what was used until then."""
    starts = local_day(tenant.clock.now(), ZoneInfo(OPERATOR_POLICY.time_zone)) - timedelta(days=31)
    policy = msgspec.structs.replace(OPERATOR_POLICY, starts=starts)
    await once(tenant, lambda work: setup.set_policy(work, msgspec.json.encode(policy).decode()))
    await bills.make_bills(tenant, await bills.start_due(tenant))


def _counted(lines: Iterable[bytes], tell: Any) -> Iterable[bytes]:
    for n, line in enumerate(lines, 1):
        if n % 1000 == 0:
            tell(n, "")
        yield line


def _write(path: Path, lines: Iterable[bytes]) -> None:
    """A file that is whole or not there."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


async def _top_up(tenant: Tenant, bodies: Sequence[dict[str, Any]]) -> None:
    """The prepaid subscribers' top-ups, each exactly once by its key."""
    accounts = await once(tenant, ledger.main_buckets)
    topups: list[tuple[dict[str, Any], str | None]] = []
    for body in bodies:
        bucket = accounts.get(body["billingAccount"]["externalId"])
        for n, topup in enumerate(body.get("topup", ()), 1):
            move = {"amount": topup["amount"], "bucket": {"id": bucket}, "description": f"Top-up on {topup['at'][:10]}"}
            topups.append((move, f"{body['externalId']}-topup-{n}"))
    with progress("topping up", len(topups), "top-ups") as tell:
        _must(await post_all(tenant, PREPAY_BALANCE, "topupBalance", topups, tell))


def _must(outcomes: Sequence[Outcome]) -> None:
    wrong = [outcome for outcome in outcomes if outcome.why]
    if wrong:
        raise ValueError(f"{len(wrong)} of {len(outcomes)} were refused; the first: {wrong[0].why}")


async def show_balances(tenant: Tenant) -> None:
    """Print what stands on the ledger, by unit, and whether it adds up."""
    async with tenant.connection() as conn:
        faults = proof.faults_of(await proof.prove(conn))
        totals = await proof.totals(conn)
    rows = []
    for row in totals:
        name, atoms = _SHOWN.get(row["unit"]) or (row["unit"], unit_of(row["unit"]).atoms)
        figures = [Decimal(row[figure]) / atoms for figure in _FIGURES]
        rows.append((name, row["buckets"], *(Cell(each, f"{each:,.{2 if atoms > 1 else 0}f}") for each in figures)))
    table("balances", {name: name for name in ("unit", "buckets", *_FIGURES)}, rows, "balances")
    say("the ledger adds up" if not faults else f"[red]the ledger has {len(faults)} faults: run oxl doctor[/]")
    note(ledgerFaults=faults)


async def conformance(tenant: Tenant) -> None:
    """The demo catalog, four subscribers, usages and reports and bills of two, bucket 11 of the kits and another."""
    await publish_catalog(tenant)
    lines = [
        {
            "externalId": f"conformance-{n}",
            "party": {"givenName": "Connie", "familyName": f"Formance {n}"},
            "billingAccount": {"externalId": f"conformance-account-{n}"},
            "logicalResource": {"value": f"49155599900{n:02d}"},
            "productOffering": {"id": offering},
        }
        for n, offering in enumerate(("prepaid-m", "prepaid-s", "postpaid-l", "postpaid-l"), 1)
    ]
    outcomes = await post_all(tenant, OPERATOR, "subscriber", keyed(lines, "conformance"))
    _must(outcomes)
    for outcome, bucket in zip(outcomes[2:], ("11", "12"), strict=True):
        await once(tenant, partial(_open_bucket, product_id=outcome.id, bucket=bucket))
    credit = {"amount": {"amount": 1000, "units": "EUR"}, "bucket": {"id": "11"}}
    _must(await post_all(tenant, PREPAY_BALANCE, "topupBalance", [(credit, "conformance-credit")]))
    numbers = [line["logicalResource"]["value"] for line in lines[:2]]
    asked = [{"searchCriteria": {"logicalResource": [{"value": number}]}} for number in numbers]
    queries = [(body, f"conformance-query-{n}") for n, body in enumerate(asked, 1)]
    _must(await post_all(tenant, USAGE_CONSUMPTION, "queryUsageConsumption", queries))
    used = [(_short_message(number, tenant), f"conformance-usage-{n}") for n, number in enumerate(numbers, 1)]
    recorded = await post_all(tenant, PRODUCT_USAGE, "productUsage", used)
    _must([each for each in recorded if each.code != "keyReused"])  # loaded before, at another time of day
    await _conformance_bills(tenant, lines[2]["logicalResource"]["value"])
    err.print("conformance data is loaded: four subscribers, buckets 11 and 12, two reports, usages and bills")


async def _conformance_bills(tenant: Tenant, number: str) -> None:
    """Two bills in state new, and a usage that is not billed yet."""
    names = ("conformance-account-3", "conformance-account-4")
    accounts = [await once(tenant, lambda work, name=name: read.account_id(work, name)) for name in names]
    if not await once(tenant, lambda work: read.newest(work, accounts[0], 1)):
        await once(tenant, lambda work: setup.set_policy(work, '{"autoValidate": false}'))
        await bills.make_bills(tenant, [await billing.start(tenant, NewRun("offCycle", None, tuple(accounts)))])
    abroad = [(_short_message(number, tenant, "+447700900123"), "conformance-usage-3")]
    recorded = await post_all(tenant, PRODUCT_USAGE, "productUsage", abroad)
    _must([each for each in recorded if each.code != "keyReused"])


def _short_message(number: str, tenant: Tenant, to: str = "+493012345678") -> dict[str, Any]:
    values = {
        "originatingPhoneNumber": f"+{number}",
        "destinationPhoneNumber": to,
        "startDateTime": instant_text(tenant.clock.now()),
    }
    characteristics = [{"@type": "StringCharacteristic", "name": name, "value": text} for name, text in values.items()]
    return {"usageType": "sms", "usageSpecification": {"id": "sms"}, "usageCharacteristic": characteristics}


async def _open_bucket(work: Work, product_id: str, bucket: str) -> None:
    (product,) = await subscriptions(work, [product_id], [work.now])
    await grants.open_main(work, [(product.account_id, "EUR", work.now)], known_id=bucket)
