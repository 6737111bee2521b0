"""What may be sold at an instant, as candidates: offerings of the catalog with the plan that then holds for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from oxl.engines.catalog.catalog import Catalog, plan_at
from oxl.engines.catalog.offering import Offering
from oxl.engines.catalog.plan import Allowance, Plan
from oxl.engines.recommendation.facts import Candidate, Grant, Price


def candidates_at(catalog: Catalog, at: datetime) -> tuple[Candidate, ...]:
    """Every offering that is sold at an instant; one whose plan is not valid yet is not."""
    excluding: dict[str, set[str]] = defaultdict(set)  # exclusion holds both ways, by offerings no longer sold too
    for offering in catalog.offerings.values():
        for relation in offering.relations:
            if relation.type == "excludes":
                excluding[relation.id].add(offering.id)
    found = []
    for offering in catalog.offerings.values():
        plan = plan_at(catalog, offering.plan, at) if offering.plan else None
        if offering.sold_at(at) and bool(plan) == bool(offering.plan):
            found.append(_candidate(offering, plan, excluding[offering.id]))
    return tuple(found)


def next_change(catalog: Catalog, at: datetime) -> datetime | None:
    """When the candidates will next be others, if the catalog stays as it is; None: not by themselves."""
    edges = {edge for each in catalog.offerings.values() for edge in (each.valid_from, each.valid_to) if edge}
    edges |= {plan.valid_from for versions in catalog.plans.values() for plan in versions}
    return min((edge for edge in edges if edge > at), default=None)


def _candidate(offering: Offering, plan: Plan | None, excluding: Iterable[str]) -> Candidate:
    relations = {kind: tuple(each.id for each in offering.relations if each.type == kind)
                 for kind in ("requires", "excludes", "upgradeOf")}  # fmt: skip
    return Candidate(
        id=offering.id,
        name=offering.name,
        description=offering.description,
        category=offering.category,
        kind=plan.kind if plan else "",
        currency=plan.currency if plan else "",
        tax_included=plan.tax_included if plan else True,
        prices=_prices(plan) if plan else (),
        grants=tuple(_grant(each) for each in plan.allowances) if plan else (),
        specification=offering.product_specification,
        is_bundle=offering.is_bundle,
        bundled=offering.bundled,
        channel=offering.channel,
        place=offering.place,
        segments=offering.market_segment,
        requires=relations["requires"],
        excludes=tuple(sorted({*relations["excludes"], *excluding})),
        upgrade_of=relations["upgradeOf"],
        margin=offering.margin,
        repeatable=offering.repeatable,
        minimum_age=offering.minimum_age,
    )


def _prices(plan: Plan) -> tuple[Price, ...]:
    recurring = [Price(each.name, each.price, True) for each in plan.recurring]
    return (*recurring, *(Price(each.name, each.price, False) for each in plan.one_time))


def _grant(allowance: Allowance) -> Grant:
    match = allowance.match
    return Grant(allowance.unit, allowance.amount, allowance.display_unit, match.service, match.zone)
