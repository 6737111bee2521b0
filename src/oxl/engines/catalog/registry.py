"""The catalog in force in a tenant: published as a whole into the database, compiled once per revision in each process.

Everything to the right of the catalog asks here; `publish` is how a folder of catalog files becomes the tenant's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.catalog import Catalog, load_texts, offering_file, plan_at, relisted
from oxl.engines.catalog.document import CatalogError
from oxl.engines.catalog.offering import LIFE_CYCLE, Offering
from oxl.engines.catalog.plan import Plan
from oxl.engines.catalog.specification import Specification
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.catalog", "catalog.sql")

_EMPTY = Catalog({}, {}, {}, {}, {})
_compiled: dict[str, tuple[int, Catalog]] = {}  # by tenant schema: revision and catalog


class PlanChangedError(ValueError):
    """A published version of a price plan came with another text: a change needs a new version."""


async def catalog_of(work: Work) -> Catalog:
    """The tenant's catalog as it stands in this transaction."""
    revision = await work.conn.fetchval(q.revision)
    if revision is None:
        return _EMPTY
    known = _compiled.get(work.tenant)
    if known is None or known[0] != revision:
        known = _compiled[work.tenant] = (revision, load_texts(await texts_of(work)))
    return known[1]


async def texts_of(work: Work) -> dict[str, str]:
    """The texts of the tenant's catalog files by path, for whoever compiles them elsewhere."""
    return {row["path"]: row["text"] for row in await work.conn.fetch(q.files)}


async def plan_in_force(work: Work, plan_id: str, at: datetime) -> Plan:
    """The version of the plan that holds at an instant; before its first version, the first; LookupError if unknown."""
    catalog = await catalog_of(work)
    if plan_id not in catalog.plans:
        raise LookupError(f"no price plan {plan_id!r} is published")
    return plan_at(catalog, plan_id, at) or catalog.plans[plan_id][0]


async def publish(work: Work, texts: dict[str, str]) -> Catalog:
    """Make these files, beside those published before, the tenant's catalog.

    CatalogError when the whole does not hold together; PlanChangedError when a plan version that is out already would
    change under those who are on it. Publishing the same files again changes nothing. An offering that was changed
    singly stays so until the list describes it anew.
    """
    await work.conn.execute(q.publishing_turn)
    before = await texts_of(work)
    after = before | texts
    if after == before:
        return await catalog_of(work)
    listed = texts.get("offerings.yaml", "")
    anew = relisted(before.get("offerings.yaml", ""), listed) if before and listed else set()
    outdated = {offering_file(each) for each in anew} & before.keys() - texts.keys()
    after = {path: text for path, text in after.items() if path not in outdated}
    catalog = load_texts(after)
    for plan_id, versions in (await catalog_of(work)).plans.items():
        for plan in versions:
            if plan not in catalog.plans.get(plan_id, ()):
                raise PlanChangedError(f"plan {plan_id} version {plan.version} is published; write a new version")
    await work.conn.fetchval(q.raise_revision)
    await work.conn.execute(q.drop_files, list(outdated))
    await work.conn.execute(q.keep_files, list(texts), list(texts.values()))
    await work.conn.execute(q.clear_items)
    items = _items(catalog)
    await work.conn.execute(q.keep_items, *[list(column) for column in zip(*items, strict=True)])
    return catalog


async def publish_told(work: Work, texts: dict[str, str]) -> list[Done]:
    """`publish`, telling what came of each offering: created, changed, in another state of its life."""
    before = await catalog_of(work)
    after = await publish(work, texts)
    return told(before.offerings, after.offerings)


def told(before: dict[str, Offering], after: dict[str, Offering]) -> list[Done]:
    """What happened to the offerings between two catalogs."""
    found: list[Done] = []
    for offering in after.values():
        old = before.get(offering.id)
        if old is None:
            found.append(Done(offering.id, ("create",)))
        elif old != offering:
            same_state = msgspec.structs.replace(old, lifecycle_status=offering.lifecycle_status)
            happened = {"attributeValueChange": same_state != offering, "stateChange": same_state != old}
            found.append(Done(offering.id, tuple(change for change, is_so in happened.items() if is_so)))
    return found


