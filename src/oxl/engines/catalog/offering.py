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

# The life of an offering: each status with those that may follow it.
LIFE_CYCLE = {
    "In study": ("In design", "In test", "Active", "Launched", "Rejected"),
    "In design": ("In study", "In test", "Active", "Launched", "Rejected"),
    "In test": ("In design", "Active", "Launched", "Rejected"),
    "Rejected": ("In study", "In design"),
    "Active": ("Launched", "Retired"),
    "Launched": ("Retired",),
    "Retired": ("Obsolete",),
    "Obsolete": (),
}
SOLD = ("Active", "Launched")
RELATIONS = ("requires", "excludes", "upgradeOf")
WHOLE = 1_000_000  # a share of one, in millionths


class Relation(msgspec.Struct, frozen=True):
    """How an offering stands to another: it requires or excludes it, or is the bigger one of the two."""

    type: str
    id: str


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
    channel: tuple[str, ...] = ()  # where it is sold; () stands for everywhere, as in the next two
    place: tuple[str, ...] = ()
    market_segment: tuple[str, ...] = ()  # kinds of account that it is for
    valid_from: datetime | None = None  # from when to when it is sold
    valid_to: datetime | None = None
    relations: tuple[Relation, ...] = ()
    margin: int = 0  # the operator's share of the price, in millionths
    repeatable: bool = False  # may be bought again while one is owned
    minimum_age: int = 0

    def sold_at(self, at: datetime) -> bool:
        """Whether it may be bought at an instant."""
        begun = self.valid_from is None or self.valid_from <= at
        return self.lifecycle_status in SOLD and begun and (self.valid_to is None or at < self.valid_to)


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


def share(text: str) -> int:
    """A share from 0 to 1, in millionths."""
    scaled = amount(text) * WHOLE
    if scaled > WHOLE or scaled != scaled.to_integral_value():
        raise BadValue(f"must be a share from 0 to 1 with at most six decimals, not {text}")
    return int(scaled)


_PERIOD = Record({"startDateTime": Field(instant, None), "endDateTime": Field(instant, None)})
_RELATION = Record({"relationshipType": Field(one_of(*RELATIONS)), "id": Field(identifier)})
OFFERING = Record(
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
        "channel": Field(Listing(words, lone=True), ()),
        "place": Field(Listing(words, lone=True), ()),
        "marketSegment": Field(Listing(words, lone=True), ()),
        "validFor": Field(_PERIOD, {"startDateTime": None, "endDateTime": None}),
        "productOfferingRelationship": Field(Listing(_RELATION), ()),
        "margin": Field(share, 0),
        "repeatable": Field(flag, False),
        "minimumAge": Field(whole(0, 150), 0),
    }
)
OFFERINGS = Record({"offerings": Field(Listing(OFFERING, least=1))})
_TAX_RATE = Record({"validFrom": Field(instant), "percent": Field(percent)})
_TAX_CATEGORY = Record(
    {"id": Field(identifier), "name": Field(words), "rates": Field(Listing(_TAX_RATE, least=1))},
)
TAXES = Record({"taxCategories": Field(Listing(_TAX_CATEGORY, least=1))})


def offering_of(page: Page, where: str, values: dict[str, Any]) -> Offering:
    """The offering that one item of the document describes."""
    if values["isBundle"] != bool(values["bundledProductOffering"]):
        page.wrong(f"{where}.isBundle", "must be true exactly when bundledProductOffering names what is in it")
    relations = values["productOfferingRelationship"]
    start, end = values["validFor"]["startDateTime"], values["validFor"]["endDateTime"]
    if start is not None and end is not None and end <= start:
        page.wrong(f"{where}.validFor.endDateTime", "must be later than the start")
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
        channel=tuple(values["channel"]),
        place=tuple(values["place"]),
        market_segment=tuple(values["marketSegment"]),
        valid_from=start,
        valid_to=end,
        relations=tuple(Relation(each["relationshipType"], each["id"]) for each in relations),
        margin=values["margin"],
        repeatable=values["repeatable"],
        minimum_age=values["minimumAge"],
    )


def tax_category_of(page: Page, where: str, values: dict[str, Any]) -> TaxCategory:
    """The tax category that one item of the document describes."""
    rates = tuple(TaxRate(each["validFrom"], each["percent"]) for each in values["rates"])
    for index in range(1, len(rates)):
        if rates[index].valid_from <= rates[index - 1].valid_from:
            page.wrong(f"{where}.rates[{index}].validFrom", "must be later than that of the rate before it")
    return TaxCategory(values["id"], values["name"], rates)
