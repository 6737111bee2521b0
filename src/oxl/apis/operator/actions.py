"""What POST means to an operator: provision a subscriber, change one. HTTP, bulk file and command line call this."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from oxl.apis.standard import instant_in
from oxl.engines.catalog.catalog import Catalog, plan_at
from oxl.engines.catalog.plan import Plan
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.inventory.inventory import AddOn, Change, NewSubscriber, Provisioned, change, subscribe, take_turn
from oxl.engines.ledger import grants, proof
from oxl.verbs import Done, Refusal, Refused, Work, invalid

_OLDEST = timedelta(days=3660)  # every period since a line's start is granted when it is provisioned
_BODY = msgspec.json.Encoder(decimal_format="number")


def _plan_of(catalog: Catalog, offering_id: str, field: str, work: Work) -> Plan:
    offering = catalog.offerings.get(offering_id)
    if offering is None or not offering.plan:
        raise invalid(field, f"no offering {offering_id[:60]!r} with a price plan is in the catalog", "unknownOffering")
    if not offering.sold_at(work.now):
        raise Refusal(Refused("conflict", "offeringNotSold", f"{field}: {offering_id} is not sold now", field))
    return plan_at(catalog, offering.plan, work.now) or catalog.plans[offering.plan][0]


def subscriber_of(body: dict[str, Any], catalog: Catalog, work: Work) -> NewSubscriber:
    """The line that a checked body describes; Refusal names what is wrong with it."""
    plan = _plan_of(catalog, body["productOffering"]["id"], "productOffering.id", work)
    account, party = body.get("billingAccount", {}), body["party"]
    for name, value in (("kind", plan.kind), ("currency", plan.currency)):
        if account.get(name, value) != value:
            raise invalid(f"billingAccount.{name}", f"the offering needs {value}")
    if plan.kind == "addon":
        raise invalid("productOffering.id", "is a pack, bought to a subscription by addOn")
    packs = []
    for n, reference in enumerate(body.get("addOn", ())):
        pack = _plan_of(catalog, reference["id"], f"addOn[{n}].id", work)
        if pack.kind != "addon":
            raise invalid(f"addOn[{n}].id", "is a subscription of its own")
        packs.append(AddOn(reference["id"], pack.id))
    start = instant_in(body, "validFor", "startDateTime") or work.now
    end = instant_in(body, "validFor", "endDateTime")
    if start < work.now - _OLDEST:
        raise invalid("validFor.startDateTime", f"lies more than {_OLDEST.days} days back")
    if end is not None and end <= start:
        raise invalid("validFor.endDateTime", "must be later than the start")
    number = body["logicalResource"].get("value")
    if number is None:
        raise invalid("logicalResource.value", "is required", "missingAttribute")
    return NewSubscriber(
        external_id=body.get("externalId"),
        name=party.get("name") or " ".join(filter(None, (party.get("givenName"), party.get("familyName")))),
        party=_BODY.encode(party).decode(),
        account_id=account.get("id"),
        account_external_id=account.get("externalId"),
        account_kind=plan.kind,
        currency=plan.currency,
        billing_day=account.get("billingDay", 1),
        number=number.lstrip("+"),
        offering_id=body["productOffering"]["id"],
        plan_id=plan.id,
        valid_from=start,
        valid_to=end,
        add_ons=tuple(packs),
    )


async def create_subscriber(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /subscriber: the line with its buckets, granted for every period that has begun."""
    catalog = await catalog_of(work)
    wanted: list[NewSubscriber | Refused] = []
    for body in bodies:
        try:
            wanted.append(subscriber_of(body, catalog, work))
        except Refusal as refusal:
            wanted.append(refusal.refused)
    made = iter(await subscribe(work, [each for each in wanted if isinstance(each, NewSubscriber)]))
    results: list[Done | Refused] = []
    opened: list[Provisioned] = []
    for each in wanted:
        outcome = each if isinstance(each, Refused) else next(made)
        if isinstance(outcome, Refused):
            results.append(outcome)
        else:
            results.append(outcome[0])
            opened.append(outcome[1])
    latest_first = sorted(opened, key=lambda line: line.valid_from, reverse=True)
    since = {line.account_id: line for line in latest_first if line.account_kind == "prepaid"}
    await grants.open_main(work, [(line.account_id, line.currency, line.valid_from) for line in since.values()])
    await grants.schedule(
        work, [(product, line.account_id, line.valid_from) for line in opened for product in line.product_ids]
    )
    await grants.grant_due(work, sorted({line.account_id for line in opened}))
    return results


async def create_change(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /subscriberChange: the change at its date, and what it means for the subscriber's buckets."""
    catalog = await catalog_of(work)
    await grants.take_turn(work, await take_turn(work, [body["subscriber"]["id"] for body in bodies]))
    results: list[Done | Refused] = []
    for body in bodies:  # one after another: a later change may be of the same subscriber
        try:
            outcome = (await change(work, [_change_of(body, catalog, work)]))[0]
        except Refusal as refusal:
            outcome = refusal.refused
        if isinstance(outcome, Refused):
            results.append(outcome)
            continue
        done, changed = outcome
        if changed.action in ("suspend", "resume"):
            await grants.set_status(work, changed.product_ids, "suspended" if changed.action == "suspend" else "active")
        else:
            await grants.end(work, changed.product_ids, changed.at)
        if changed.action == "changePlan":
            await grants.schedule(work, [(changed.product_ids[0], changed.account_id, changed.at)])
            await grants.grant_due(work, [changed.account_id])
        results.append(done)
    return results


def _change_of(body: dict[str, Any], catalog: Catalog, work: Work) -> Change:
    at = instant_in(body, "effectiveDate") or work.now
    if at > work.now:
        raise invalid("effectiveDate", "lies in the future; changes take effect at once or from the past")
    text = _BODY.encode({name: value for name, value in body.items() if name != "id"}).decode()
    if body["action"] != "changePlan":
        return Change(body["subscriber"]["id"], body["action"], at, text)
    if "productOffering" not in body:
        raise invalid("productOffering", "is required to change plan", "missingAttribute")
    plan = _plan_of(catalog, body["productOffering"]["id"], "productOffering.id", work)
    offering = body["productOffering"]["id"]
    return Change(body["subscriber"]["id"], "changePlan", at, text, offering, plan.id, plan.kind)


async def create_proof(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /ledgerProof: hold every invariant against the database as it is now."""
    return await proof.keep_proofs(work, len(bodies))
