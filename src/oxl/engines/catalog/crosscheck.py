"""The checks between the documents of a catalog: every name that one document takes from another must be there.

The last step of loading. A check against a file that is itself broken is left out, as what is missing may be in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from oxl.engines.catalog.document import Page
from oxl.engines.catalog.plan import Allowance, Plan, UsageComponent
from oxl.engines.catalog.zones import HOME, ZoneTable


@dataclass
class Loaded:
    """A catalog while it is loaded: what was made of each document, with its page, and which documents are broken."""

    pages: list[Page] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    lists: dict[str, list[tuple[Any, Page, str]]] = field(default_factory=dict)
    plans: list[tuple[Plan, Page, dict[str, str | None]]] = field(default_factory=list)
    zone_tables: dict[str, ZoneTable] = field(default_factory=dict)

    def page(self, file: str) -> Page:
        """A new page for a file that is not read as a document."""
        self.pages.append(Page(file))
        return self.pages[-1]


def crosscheck(loaded: Loaded) -> None:
    """Note on the pages every reference that leads nowhere and every pair of documents that contradict each other."""
    units = _units_of_services(loaded)
    for plan, page, zones in loaded.plans:
        if "zones" not in loaded.broken:
            _check_zones(plan, page, zones, loaded.zone_tables)
        if "specifications.yaml" not in loaded.broken:
            for part, members in (("usage", plan.usage), ("allowances", plan.allowances)):
                for index, member in enumerate(members):
                    _check_services(page, f"{part}[{index}]", member, units)
        if "tax.yaml" not in loaded.broken:
            _check_tax(plan, page, loaded)
    _check_versions(loaded)
    _check_offerings(loaded)


def _units_of_services(loaded: Loaded) -> dict[str, str]:
    """The ledger unit in which each service is measured, as the usage specifications say."""
    units: dict[str, str] = {}
    for specification, page, where in loaded.lists.get("specifications", ()):
        known = units.setdefault(specification.service, specification.unit)
        if known != specification.unit:
            message = f"{specification.service} is measured in {known} elsewhere, here in {specification.unit}"
            page.wrong(f"{where}.service", message)
    return units


def _check_zones(plan: Plan, page: Page, zones: dict[str, str | None], tables: dict[str, ZoneTable]) -> None:
    known = {HOME}
    sound = True
    for role, table_id in zones.items():
        if table_id is not None and table_id not in tables:
            page.wrong(f"zones.{role}", f"no such zone table: {table_id}")
            sound = False
        elif table_id is not None:
            known |= tables[table_id].zones
    for part, members in (("usage", plan.usage), ("allowances", plan.allowances)):
        for index, member in enumerate(members):
            for zone in sorted(member.match.zone - known if sound else ()):
                page.wrong(f"{part}[{index}].match.zone", f"{zone} is in none of the plan's zone tables")


def _check_services(page: Page, where: str, member: UsageComponent | Allowance, units: dict[str, str]) -> None:
    for service in sorted(member.match.service):
        if service not in units:
            page.wrong(f"{where}.match.service", f"no usage specification for the service {service}")
        elif member.unit not in ("", units[service]) and not _is_money(member):
            field_name = f"{where}.unit" if isinstance(member, UsageComponent) else f"{where}.units"
            page.wrong(field_name, f"{service} is measured in {units[service]}, not {member.unit}")


def _is_money(member: UsageComponent | Allowance) -> bool:
    return isinstance(member, Allowance) and member.usage_type == "monetary"


def _check_tax(plan: Plan, page: Page, loaded: Loaded) -> None:
    category = next((each for each, _, _ in loaded.lists["taxCategories"] if each.id == plan.tax_category), None)
    if category is None:
        page.wrong("taxCategory", f"no such tax category: {plan.tax_category}")
    elif category.rates[0].valid_from > plan.valid_from:
        page.wrong("taxCategory", f"{category.id} has no rate yet when the plan becomes valid")


def _check_versions(loaded: Loaded) -> None:
    latest: dict[str, Plan] = {}
    files: dict[tuple[str, int], str] = {}
    for plan, page, _ in sorted(loaded.plans, key=lambda each: each[0].version):
        before = latest.get(plan.id)
        if (plan.id, plan.version) in files:
            page.wrong("version", f"{plan.id} has a version {plan.version} in {files[plan.id, plan.version]} already")
        elif before and plan.valid_from <= before.valid_from:
            page.wrong("validFrom", f"must be later than that of version {before.version}")
        if before and plan.currency != before.currency:
            page.wrong("currency", f"cannot change: version {before.version} is in {before.currency}")
        files.setdefault((plan.id, plan.version), page.file)
        latest[plan.id] = plan


def _check_offerings(loaded: Loaded) -> None:
    offerings = loaded.lists.get("offerings", [])
    plans = {plan.id for plan, _, _ in loaded.plans}
    known = {offering.id for offering, _, _ in offerings}
    for offering, page, where in offerings:
        if offering.plan and offering.plan not in plans and "plans" not in loaded.broken:
            page.wrong(f"{where}.plan", f"no such plan: {offering.plan}")
        for index, other in enumerate(offering.bundled):
            if other == offering.id or (other not in known and "offerings.yaml" not in loaded.broken):
                page.wrong(f"{where}.bundledProductOffering[{index}]", f"no such other offering: {other}")
        for index, relation in enumerate(offering.relations):
            if relation.id == offering.id or (relation.id not in known and "offerings.yaml" not in loaded.broken):
                field_name = f"{where}.productOfferingRelationship[{index}].id"
                page.wrong(field_name, f"no such other offering: {relation.id}")
