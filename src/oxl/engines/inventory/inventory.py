"""The inventory's verbs: subscribe, change a subscription, and say to whom a use at an instant belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.inventory.guided import Guided
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.inventory", "inventory.sql")

# What a change does: the statuses it may start from, and the one it ends in.
CHANGES = {
    "changePlan": (("active",), "active"),
    "suspend": (("active",), "suspended"),
    "resume": (("suspended",), "active"),
    "portOut": (("active", "suspended"), "terminated"),
}


class AddOn(msgspec.Struct, frozen=True):
    """A pack bought to a subscription."""

    offering_id: str
    plan_id: str


class NewSubscriber(msgspec.Struct, frozen=True):
    """One line to provision. An account is opened unless `account_id` or a known `account_external_id` names one."""

    external_id: str | None
    name: str
    party: str  # JSON text of the party as it came
    account_id: str | None
    account_external_id: str | None
    account_kind: str
    currency: str
    billing_day: int
    number: str  # digits of E.164
    offering_id: str
    plan_id: str
    valid_from: datetime
    valid_to: datetime | None
    add_ons: tuple[AddOn, ...] = ()


class Provisioned(NamedTuple):
    """What one line came to: enough to open its buckets."""

    product_ids: tuple[str, ...]
    account_id: str
    account_kind: str
    currency: str
    valid_from: datetime


class Subscription(msgspec.Struct, frozen=True):
    """A product with the plan it was on at an instant; see the statement `subscriptions`."""

    id: str
    account_id: str
    device_id: str
    status: str
    plan_id: str
    plan_since: datetime
    valid_to: datetime | None
    leads: bool


class _Batch:
    """The rows of one provisioning group, by table, while its items are decided."""

    def __init__(self) -> None:
        self.parties: list[tuple] = []
        self.accounts: list[tuple] = []
        self.devices: list[tuple] = []
        self.products: list[tuple] = []
        self.numbers: list[tuple] = []


async def subscribe(work: Work, items: Sequence[NewSubscriber]) -> list[tuple[Done, Provisioned] | Refused]:
    """Provision lines: party, account, device, product and number each, or a refusal that leaves nothing behind."""
    conn = work.conn
    await conn.execute(q.provisioning_turn)
    known = await conn.fetch(
        q.accounts,
        [item.account_external_id for item in items if item.account_external_id],
        [item.account_id for item in items if item.account_id],
    )
    accounts = {row["id"]: dict(row) for row in known} | {row["external_id"]: dict(row) for row in known}
    taken = {
        row["external_id"]
        for row in await conn.fetch(q.taken_external_ids, [item.external_id for item in items if item.external_id])
    }
    periods: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for row in await conn.fetch(q.number_periods, [item.number for item in items]):
        periods.setdefault(row["number"], []).append((row["valid_from"], row["valid_to"]))
    batch = _Batch()
    results: list[tuple[Done, Provisioned] | Refused] = []
    for item in items:
        refused = _why_not(item, accounts, taken, periods)
        if refused:
            results.append(refused)
            continue
        results.append(_admit(work, item, accounts, batch))
        if item.external_id:
            taken.add(item.external_id)
        periods.setdefault(item.number, []).append((item.valid_from, item.valid_to))
    for statement, rows in (
        (q.keep_parties, batch.parties), (q.keep_accounts, batch.accounts), (q.keep_devices, batch.devices),
        (q.keep_products, batch.products),
    ):  # fmt: skip
        if rows:
            await conn.execute(statement, work.now, *_columns(rows))
    if batch.numbers:
        await conn.execute(q.keep_number_uses, *_columns(batch.numbers))
    return results


def _why_not(
    item: NewSubscriber, accounts: dict[str, dict], taken: set[str], periods: dict[str, list]
) -> Refused | None:
    if item.external_id in taken:
        return Refused("conflict", "duplicate", f"externalId: {item.external_id} is provisioned already", "externalId")
    if item.account_id and item.account_id not in accounts:
        return Refused("invalid", "unknownAccount", "billingAccount.id: no such account", "billingAccount.id")
    account = accounts.get(item.account_id or item.account_external_id or "")
    if account and (account["kind"], account["currency"]) != (item.account_kind, item.currency):
        message = f"productOffering.id: needs a {item.account_kind} account in {item.currency}"
        return Refused("invalid", "accountMismatch", message, "productOffering.id")
    for start, end in periods.get(item.number, ()):
        if (item.valid_to is None or start < item.valid_to) and (end is None or item.valid_from < end):
            message = f"logicalResource.value: {item.number} is held by another subscriber then"
            return Refused("conflict", "numberInUse", message, "logicalResource.value")
    return None


def _admit(work: Work, item: NewSubscriber, accounts: dict[str, dict], batch: _Batch) -> tuple[Done, Provisioned]:
    party, device, product = new_id(work.now), new_id(work.now), new_id(work.now)
    batch.parties.append((party, item.name, item.party))
    account = accounts.get(item.account_id or item.account_external_id or "")
    if account is None:
        account = {"id": new_id(work.now), "kind": item.account_kind, "currency": item.currency}
        accounts[account["id"]] = account
        if item.account_external_id:
            accounts[item.account_external_id] = account
        batch.accounts.append(
            (account["id"], item.account_external_id, party, item.account_kind, item.currency, item.billing_day)
        )
    batch.devices.append((device, account["id"], item.number))
    owned = [(product, item.external_id, "subscription", item.offering_id, item.plan_id)]
    owned += [(new_id(work.now), None, "addOn", pack.offering_id, pack.plan_id) for pack in item.add_ons]
    for product_id, external_id, kind, offering_id, plan_id in owned:
        batch.products.append(
            (product_id, external_id, kind, account["id"], device, offering_id, plan_id, item.valid_from, item.valid_to)
        )
    batch.numbers.append((item.number, item.valid_from, item.valid_to, device, product))
    done = Provisioned(tuple(row[0] for row in owned), account["id"], item.account_kind, item.currency, item.valid_from)
    return Done(product, ("create",)), done


class Change(msgspec.Struct, frozen=True):
    """One change of a subscription at an instant; offering and plan are those to change to."""

    product_id: str
    action: str
    at: datetime
    body: str
    offering_id: str | None = None
    plan_id: str | None = None
    account_kind: str | None = None


class Changed(NamedTuple):
    """What a change touched: the products (the subscription first, then its packs where they are touched too)."""

    action: str
    product_ids: tuple[str, ...]
    account_id: str
    at: datetime


async def take_turn(work: Work, product_ids: Iterable[str]) -> set[str]:
    """Lock the subscriptions that a group is to change, in the order that all groups lock them; their accounts."""
    return {row["account_id"] for row in await work.conn.fetch(q.lock_products, sorted(set(product_ids)))}


async def change(work: Work, items: Sequence[Change]) -> list[tuple[Done, Changed] | Refused]:
    """Change plan, suspend, resume or port out; each is kept as a resource of its own."""
    rows = await work.conn.fetch(q.lock_products, sorted({item.product_id for item in items}))
    products = {row["id"]: dict(row) for row in rows}
    results: list[tuple[Done, Changed] | Refused] = []
    for item in items:
        product = products.get(item.product_id)
        if product is None:
            results.append(
                Refused("invalid", "unknownSubscriber", "subscriber.id: no such subscriber", "subscriber.id")
            )
            continue
        allowed, after = CHANGES[item.action]
        if product["status"] not in allowed:
            message = f"action: a {product['status']} subscriber cannot {item.action}"
            results.append(Refused("conflict", "illegalTransition", message, "action"))
            continue
        if item.at <= product["plan_since"]:
            message = "effectiveDate: lies before the plan now in force began"
            results.append(Refused("conflict", "tooEarly", message, "effectiveDate"))
            continue
        if item.action == "changePlan" and item.account_kind != product["account_kind"]:
            message = f"productOffering.id: is not for a {product['account_kind']} account"
            results.append(Refused("invalid", "accountMismatch", message, "productOffering.id"))
            continue
        touched = await _apply(work, item, product, after)
        product |= {"status": after} | ({"plan_since": item.at} if item.action == "changePlan" else {})
        change_id = new_id(work.now)
        await work.conn.execute(q.keep_change, change_id, item.product_id, item.action, item.at, item.body)
        results.append((Done(change_id, ("create",)), Changed(item.action, touched, product["account_id"], item.at)))
    return results


async def _apply(work: Work, item: Change, product: dict[str, Any], after: str) -> tuple[str, ...]:
    conn, subscription = work.conn, item.product_id
    if item.action == "changePlan":
        await conn.execute(q.end_plans, [subscription], item.at)
        await conn.execute(q.start_plan, subscription, item.at, item.offering_id, item.plan_id)
        return (subscription,)
    touched = (subscription, *[row["id"] for row in await conn.fetch(q.add_ons, [product["device_id"]])])
    if item.action == "portOut":
        await conn.execute(q.end_products, list(touched), item.at)
        await conn.execute(q.end_plans, list(touched), item.at)
        await conn.execute(q.end_number_uses, [subscription], item.at)
    else:
        await conn.execute(q.set_status, list(touched), after)
    return touched


class NewAddOn(msgspec.Struct, frozen=True):
    """A pack bought to a line that is there, from now until `valid_to`."""

    subscription_id: str
    offering_id: str
    plan_id: str
    valid_to: datetime | None = None


async def add_on(work: Work, items: Sequence[NewAddOn]) -> list[str | None]:
    """Add packs to lines that are locked; the id of each new product, None where the line is not active."""
    rows = [(new_id(work.now), item.subscription_id, item.offering_id, item.plan_id, item.valid_to) for item in items]
    kept = {row["product_id"] for row in await work.conn.fetch(q.keep_add_ons, work.now, *_columns(rows))}
    return [row[0] if row[0] in kept else None for row in rows]


async def subscriptions(work: Work, product_ids: Sequence[str], ats: Sequence[datetime]) -> list[Subscription]:
    """The products with the plan in force at the instant given for each; ended ones are left out."""
    rows = await work.conn.fetch(q.subscriptions, list(product_ids), list(ats))
    return [Subscription(**row) for row in rows]


async def guide(
    work: Work, numbers: Sequence[str | None], products: Sequence[str | None], ats: Sequence[datetime]
) -> list[Guided | None]:
    """For each use, to whom it belongs: by product where one is named, else by who held the number then."""
    found: list[Guided | None] = [None] * len(numbers)
    named = list(products) if any(products) else []
    for row in await work.conn.fetch(q.guide, list(numbers), named, list(ats)):
        n, *columns = row.values()
        found[n - 1] = Guided(*columns)
    return found


async def holders(
    work: Work, numbers: Sequence[str], products: Sequence[str]
) -> dict[str, list[tuple[datetime | None, datetime | None, str]]]:
    """By number or product, the accounts that had it: (from, to, account); a product has always been one account's."""
    found: dict[str, list[tuple[datetime | None, datetime | None, str]]] = {}
    for name, *period in await work.conn.fetch(q.holders, list(numbers), list(products)):
        found.setdefault(name, []).append((period[0], period[1], period[2]))
    return found


def _columns(rows: Sequence[tuple]) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)]
