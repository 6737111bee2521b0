"""The catalog of an operator, loaded from a folder and checked as a whole.

    specifications.yaml   offerings.yaml   tax.yaml   plans/*.yaml, a plan version each   zones/*.csv
    and where wanted: specifications/*.yaml, further ones   rating.yaml, the rules on time
    offerings/*.yaml, an offering each, in place of the one of that id in offerings.yaml
    balances.yaml, which may be left out

`load_folder` is where the catalog comes in; the rest of OXL reads the `Catalog` it gives. A catalog with anything wrong
in it is not taken at all, and everything that is wrong is told together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from oxl.engines.catalog.balances import BALANCES, POLICY, Policy, policy_of
from oxl.engines.catalog.crosscheck import Loaded, crosscheck
from oxl.engines.catalog.document import CatalogError, Page, Record, read_document
from oxl.engines.catalog.offering import (
    OFFERING,
    OFFERINGS,
    TAXES,
    Offering,
    TaxCategory,
    offering_of,
    tax_category_of,
)
from oxl.engines.catalog.plan import Plan
from oxl.engines.catalog.plan_document import PLAN, compile_plan
from oxl.engines.catalog.rules import RULES, Rules, rules_of
from oxl.engines.catalog.specification import Specification
from oxl.engines.catalog.specification_document import SPECIFICATIONS, prepare
from oxl.engines.catalog.zones import ZoneTable, read_zone_table

# The documents that hold a list: file, its shape, the name of the list, and what makes one thing of an item.
_LISTS: tuple[tuple[str, Record, str, Callable[[Page, str, Any], Any]], ...] = (
    ("specifications.yaml", SPECIFICATIONS, "specifications", prepare),
    ("offerings.yaml", OFFERINGS, "offerings", offering_of),
    ("tax.yaml", TAXES, "taxCategories", tax_category_of),
)
_FOLDERS = {"plans": ".yaml", "zones": ".csv", "specifications": ".yaml", "offerings": ".yaml"}
_RULES_FILE = "rating.yaml"
_BALANCES = "balances.yaml"


class Catalog(msgspec.Struct, frozen=True):
    """Everything an operator sells and how it is priced and taxed."""

    specifications: dict[str, Specification]
    zone_tables: dict[str, ZoneTable]
    plans: dict[str, tuple[Plan, ...]]  # the versions of a plan, the oldest first
    offerings: dict[str, Offering]
    tax_categories: dict[str, TaxCategory]
    rules: Rules = Rules()
    balances: Policy = POLICY


def plan_at(catalog: Catalog, plan: str, at: datetime) -> Plan | None:
    """The version of a plan that is valid at an instant; None before the first one or when there is no such plan."""
    for each in reversed(catalog.plans.get(plan, ())):
        if each.valid_from <= at:
            return each
    return None


def plan_version(catalog: Catalog, plan: str, version: int) -> Plan | None:
    """One version of a plan, by its number; None when there is none."""
    return next((each for each in catalog.plans.get(plan, ()) if each.version == version), None)


def tax_percent_at(catalog: Catalog, category: str, at: datetime) -> Decimal | None:
    """The percentage that a tax category takes at an instant; None when none is known."""
    known = catalog.tax_categories.get(category)
    return next((rate.percent for rate in reversed(known.rates) if rate.valid_from <= at), None) if known else None


def load_folder(folder: Path) -> Catalog:
    """The catalog in a folder; CatalogError with all that is wrong when it cannot be taken."""
    loaded = Loaded()
    return _load(loaded, _texts(folder, loaded))


def load_texts(texts: dict[str, str]) -> Catalog:
    """The catalog in files that were read already, by their path in the folder; CatalogError as for a folder."""
    return _load(Loaded(), texts)


def read_texts(folder: Path) -> dict[str, str]:
    """The text of every catalog file in a folder by its path there; CatalogError when one cannot be read."""
    loaded = Loaded()
    texts = _texts(folder, loaded)
    problems = [problem for page in loaded.pages for problem in page.problems]
    if problems:
        raise CatalogError(problems)
    return texts


def specification_texts(texts: dict[str, str]) -> dict[str, str]:
    """Of the texts of a catalog those that say how usage is read."""
    return {file: text for file, text in texts.items() if file.startswith(("specifications.", "specifications/"))}


def load_specifications(texts: dict[str, str]) -> dict[str, Specification]:
    """The usage specifications, by id, in those texts of a catalog that was taken before."""
    loaded = Loaded()
    for file in sorted(texts):
        _load_list(loaded, file, texts[file], SPECIFICATIONS, "specifications", prepare)
    return {each.id: each for each, _, _ in loaded.lists["specifications"]}


def _load(loaded: Loaded, texts: dict[str, str]) -> Catalog:
    for file, shape, name, make in _LISTS:
        _load_list(loaded, file, texts.get(file), shape, name, make)
    for file in sorted(texts):
        if file.startswith("specifications/"):
            _load_list(loaded, file, texts[file], SPECIFICATIONS, "specifications", prepare)
        if file.startswith("offerings/"):
            _load_offering(loaded, file, texts[file])
    for file in sorted(texts):
        if file.startswith("zones/"):
            _load_zone_table(loaded, file, texts[file])
    for file in sorted(texts):
        if file.startswith("plans/"):
            _load_plan(loaded, file, texts[file])
    rules = _load_rules(loaded, texts.get(_RULES_FILE))
    balances = _load_balances(loaded, texts[_BALANCES]) if _BALANCES in texts else POLICY
    crosscheck(loaded)
    problems = [problem for page in loaded.pages for problem in page.problems]
    if problems:
        raise CatalogError(problems)
    plans: dict[str, list[Plan]] = {}
    for plan, _, _ in sorted(loaded.plans, key=lambda each: each[0].version):
        plans.setdefault(plan.id, []).append(plan)
    return Catalog(
        specifications={each.id: each for each, _, _ in loaded.lists["specifications"]},
        zone_tables=loaded.zone_tables,
        plans={plan: tuple(versions) for plan, versions in plans.items()},
        offerings={each.id: each for each, _, _ in loaded.lists["offerings"]},
        tax_categories={each.id: each for each, _, _ in loaded.lists["taxCategories"]},
        rules=rules,
        balances=balances,
    )


def _texts(folder: Path, loaded: Loaded) -> dict[str, str]:
    """The text of every file by its path in the folder; a file that nothing would read is a problem, not ignored."""
    texts: dict[str, str] = {}
    expected = {file for file, *_ in _LISTS} | {_RULES_FILE, _BALANCES}
    for path in sorted(folder.rglob("*")):
        file = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name.startswith(".") or path.name == "README.md":
            continue
        if file not in expected and _FOLDERS.get(file.rpartition("/")[0]) != path.suffix:
            known = ", ".join(f"{folder}/*{suffix}" for folder, suffix in _FOLDERS.items())
            loaded.page(file).wrong("", f"no such catalog file: beside {', '.join(sorted(expected))} there are {known}")
            continue
        try:
            texts[file] = path.read_text(encoding="utf-8-sig")
        except (UnicodeDecodeError, OSError) as error:
            loaded.page(file).wrong("", f"cannot be read as UTF-8 text: {error}")
            loaded.broken.add(file.partition("/")[0])
    return texts


def _load_list(loaded: Loaded, file: str, text: str | None, shape: Record, name: str, make: Any) -> None:
    known = loaded.lists.setdefault(name, [])
    if text is None:
        if file not in loaded.broken:
            loaded.page(file).wrong("", "no such file")
        loaded.broken.add(file)
        return
    page, values = read_document(file, text, shape)
    loaded.pages.append(page)
    made: dict[str, Any] = {each.id: each for each, _, _ in known}
    for index, item in enumerate(values[name] if values else ()):
        where = f"{name}[{index}]"
        if item["id"] in made:
            page.wrong(f"{where}.id", f"{item['id']} is written twice")
        made[item["id"]] = make(page, where, item)
        if made[item["id"]] is not None:
            known.append((made[item["id"]], page, where))
    if page.problems:
        loaded.broken.add(file)


def _load_rules(loaded: Loaded, text: str | None) -> Rules:
    if text is None:
        return Rules()
    page, values = read_document(_RULES_FILE, text, RULES)
    loaded.pages.append(page)
    return rules_of(page, values) if values else Rules()


def offering_file(offering_id: str) -> str:
    """The file of a catalog that holds one offering alone."""
    return f"offerings/{offering_id}.yaml"


def relisted(before: str, after: str) -> set[str]:
    """The ids of the offerings that two texts of offerings.yaml describe differently."""
    listed = [read_document("offerings.yaml", text, OFFERINGS)[1] or {"offerings": []} for text in (before, after)]
    old, new = ({each["id"]: each for each in values["offerings"]} for values in listed)
    return {each for each in new if new[each] != old.get(each)}


def _load_offering(loaded: Loaded, file: str, text: str) -> None:
    """An offering of its own file, instead of the one of that id in the list."""
    page, values = read_document(file, text, OFFERING)
    loaded.pages.append(page)
    made = offering_of(page, "", values) if values else None
    if made is not None and offering_file(made.id) != file:
        page.wrong("id", f"the file must be {offering_file(made.id)}")
    if made is None or page.problems:
        loaded.broken.add("offerings.yaml")
        return
    others = [each for each in loaded.lists["offerings"] if each[0].id != made.id]
    loaded.lists["offerings"] = [*others, (made, page, "")]


def _load_balances(loaded: Loaded, text: str) -> Policy:
    page, values = read_document(_BALANCES, text, BALANCES)
    loaded.pages.append(page)
    return policy_of(page, values) if values else POLICY


def _load_zone_table(loaded: Loaded, file: str, text: str) -> None:
    table_id = Path(file).stem
    page, table = read_zone_table(table_id, file, text)
    loaded.pages.append(page)
    if table is None:
        loaded.broken.add("zones")
    else:
        loaded.zone_tables[table_id] = table


def _load_plan(loaded: Loaded, file: str, text: str) -> None:
    page, values = read_document(file, text, PLAN)
    loaded.pages.append(page)
    plan = compile_plan(page, values, loaded.zone_tables) if values else None
    if plan is None or values is None:
        loaded.broken.add("plans")
    else:
        loaded.plans.append((plan, page, values["zones"]))
