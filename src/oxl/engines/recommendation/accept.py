"""Accepting a recommendation in one step: price charged, product activated, buckets granted, exactly once.

The shown offering is the key: its exposure is locked first and says whether it was accepted before. Everything else is
done by the verbs of inventory and ledger, in this transaction. Locks go from the exposure over the line to its buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.catalog import Catalog, plan_at
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.inventory import inventory
from oxl.engines.ledger import grants
from oxl.engines.ledger.ledger import Move, move
from oxl.engines.recommendation.facts import Candidate, Item
from oxl.engines.recommendation.standing import standing
from oxl.values import from_atoms
from oxl.verbs import Done, Refusal, Refused, Work, invalid

q = load("oxl.engines.recommendation", "recommendation.sql")

_FIELD = "recommendationItem.id"
_REASONS = {
    "alreadyAccepted": "was accepted before",
    "alreadyOwned": "the line has it already",
    "bucketNotActive": "the main balance is suspended, expired or not yet valid",
    "insufficientBalance": "the main balance holds less than its price",
    "limitExceeded": "the main balance cannot be charged with that",
    "notOrderable": "cannot be ordered in one step",
    "offeringNotSold": "is no longer sold",
    "recommendationExpired": "no longer holds; ask again",
}

_ITEM = msgspec.json.Decoder(Item)
_BODY = msgspec.json.Encoder(decimal_format="number")


class Acceptance(msgspec.Struct, frozen=True):
    """Which item of which answer is accepted; `body` is the client's document."""

    query_id: str
    rank: int
    body: str

    @property
    def id(self) -> str:
        """The id of the item, and of its acceptance."""
        return f"{self.query_id}.{self.rank}"


async def accept(work: Work, items: Sequence[Acceptance]) -> list[Done | Refused]:
    """Order what was recommended. A refusal charges nothing and activates nothing."""
    rows = await work.conn.fetch(q.lock_exposures, [each.query_id for each in items], [each.rank for each in items])
    shown = {f"{row['query_id']}.{row['rank']}": dict(row) for row in rows}
    lines = [_ITEM.decode(row["item"]).product_id for row in shown.values()]
    await grants.take_turn(work, await inventory.take_turn(work, [line for line in lines if line]))
    catalog = await catalog_of(work)
    candidates = {each.id: each for each in (await standing(work, catalog)).shelf.candidates}
    results: list[Done | Refused] = []
    for each in items:  # one after another: two may be of the same line
        try:
            product = await _accepted(work, each, shown.get(each.id), catalog, candidates)
        except Refusal as refusal:
            results.append(refusal.refused)
            continue
        await work.conn.execute(q.keep_acceptances, work.now, [each.query_id], [each.rank], [product], [each.body])
        shown[each.id] |= {"accepted_at": work.now}
        results.append(Done(each.id, ("create",)))
    return results


async def _accepted(
    work: Work, each: Acceptance, row: dict[str, Any] | None, catalog: Catalog, candidates: dict[str, Candidate]
) -> str:
    """Order one item; the id of the product that it became."""
    if row is None:
        raise invalid(_FIELD, "no such item was recommended", "unknownRecommendation")
    if row["accepted_at"] is not None:
        raise _cannot("alreadyAccepted", reference=each.id)
    item = _ITEM.decode(row["item"])
    if row["valid_to"] is None or min(row["valid_to"], item.until) <= work.now:
        raise _cannot("recommendationExpired")
    candidate = candidates.get(item.offering_id)
    if candidate is None:
        raise _cannot("offeringNotSold", item.offering_id)
    line = await _line(work, item)
    if candidate.kind == "addon":
        return await _buy(work, each, item, line, catalog, candidate)
    if candidate.kind == line["account_kind"] and candidate.id != line["offering_id"]:
        return await _move_to(work, item, catalog, line)
    raise _cannot("notOrderable", "it needs a payment or a line of its own")


def _cannot(code: str, why: str = "", reference: str | None = None) -> Refusal:
    """The refusal of an item, for a code of the table; `why` says more."""
    message = f"{_FIELD}: {_REASONS[code]}{f': {why}' if why else ''}"
    return Refusal(Refused("conflict", code, message, _FIELD, reference))


