"""What plans cost besides usage, as the bill run's statement reads it: one row for each fee of each plan version."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from oxl.engines.billing.periods import local_day
from oxl.engines.billing.sums import rate_of
from oxl.engines.catalog.catalog import Catalog, tax_percent_at

_ALWAYS, _EVER = date(1, 1, 1), date(9999, 12, 31)


def prices_of(catalog: Catalog, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The fees of all plans. A version holds from its day until the next one's; the first also for days before it.

    A plan with shared allowances is paid once by an account, however many products are on it.
    """
    rows: list[dict[str, Any]] = []
    for versions in catalog.plans.values():
        for n, plan in enumerate(versions):
            shared = bool(plan.allowances) and all(each.shared for each in plan.allowances)
            common = {
                "plan_id": plan.id,
                "version": plan.version,
                "from_day": local_day(plan.valid_from, zone) if n else _ALWAYS,
                "to_day": local_day(versions[n + 1].valid_from, zone) if n + 1 < len(versions) else _EVER,
                "tax_category": plan.tax_category,
                "tax_included": plan.tax_included,
                "shared": shared,
            }
            rows += [
                common
                | {"component": fee.id, "name": fee.name, "price": fee.price, "recurring": True,
                   "in_advance": fee.timing == "advance", "by_day": fee.proration == "day"}
                for fee in plan.recurring
            ]  # fmt: skip
            rows += [
                common
                | {"component": fee.id, "name": fee.name, "price": fee.price, "recurring": False, "in_advance": True,
                   "by_day": False}
                for fee in plan.one_time
            ]  # fmt: skip
    return rows


def savings_of(catalog: Catalog) -> list[dict[str, Any]]:
    """What the discounts of plans take off their fees: a row for each discount, fee and span of months of tenure.

    Discounts are taken one after another, so that the share of one depends on which others the tenure brings as well;
    `share` is exact, as decimal text.
    """
    rows: list[dict[str, Any]] = []
    for plan in (plan for versions in catalog.plans.values() for plan in versions):
        fees = [("recurring", fee.id) for fee in plan.recurring] + [("oneTime", fee.id) for fee in plan.one_time]
        for kind, fee in fees:
            found = [each for each in plan.discounts if each.on == kind and fee in (each.components or {fee})]
            starts = sorted({each.tenure_months for each in found})
            for since, until in zip(starts, [*starts[1:], None][: len(starts)], strict=True):
                kept = Decimal(1)
                for each in (one for one in found if one.tenure_months <= since):
                    share, kept = kept * each.percent / 100, kept * (100 - each.percent) / 100
                    named = {"plan_id": plan.id, "version": plan.version, "component": fee}
                    named |= {"id": each.id, "name": each.name, "share": str(share)}
                    rows.append(named | {"from_month": since, "to_month": until})
    return rows


def rates_at(catalog: Catalog, at: datetime) -> dict[str, int]:
    """The rate of every tax category that has one at an instant, in ten-thousandths of a percent."""
    known = {category: tax_percent_at(catalog, category, at) for category in catalog.tax_categories}
    return {category: rate_of(percent) for category, percent in known.items() if percent is not None}


def names_of(catalog: Catalog) -> list[dict[str, str]]:
    """What usage components are called on bills, by plan: as its newest version has it."""
    found = {
        (plan.id, component.id): component.name
        for versions in catalog.plans.values()
        for plan in versions
        for component in plan.usage
    }
    return [{"plan_id": plan, "component": component, "name": name} for (plan, component), name in found.items()]