async def keep_offerings(work: Work, items: Sequence[dict[str, Any]], *, new: bool) -> list[Done | Refused]:
    """Publish single offerings, each as the values of its file; those that are new must not be there, others must.

    Refused, with nothing kept: a state that cannot follow the one before, and what the catalog as a whole cannot bear.
    """
    results: list[Done | Refused] = []
    for item in items:
        await work.conn.execute(q.publishing_turn)
        old = (await catalog_of(work)).offerings.get(item["id"])
        if new and old is not None:
            message = f"externalId: {item['id']} is the id of another offering; give one of its own"
            results.append(Refused("conflict", "idInUse", message, "externalId"))
            continue
        after = item.get("lifecycleStatus", "Active")
        if old is not None and after != old.lifecycle_status and after not in LIFE_CYCLE[old.lifecycle_status]:
            message = f"lifecycleStatus: {after} cannot follow {old.lifecycle_status}"
            results.append(Refused("conflict", "illegalTransition", message, "lifecycleStatus"))
            continue
        try:
            await publish(work, {offering_file(item["id"]): msgspec.json.encode(item).decode()})
        except CatalogError as error:
            problem = error.problems[0]
            message = f"{problem.field}: {problem.message}"
            results.append(Refused("invalid", "invalidOffering", message, problem.field or None))
        else:
            results.append(Done(item["id"], ("create",) if new else ()))
    return results


def _items(catalog: Catalog) -> list[tuple[str, str, int, datetime | None, str]]:
    """What is shown of the catalog, one row each: offerings, usage specifications, plan versions."""
    rows: list[tuple[str, str, int, datetime | None, Any]] = [
        ("productOffering", offering.id, 0, None, msgspec.to_builtins(offering))
        for offering in catalog.offerings.values()
    ]
    for specification in catalog.specifications.values():
        characteristics = [
            {"name": each.name, "value_type": each.value_type, "required": each.required, "units": each.units,
             "minimum": None if each.minimum is None else str(each.minimum),
             "default": None if each.default is None else str(each.default), "description": each.description}
            for each in specification.characteristics.values()
        ]  # fmt: skip
        shown = {"name": specification.name, "description": specification.description, "version": specification.version,
                 "service": specification.service, "characteristics": characteristics,
                 "country_code": specification.country_code, "roles": _roles(specification)}  # fmt: skip
        rows.append(("usageSpecification", specification.id, 0, None, shown))
    for versions in catalog.plans.values():
        rows += [("pricePlan", plan.id, plan.version, plan.valid_from, _shown(plan)) for plan in versions]
    return [(*row[:4], msgspec.json.encode(row[4]).decode()) for row in rows]


def _roles(specification: Specification) -> dict[str, str]:
    roles = msgspec.structs.asdict(specification.roles)
    roles["quantityUnit"] = roles.pop("quantity_unit") or specification.fixed_unit
    return {role: name for role, name in roles.items() if name}


def _shown(plan: Plan) -> dict[str, Any]:
    """What a person asks of a plan: its components by name; how they are priced stays with rating."""
    return {
        "name": plan.name,
        "description": plan.description,
        "kind": plan.kind,
        "currency": plan.currency,
        "tax_included": plan.tax_included,
        "allowances": [
            {"id": each.id, "name": each.name, "amount": each.amount, "unit": each.unit, "shared": each.shared}
            for each in plan.allowances
        ],
        "usage": [{"id": each.id, "name": each.name, "unit": each.unit} for each in plan.usage],
        "free": [  # without limit; to single numbers it is nothing that a customer counts on
            {"id": each.id, "name": each.name, "service": sorted(each.match.service), "zone": sorted(each.match.zone)}
            for each in plan.usage
            if each.free and not each.match.destination
        ],
        "recurring": [{"id": each.id, "name": each.name, "price": each.price} for each in plan.recurring],
    }
