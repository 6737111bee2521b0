"""What a recommendation is made of: the subject's lines with their balances, the candidates, what was asked.

Pure data. `recommend` reads it from the database, `needs` and `rank` make an answer of it. Scores and shares are whole
millionths, money and quantities atoms of the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

NEXT_BEST = "nextBestOffer"


class Grant(msgspec.Struct, frozen=True):
    """What a candidate would grant each period, and what it may be used for; an empty set stands for anything."""

    unit: str
    amount: int
    display_unit: str
    services: frozenset[str]
    zones: frozenset[str]


class Price(msgspec.Struct, frozen=True):
    """A component of a candidate's price: micros, once or each month."""

    name: str
    amount: int
    recurring: bool


class Candidate(msgspec.Struct, frozen=True):
    """An offering that could be recommended."""

    id: str
    name: str
    description: str
    category: tuple[str, ...]
    kind: str  # addon, prepaid, postpaid; "" for what has no plan of its own
    currency: str
    tax_included: bool
    prices: tuple[Price, ...]
    grants: tuple[Grant, ...]
    specification: str
    is_bundle: bool
    channel: tuple[str, ...]
    place: tuple[str, ...]
    segments: tuple[str, ...]
    requires: tuple[str, ...]
    excludes: tuple[str, ...]
    upgrade_of: tuple[str, ...]
    margin: int
    repeatable: bool
    minimum_age: int
    bundled: tuple[str, ...] = ()  # what a bundle is made of

    @property
    def price(self) -> int:
        """What it costs in its first month, in micros."""
        return sum(each.amount for each in self.prices)


class Bucket(msgspec.Struct, frozen=True):
    """A balance that a line may draw on, or could until its period ended."""

    id: str
    kind: str  # main, allowance
    name: str
    unit: str
    display_unit: str
    display_atoms: int
    credited: int
    used: int
    available: int
    valid_from: datetime
    valid_to: datetime | None
    alive: bool
    allowance_id: str | None = None
    services: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()


class Use(msgspec.Struct, frozen=True):
    """What a line used on one day of the last month: from which bucket, and what it paid beyond its allowances."""

    service: str
    zone: str
    unit: str
    days_ago: int
    quantity: int
    charged: int  # micros, tax included
    in_window: bool  # since the present period of its allowances began
    bucket_id: str | None = None


class Line(msgspec.Struct, frozen=True):
    """One subscription of the subject."""

    device_id: str
    product_id: str
    account_id: str
    account_kind: str
    currency: str
    offering_id: str
    owned: frozenset[str]  # offerings of the line: its subscription and its packs
    buckets: tuple[Bucket, ...] = ()
    uses: tuple[Use, ...] = ()
    dunned: bool = False  # its account is being asked for what it owes


class Subject(msgspec.Struct, frozen=True):
    """Whom the recommendation is for; a stranger has no line."""

    party_id: str | None
    lines: tuple[Line, ...] = ()
    opted_out: bool = False
    age: int | None = None
    shown: Mapping[str, int] = {}  # offering → how often it was shown lately without being taken

    @property
    def owned(self) -> frozenset[str]:
        """Every offering that some line has."""
        return frozenset().union(*(line.owned for line in self.lines))

    @property
    def segment(self) -> str:
        """Those among whom popularity is counted: the kind of account, or `stranger`."""
        return self.lines[0].account_kind if self.lines else "stranger"


class Question(msgspec.Struct, frozen=True):
    """What a query asks for."""

    id: str
    type: str = NEXT_BEST
    category: frozenset[str] = frozenset()
    channel: frozenset[str] = frozenset()
    place: frozenset[str] = frozenset()
    context: frozenset[str] = frozenset()  # offerings already seen or in the cart: seeds of the model, never answers


class Item(msgspec.Struct, frozen=True):
    """One recommended offering, as it is kept with its query."""

    rank: int
    offering_id: str
    name: str
    description: str
    is_bundle: bool
    currency: str
    tax_included: bool
    prices: tuple[Price, ...]
    reason: str
    text: str
    score: int
    source: str
    explored: bool
    until: datetime
    device_id: str | None = None
    product_id: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What a question came to."""

    items: tuple[Item, ...]
    until: datetime
    segment: str
    variant: str