async def _line(work: Work, item: Item) -> dict[str, Any]:
    """The line that the item was recommended for, as it is now, with what it owns; refused unless it is active."""
    found = await inventory.subscriptions(work, [item.product_id or ""], [work.now])
    if not found or found[0].status != "active":
        raise _cannot("notOrderable", "the line that it is for is not active")
    rows = [dict(row) for row in await work.conn.fetch(q.owned_by, item.product_id, work.now)]
    own = next(row for row in reversed(rows) if row["product_id"] == item.product_id)
    return own | {
        "owned": {row["offering_id"] for row in rows if row["device_id"] == own["device_id"]},
        "party_owned": {row["offering_id"] for row in rows},
    }


async def _buy(
    work: Work, each: Acceptance, item: Item, line: dict[str, Any], catalog: Catalog, candidate: Candidate
) -> str:
    """Charge a pack's price, add it to the line, grant its buckets for one period."""
    if candidate.id in line["owned"] and not candidate.repeatable:
        raise _cannot("alreadyOwned", candidate.id)
    for other in sorted(set(candidate.requires) - line["party_owned"]):
        raise _cannot("notOrderable", f"it requires {other}")
    for other in sorted(line["party_owned"] & set(candidate.excludes)):
        raise _cannot("notOrderable", f"it is not sold beside {other}")
    plan_id = catalog.offerings[candidate.id].plan
    plan = plan_at(catalog, plan_id, work.now)
    if plan is None:
        raise _cannot("offeringNotSold", f"{candidate.id} has no price plan that is valid now")
    if line["account_kind"] == "prepaid":  # others find it on the next bill, as a one-time price of the product
        await _charge(work, each, item, line)
    until = grants.next_period(work.now, plan.timezone, work.now)
    (product,) = await inventory.add_on(work, [inventory.NewAddOn(line["product_id"], candidate.id, plan_id, until)])
    if product is None:
        raise _cannot("notOrderable", "the line that it is for is not active")
    await grants.schedule(work, [(product, line["account_id"], work.now)])
    await grants.grant_due(work, [line["account_id"]])
    return product


async def _charge(work: Work, each: Acceptance, item: Item, line: dict[str, Any]) -> None:
    """Take the price that was shown from the main balance; refused when that does not hold as much."""
    price = sum(part.amount for part in item.prices)
    if not price:
        return
    bucket = await work.conn.fetchval(q.main_bucket, line["account_id"], work.now)
    if bucket is None:
        raise _cannot("notOrderable", "the account has no main balance")
    body = {
        "@type": "AdjustBalance",
        "amount": {"amount": -from_atoms(price, item.currency), "units": item.currency},
        "bucket": {"id": bucket},
        "reason": item.name,
        "description": f"Recommendation {each.id} accepted",
    }
    (moved,) = await move(work, [Move("adjust", bucket, item.currency, -price, "fee", _BODY.encode(body).decode())])
    if isinstance(moved, Refused):
        raise _cannot(moved.code)


async def _move_to(work: Work, item: Item, catalog: Catalog, line: dict[str, Any]) -> str:
    """Move the line to the recommended plan, from now on."""
    plan_id = catalog.offerings[item.offering_id].plan
    body = {
        "subscriber": {"id": line["product_id"]},
        "action": "changePlan",
        "productOffering": {"id": item.offering_id},
    }
    change = inventory.Change(
        line["product_id"], "changePlan", work.now, _BODY.encode(body).decode(), item.offering_id, plan_id,
        line["account_kind"],
    )  # fmt: skip
    (outcome,) = await inventory.change(work, [change])
    if isinstance(outcome, Refused):
        raise _cannot("notOrderable", outcome.message)
    await grants.end(work, outcome[1].product_ids, work.now)
    await grants.schedule(work, [(line["product_id"], line["account_id"], work.now)])
    await grants.grant_due(work, [line["account_id"]])
    return line["product_id"]
