"""The usage engine's verb for explanations: of a stored usage as it was rated, or of a record by a plan."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.catalog import Catalog, plan_at, plan_version, tax_percent_at
from oxl.engines.catalog.plan import Plan
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.catalog.specification import UsageEvent, read
from oxl.engines.inventory.inventory import guide
from oxl.engines.usage import revise
from oxl.engines.usage.case import Record, Stored, read_body
from oxl.engines.usage.explain import Given, Step, explain
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work, invalid

q = load("oxl.engines.usage", "explain.sql")

_JSON = msgspec.json.Encoder()


class Asked(msgspec.Struct, frozen=True):
    """What is to be explained: a usage that is stored, or a record; by the plan named, else as it is or was rated."""

    usage_id: str | None = None
    record: Record | None = None
    plan_id: str | None = None
    plan_version: int | None = None


async def explained(work: Work, items: Sequence[Asked]) -> list[Done | Refused]:
    """Explain and keep each; Refused where there is nothing of that name or the record does not fit."""
    catalog = await catalog_of(work)
    results: list[Done | Refused] = []
    for item in items:
        try:
            steps = await _steps(work, catalog, item)
        except Refusal as refusal:
            results.append(refusal.refused)
            continue
        explanation_id = new_id(work.now)
        await work.conn.execute(
            q.keep_explanation, explanation_id, item.usage_id, work.now, _JSON.encode(steps).decode()
        )
        results.append(Done(explanation_id, ("create",)))
    return results


async def _steps(work: Work, catalog: Catalog, item: Asked) -> list[Step]:
    found = await revise.stored(work, [item.usage_id]) if item.usage_id else []
    if item.usage_id and not found:
        raise invalid("usage.id", "no such usage", "unknownUsage")
    usage = found[0] if found else None
    record = read_body(usage.body) if usage else item.record
    if record is None:
        raise invalid("usage", "give the usage's id, or a record and a plan", "missingAttribute")
    event = event_in(catalog, record)
    plan = planned(catalog, event, item.plan_id or (usage.plan_id if usage else None), item.plan_version, usage)
    since = None
    if usage and usage.product_id:
        (owner,) = await guide(work, [None], [usage.product_id], [event.start])
        since = owner.since if owner else None
    steps = explain(plan, event, _given(catalog, plan, event, usage)._replace(since=since))
    status = f"{usage.status}{f': {usage.reason}' if usage.reason else ''}" if usage else ""
    return [*([Step("status", status)] if status else []), *steps]


def event_in(catalog: Catalog, record: Record) -> UsageEvent:
    """The event of a record; Refusal where its specification is unknown or it does not fit."""
    specification = catalog.specifications.get(record.specification_id)
    if specification is None:
        raise invalid("usageSpecification.id", "no such usage specification", "unknownSpecification")
    return read(specification, record.characteristics)


def planned(
    catalog: Catalog, event: UsageEvent, plan_id: str | None, version: int | None, usage: Stored | None = None
) -> Plan:
    """The plan version that is to price an event; Refusal where there is none."""
    if plan_id is None:
        raise invalid("pricePlan.id", "is required: no plan has priced this usage", "missingAttribute")
    if version is None and usage and usage.plan_id == plan_id:
        version = usage.plan_version
    plan = plan_at(catalog, plan_id, event.start) if version is None else plan_version(catalog, plan_id, version)
    if plan is None:
        raise invalid("pricePlan.id", "no such version of a price plan, or none that was valid then", "unknownPlan")
    return plan


def _given(catalog: Catalog, plan: Plan, event: UsageEvent, usage: Stored | None) -> Given:
    rate = tax_percent_at(catalog, plan.tax_category, event.start) or Decimal(0)
    if usage is None:
        return Given(rate)
    included = sum(line.quantity for line in usage.prices if line.kind == "included")
    used = [line.used for line in usage.prices if isinstance(line.used, int)]
    return Given(rate, included, used[0] if used else 0)
