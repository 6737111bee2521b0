"""Product offerings and tax categories: what is sold under which name, and which tax the state takes on it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from oxl.engines.catalog.document import (
    Field,
    Listing,
    Page,
    Record,
    amount,
    flag,
    identifier,
    instant,
    one_of,
    whole,
    words,
)
from oxl.values import BadValue

LIFE_CYCLE = ("In study", "In design", "In test", "Rejected", "Active", "Launched", "Retired", "Obsolete")


class Offering(msgspec.Struct, frozen=True):
    """A product offering; what it costs is in its plan."""

    id: str
    name: str
    description: str
    category: tuple[str, ...]
    lifecycle_status: str
    plan: str  # "" for what has no plan of its own
    product_specification: str
    is_bundle: bool
    bundled: tuple[str, ...]  # ids of the offerings in a bundle
    device_count: int  # how many devices (SIM cards) one product of it takes


class TaxRate(msgspec.Struct, frozen=True):
    """The percentage that a tax category takes from an instant on."""

    valid_from: datetime
    percent: Decimal


class TaxCategory(msgspec.Struct, frozen=True):
    """A tax category with its rates, the oldest first."""

    id: str
    name: str
    rates: tuple[TaxRate, ...]


def percent(text: str) -> Decimal:
    """A percentage from 0 to 100."""
    number = amount(text)
    if number > 100:
        raise BadValue(f"must be a percentage from 0 to 100, not {text}")
    return number


_OFFERING = Record(
    {
        "id": Field(identifier),
        "name": Field(words),
        "description": Field(words, ""),
        "category": Field(Listing(words, lone=True), ()),
        "lifecycleStatus": Field(one_of(*LIFE_CYCLE), "Active"),
        "plan": Field(identifier, ""),
        "productSpecification": Field(identifier),
        "isBundle": Field(flag, False),
        "bundledProductOffering": Field(Listing(identifier, least=1), ()),
        "deviceCount": Field(whole(0, 1000), 1),
    }
)
OFFERINGS = Record({"offerings": Field(Listing(_OFFERING, least=1))})
_TAX_RATE = Record({"validFrom": Field(instant), "percent": Field(percent)})
_TAX_CATEGORY = Record(
    {"id": Field(identifier), "name": Field(words), "rates": Field(Listing(_TAX_RATE, least=1))},
)
TAXES = Record({"taxCategories": Field(Listing(_TAX_CATEGORY, least=1))})


def offering_of(page: Page, where: str, values: dict[str, Any]) -> Offering:
    """The offering that one item of the document describes."""
    if values["isBundle"] != bool(values["bundledProductOffering"]):
        page.wrong(f"{where}.isBundle", "must be true exactly when bundledProductOffering names what is in it")
    return Offering(
        id=values["id"],
        name=values["name"],
        description=values["description"],
        category=tuple(values["category"]),
        lifecycle_status=values["lifecycleStatus"],
        plan=values["plan"],
        product_specification=values["productSpecification"],
        is_bundle=values["isBundle"],
        bundled=tuple(values["bundledProductOffering"]),
        device_count=values["deviceCount"],
    )


def tax_category_of(page: Page, where: str, values: dict[str, Any]) -> TaxCategory:
    """The tax category that one item of the document describes."""
    rates = tuple(TaxRate(each["validFrom"], each["percent"]) for each in values["rates"])
    for index in range(1, len(rates)):
        if rates[index].valid_from <= rates[index - 1].valid_from:
            page.wrong(f"{where}.rates[{index}].validFrom", "must be later than that of the rate before it")
    return TaxCategory(values["id"], values["name"], rates)
