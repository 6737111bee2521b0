"""One usage on its way through the engine: the record as it came, what is found out about it, and it as stored.

And what it stands on there: buckets and counters that are locked, and what is to be written when it is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from oxl.engines.catalog.catalog import Catalog
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.inventory.guided import Guided
from oxl.engines.ledger.burn import Draw, Held
from oxl.engines.ledger.reserved import Reserved
from oxl.engines.usage.decide import AS_USUAL, Charge, Decision, PriceLine, Terms, decide, suspended, suspense
from oxl.engines.usage.tiers import Counter, CounterKey


class Origin(msgspec.Struct, frozen=True):
    """Of a record that comes back from an export: what it was called, when it was taken, and what became of it when."""

    id: str
    created_at: datetime
    updated_at: datetime
    status: str = ""
    reason: str | None = None
    plan_version: int | None = None


class Reading(NamedTuple):
    """What a record says by a specification, and what makes it the same record as another."""

    specification: bytes  # its digest
    event: UsageEvent
    key: bytes


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One usage record as it came: its document, and the parts that the engine reads.

    `reading` may be made ahead of its transaction, in another process too; it counts as long as the catalog has that
    specification.
    """

    body: str  # JSON text
    specification_id: str
    characteristics: Any  # None: they are in the body alone
    usage_type: str | None
    product_id: str | None
    external_id: tuple[str, str, str] | None  # owner, type, id
    origin: Origin | None = None
    reading: Reading | None = None


_BODY = msgspec.json.Encoder(decimal_format="number")
_STORED = msgspec.json.Decoder(float_hook=Decimal)


def record_of(body: dict[str, Any], origin: Origin | None = None) -> Record:
    """The record in a document in the standard's names, checked by whoever took it in."""
    external = next(iter(body.get("externalIdentifier", ())), None)
    return Record(
        body=_BODY.encode(body).decode(),
        specification_id=body["usageSpecification"]["id"],
        characteristics=body.get("usageCharacteristic", []),
        usage_type=body.get("usageType"),
        product_id=body.get("product", {}).get("id"),
        external_id=(external.get("owner", ""), external.get("externalIdentifierType", ""), external["id"])
        if external
        else None,
        origin=origin,
    )


def read_body(text: str) -> Record:
    """The record in a document as it is stored."""
    return record_of(_STORED.decode(text))


class Stored(NamedTuple):
    """A usage as it is stored, locked."""

    id: str
    status: str
    reason: str | None
    started_at: datetime | None
    product_id: str | None
    account_id: str | None
    device_id: str | None
    charge_window: int | None
    plan_id: str | None
    plan_version: int | None
    prices: Sequence[PriceLine]
    draws: Sequence[tuple[str, int]]  # bucket, atoms
    revision: int
    body: str

    @property
    def action_id(self) -> str:
        """What the transfers of its next revision are called by."""
        return f"{self.id}.{self.revision + 1}"


class Case:
    """A record that is to be rated, and what is found out about it on its way."""

    __slots__ = (
        "action_id",
        "decision",
        "event",
        "id",
        "key",
        "owner",
        "posting",
        "rates_anew",
        "record",
        "replaces",
        "stored",
        "terms",
    )

    def __init__(
        self, usage_id: str, record: Record, event: UsageEvent | None, stored: Stored | None = None,
        terms: Terms = AS_USUAL, key: bytes | None = None,
    ) -> None:  # fmt: skip
        self.id = usage_id
        self.record = record
        self.event = event
        self.stored = stored
        self.terms = terms
        self.key = key
        self.action_id = stored.action_id if stored else usage_id
        self.replaces: Stored | None = None
        self.rates_anew = stored is not None and stored.status != "failed"
        self.owner: Guided | None = None
        self.posting: Posting | None = None
        self.decision: Decision = suspense("unknownSpecification")


