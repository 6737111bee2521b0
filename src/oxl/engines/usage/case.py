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
from oxl.engines.usage.decide import AS_USUAL, Charge, Decision, PriceLine, Terms, decide, suspense
from oxl.engines.usage.tiers import Counter, CounterKey


class Record(msgspec.Struct, frozen=True):
    """One usage record as it came: its document, and the parts that the engine reads."""

    body: str  # JSON text
    specification_id: str
    characteristics: Any
    usage_type: str | None
    product_id: str | None
    external_id: tuple[str, str, str] | None  # owner, type, id


_BODY = msgspec.json.Encoder(decimal_format="number")
_STORED = msgspec.json.Decoder(float_hook=Decimal)


def record_of(body: dict[str, Any]) -> Record:
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

    __slots__ = ("action_id", "decision", "event", "id", "key", "owner", "record", "replaces", "stored", "terms")

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
        self.owner: Guided | None = None
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
    owners: Mapping[str, Guided | None]  # of the usages that are to be undone, by id


class Posting(NamedTuple):
    """A charge for an account's open window, or less of one."""

    owner: Guided
    at: datetime
    charge: Charge


class Revision(msgspec.Struct, frozen=True):
    """How a usage is from now on; None of a figure leaves it as it is."""

    id: str
    status: str
    reason: str | None
    actor: str
    reference: str | None
    charge_window: int | None
    charged: int | None  # micros that this change adds to the window
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
    """Decide one case on the ground that was laid; the draws that it takes."""
    owner = case.owner
    buckets = base.held.get(owner.account_id, ()) if owner else ()
    case.decision = decide(base.catalog, event_of(case), owner, buckets, case.action_id, now, base.counters, case.terms)
    return case.decision.draws
