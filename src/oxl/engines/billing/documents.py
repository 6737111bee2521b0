"""The documents of bills: what they are to say, gathered from everything that knows, and their bytes, kept by hash.

What a bill's documents say is kept when they are first made: they can be made again at any time, to the same bytes,
whatever has become of the customer's address or the operator's. Drawing them is not the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from oxl.db.queries import load
from oxl.engines.billing import facts as said
from oxl.engines.billing.facts import Exemption, Facts, Line, Product, Tax, Used
from oxl.engines.billing.periods import local_day
from oxl.engines.billing.policy import Policy
from oxl.engines.billing.setup import policy_of
from oxl.engines.catalog.catalog import Catalog
from oxl.engines.catalog.registry import catalog_of
from oxl.verbs import Work

q = load("oxl.engines.billing", "documents.sql")

MANY = 20  # bills whose documents are made in one transaction
_MOMENT = timedelta(microseconds=1)
_TEXT = msgspec.json.Encoder()


class Made(NamedTuple):
    """A document as it was drawn."""

    bill_id: str
    kind: str  # pdf, ubl
    content: bytes


async def due(work: Work, limit: int = MANY) -> list[str]:
    """Bills that were issued and have no documents yet; they are locked for this transaction."""
    return [row["id"] for row in await work.conn.fetch(q.due, limit)]


async def count_due(work: Work) -> int:
    """How many bills wait for their documents."""
    return await work.conn.fetchval(q.count_due)


async def again(work: Work) -> None:
    """Have the documents that could not be made tried again."""
    await work.conn.execute(q.again)


async def facts_of(work: Work, bills: Sequence[str]) -> dict[str, Facts]:
    """What the documents of bills say: as it was kept, else as it is now. A bill that is not known has no entry."""
    kept = {row["bill_id"]: row["doc"] for row in await work.conn.fetch(q.kept, list(bills))}
    found = {bill: msgspec.json.decode(doc, type=Facts) for bill, doc in kept.items()}
    rows = await work.conn.fetch(q.bills, [bill for bill in bills if bill not in found], work.now)
    if not rows:
        return found
    policy, catalog = await policy_of(work), await catalog_of(work)
    sources = list({row["lines_of"] for row in rows})
    lines = _grouped(await work.conn.fetch(q.lines, sources))
    taxes = _grouped(await work.conn.fetch(q.taxes, sources))
    exemptions = _grouped(await work.conn.fetch(q.exemptions, [row["id"] for row in rows]))
    products = sorted({row["product_id"] for each in lines.values() for row in each if row["product_id"]})
    numbers = {row["id"]: row["number"] for row in await work.conn.fetch(q.numbers, products, work.now)}
    for row in rows:
        mine = lines.get(row["lines_of"], [])
        places = {product: n for n, product in enumerate(dict.fromkeys(filter(None, _products(mine))), 1)}
        used = await work.conn.fetch(q.used, row["devices"], row["period_start"], row["period_end"], policy.time_zone)
        found[row["id"]] = _facts(
            row,
            policy,
            tuple(_line(each, places, policy.zone) for each in mine),
            tuple(Tax(each["tax_category"], each["tax_rate"], each["base"], each["tax"])
                  for each in taxes.get(row["lines_of"], [])),
            tuple(_exemption(each) for each in exemptions.get(row["id"], [])),
            tuple(Product(numbers.get(product, ""), _plans(catalog, mine, product)) for product in places),
            used if row["category"] != "credit note" else (),
        )  # fmt: skip
    return found


async def keep(work: Work, facts: Mapping[str, Facts], made: Sequence[Made], failed: Iterable[str] = ()) -> None:
    """Keep documents, and what they say; `failed` are bills that have none, since something is wrong with them."""
    bills = sorted(facts)
    await work.conn.execute(q.keep_facts, bills, [_TEXT.encode(facts[bill]).decode() for bill in bills])
    if made:
        hashes = [sha256(each.content).digest() for each in made]
        await work.conn.execute(q.keep_contents, hashes, [each.content for each in made])
        columns = [each.bill_id for each in made], [each.kind for each in made]
        await work.conn.execute(q.keep_documents, *columns, hashes, [len(each.content) for each in made], work.now)
    await work.conn.execute(q.done, sorted({each.bill_id for each in made}), "made")
    await work.conn.execute(q.done, sorted(failed), "failed")


async def find(work: Work, bill: str, kind: str) -> tuple[bytes, bytes] | None:
    """(SHA-256, content) of a document that was made."""
    row = await work.conn.fetchrow(q.find, bill, kind)
    return (row["hash"], row["content"]) if row else None


def _grouped(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row["bill_id"], []).append(row)
    return found


def _products(lines: Iterable[Any]) -> list[str | None]:
    return [line["product_id"] for line in lines]


def _plans(catalog: Catalog, lines: Iterable[Any], product: str) -> str:
    ids = dict.fromkeys(line["plan_id"] for line in lines if line["product_id"] == product and line["plan_id"])
    return " · ".join(catalog.plans[plan][-1].name if plan in catalog.plans else plan for plan in ids)


def _last(first: date, until: datetime, zone: ZoneInfo) -> date:
    """The last day before an instant, but none before the first."""
    return max(first, local_day(until - _MOMENT, zone))


def _line(row: Any, places: Mapping[str, int], zone: ZoneInfo) -> Line:
    first = local_day(row["period_start"], zone)
    names = ("rate_type", "name", "unit", "quantity", "events", "of_days", "tax_category", "tax_rate", "tax_included",
             "shown", "net", "tax")  # fmt: skip
    return Line(
        product=places.get(row["product_id"], 0),
        first=first,
        last=_last(first, row["period_end"], zone),
        **{name: row[name] for name in names},
    )


def _exemption(row: Any) -> Exemption:
    return Exemption(**{name: row[name] for name in ("category", "reason", "reason_code", "certificate", "tax_number")})


def _facts(
    row: Any,
    policy: Policy,
    lines: tuple[Line, ...],
    taxes: tuple[Tax, ...],
    exemptions: tuple[Exemption, ...],
    products: tuple[Product, ...],
    used: Iterable[Any],
) -> Facts:
    party = msgspec.json.decode(row["party"])
    buyer = said.buyer_of(party, row["name"], row["account"], policy.seller.country)
    first = local_day(row["period_start"], policy.zone)
    last = _last(first, row["period_end"], policy.zone)
    names = ("number", "category", "of_number", "currency", "net", "tax", "rounding", "carried", "owed")
    return Facts(
        draft=row["category"] == "trial" or row["state"] in ("new", "onHold"),
        language=said.language_of(party) or policy.seller.language,
        issued=local_day(row["bill_date"], policy.zone),
        due_day=local_day(row["due_at"], policy.zone),
        first=first,
        last=last,
        seller=policy.seller,
        buyer=buyer,
        products=products,
        lines=lines,
        taxes=taxes,
        exemptions=exemptions,
        used=_used(used, first, last),
        due=row["owed"] + row["carried"],
        **{name: row[name] for name in names},
    )


def _used(rows: Iterable[Any], first: date, last: date) -> tuple[Used, ...]:
    days: dict[str, list[int]] = {}
    for row in rows:
        of_unit = days.setdefault(row["unit"], [0] * ((last - first).days + 1))
        if first <= row["day"] <= last:
            of_unit[(row["day"] - first).days] = row["quantity"]
    return tuple(Used(unit, tuple(days[unit])) for unit in sorted(days))
