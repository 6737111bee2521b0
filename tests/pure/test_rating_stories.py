"""Usages of one account one after another, from a table: shared allowances, split events, months, prefixes, money."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rating_tables import TARIFFS, rows, start_of

from oxl.engines.catalog.catalog import Catalog
from oxl.engines.catalog.offering import TaxCategory, TaxRate
from oxl.engines.catalog.specification import UsageEvent
from oxl.engines.inventory.guided import Guided
from oxl.engines.ledger.burn import Held
from oxl.engines.usage.decide import Decision, decide
from oxl.values import MICROS

START = datetime(2012, 1, 1, tzinfo=UTC)
CATALOG = Catalog({}, {}, {TARIFFS.id: (TARIFFS,)}, {}, {"O": TaxCategory("O", "", (TaxRate(START, Decimal(0)),))})
STORIES = sorted({line[0] for line in rows("stories.txt")} - {"="})


def _instant(text: str) -> datetime:
    return start_of(text if "T" in text else f"{text}T00:00:00")


def _bucket(
    place: int, name: str, unit: str, amount: str, device: str, since: str, until: str, limit: str = "0"
) -> Held:
    atoms = MICROS if unit == "EUR" else 1
    row = {
        "id": name, "kind": "main" if unit == "EUR" else "allowance", "account_id": "a", "unit": unit,
        "device_id": None if device == "*" else device, "status": "active", "valid_from": _instant(since),
        "valid_to": None if until == "-" else _instant(until), "match": {}, "used": 0, "debited": 0, "reserved": 0,
        "credit_limit": int(limit) * atoms, "credited": int(Decimal(amount) * atoms), "version": 1,
        "priority": place, "created_at": START,
    }  # fmt: skip
    return Held(row)


def _told(decided: Decision, buckets: list[Held]) -> list[str]:
    """A decision and what it leaves, in the words of the table."""
    included = sum(line.quantity for line in decided.lines if line.kind == "included")
    net = Decimal(sum(line.net for line in decided.lines)) / MICROS
    left = [Decimal(each.available) / (MICROS if each.unit == "EUR" else 1) for each in buckets]
    status = decided.status + (f":{decided.reason}" if decided.reason else "")
    return [status, *(f"{figure.normalize():f}" for figure in (Decimal(included), net, *left))]


@pytest.mark.parametrize("story", STORIES)
def test_a_story_goes_as_the_table_tells(story: str) -> None:
    lines = rows("stories.txt")
    buckets = [_bucket(n, *line[2:]) for n, line in enumerate(lines) if line[:2] == ["=", story]]
    kind = "prepaid" if any(each.unit == "EUR" for each in buckets) else "postpaid"
    for n, (_, device, start, destination, seconds, *told) in enumerate(line for line in lines if line[0] == story):
        at = _instant(start)
        owner = Guided(f"p-{device}", "a", device, kind, "EUR", "active", TARIFFS.id, 1, START)
        event = UsageEvent("voice", "4915112345678", destination, "", at, int(seconds), "second")
        decided = decide(CATALOG, event, owner, buckets, f"u{n}", at)
        wanted = [told[0], *(f"{Decimal(figure).normalize():f}" for figure in told[1:])]
        assert _told(decided, buckets) == wanted, f"{story}, usage {n + 1}"


def test_all_stories_are_there() -> None:
    assert len(STORIES) >= 9
    assert sum(line[0] != "=" for line in rows("stories.txt")) >= 35