def event_of(case: Case) -> UsageEvent:
    """The event of a case that was read."""
    if case.event is None:
        raise ValueError(f"usage {case.id} was not read")
    return case.event


class Ground(NamedTuple):
    """All that deciding a group needs, locked until its transaction ends."""

    catalog: Catalog
    held: Mapping[str, Sequence[Held]]  # by account
    buckets: Mapping[str, Held]  # the same, by id
    counters: Mapping[CounterKey, Counter]
    reservations: Mapping[str, Reserved]
    settled: list[str]  # reservations that a rating has drawn on
    owners: Mapping[str, Guided | None]  # of the usages that are to be undone, by id


class Posting:
    """A charge for an account's open window, or less of one; the window is the one that took it, once it is posted."""

    __slots__ = ("at", "charge", "owner", "window")

    def __init__(self, owner: Guided, at: datetime, charge: Charge) -> None:
        self.owner = owner
        self.at = at
        self.charge = charge
        self.window = owner.open_window


def posting_of(case: Case) -> Posting | None:
    """What a case that was decided is to be charged, if it is."""
    charge = case.decision.charge
    case.posting = Posting(case.owner, event_of(case).start, charge) if charge and case.owner else None
    return case.posting


class Revision(msgspec.Struct, frozen=True):
    """How a usage is from now on; None of a figure leaves it as it is."""

    id: str
    status: str
    reason: str | None
    actor: str
    reference: str | None
    charge_window: int | None
    charges: Sequence[Charge] | None  # what this change adds to the window
    plan_id: str | None
    plan_version: int | None
    prices: Sequence[PriceLine]
    draws: Sequence[tuple[str, int]]
    changes: tuple[str, ...] = ("stateChange",)
    started_at: Any = None
    owner: tuple[str, str, str] | None = None  # product, account, device: found by a retry
    unit: str | None = None
    quantity: int | None = None


def rate_one(now: datetime, base: Ground, case: Case) -> Sequence[Draw]:
    """Decide one case on the ground that was laid; the draws that it takes.

    What its reservation holds is there for it; what its reservation has booked already is not charged again.
    """
    owner, event = case.owner, event_of(case)
    origin = case.record.origin
    if origin and origin.status == "failed" and origin.reason:
        case.decision = suspended(base.catalog, owner, event.start, origin.reason)
        return ()
    if owner is None or not event.reservation or case.rates_anew:
        return _rate_on(now, base, case)
    kept = base.reservations.get(event.reservation)
    if kept is None or kept.account_id != owner.account_id:
        case.decision = suspense("unknownReservation")
        return ()
    if kept.status == "completed" or kept.id in base.settled:
        case.decision = Decision("notRated", "chargedOnline", None, [booked(kept, event.quantity, event.unit)])
        return ()
    bucket = base.buckets.get(kept.bucket_id) if kept.status == "created" else None
    if bucket is None:
        return _rate_on(now, base, case)
    bucket.available += kept.amount
    draws = _rate_on(now, base, case)
    if case.decision.status == "failed":
        bucket.available -= kept.amount
    else:
        base.settled.append(kept.id)
    return draws


def _rate_on(now: datetime, base: Ground, case: Case) -> Sequence[Draw]:
    held = base.held.get(case.owner.account_id, ()) if case.owner else ()
    event = event_of(case)
    case.decision = decide(base.catalog, event, case.owner, held, case.action_id, now, base.counters, case.terms)
    return case.decision.draws


def booked(kept: Reserved, quantity: int, unit: str) -> PriceLine:
    """The line of a usage that its reservation has paid for; the tax is in the amount."""
    money = kept.unit if kept.unit.isupper() and len(kept.unit) == 3 else ""
    if money:
        return PriceLine("reservation", "Charged online", "usage", "", unit, quantity, money, kept.used, kept.used, "0")
    return PriceLine(
        "reservation", "Charged online", "included", "", kept.unit, kept.used, "", 0, 0, "0", kept.bucket_id
    )
