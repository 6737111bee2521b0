"""Notes of every shape that the toy allows, made by a seeded generator, to hold filters against."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.kernel.toy import NOTES

from oxl.db.database import Tenant

TEXTS = [
    "a",
    "b",
    "A",
    "10",
    "9",
    "1.5",
    "true",
    "null",
    "",
    "a,b",
    'say "hi"',
    "ä",
    "Ä",
    "b\\c",
    "a.b",
    "line\nnext",
    "😀",
]
MOMENTS = [
    "2024-01-15T00:00:00Z", "2024-01-15T10:30:00+02:00", "2024-01-15T10:30:00.250Z", "2024-01-14T23:30:00-01:00",
    "2024-02-29", "2023-12-31T23:59:59.999Z", "2024-01-15", "2024-02-01T00:00:00.000Z", "yesterday", "2024-02-31",
]  # fmt: skip
NUMBERS = [0, 1, 2, 9, 10, -1, 1.5, 100, 0.1, 12345678901]
NAMES = ["a", "b", "c", "id", "mark", "@type", "name", "ä b"]


def anything(rng: random.Random, depth: int = 3) -> Any:
    """Any JSON value."""
    kind = rng.randrange(9 if depth else 6)
    if kind < 3:
        return rng.choice(TEXTS)
    if kind < 6:
        return [rng.choice(NUMBERS), rng.choice([True, False, None]), rng.choice(MOMENTS)][kind - 3]
    if kind == 6:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): anything(rng, depth - 1) for _ in range(rng.randrange(4))}


def body(rng: random.Random) -> dict[str, Any]:
    """A note as a client may send it: what the shape declares is as it says, the rest is anything."""
    found: dict[str, Any] = {"text": rng.choice(TEXTS), "@type": rng.choice(["Note", "Memo"])}
    offers = {
        "n": lambda: rng.choice([0, 1, 2, 9, 10, 100, -1]),
        "isUrgent": lambda: rng.random() < 0.5,
        "size": lambda: {"amount": rng.choice(NUMBERS), "units": rng.choice(TEXTS)},
        "about": lambda: [
            {"id": rng.choice(TEXTS)} | ({"mark": rng.choice(TEXTS)} if rng.random() < 0.6 else {})
            for _ in range(rng.randrange(4))
        ],
        "due": lambda: rng.choice([text for text in MOMENTS if "T" in text]),
        "own": lambda: anything(rng),
        "more": lambda: anything(rng),
        "when": lambda: rng.choice([*MOMENTS, *NUMBERS]),
    }
    return found | {name: make() for name, make in offers.items() if rng.random() < 0.7}


class Notes(list[dict[str, Any]]):
    """Notes that a failing example does not spell out."""

    def __repr__(self) -> str:
        return f"{len(self)} notes"


async def fill(tenant: Tenant, toy: httpx.AsyncClient, count: int = 160, seed: int = 630) -> Notes:
    """Store so many notes, some minutes apart around the turn of a day, and give them as they are seen from outside."""
    rng = random.Random(seed)
    at = datetime(2024, 1, 14, 20, tzinfo=UTC)
    async with tenant.connection() as conn:
        for n in range(count):
            doc = body(rng)
            at += timedelta(minutes=rng.randrange(6), milliseconds=rng.choice([0, 1, 250]), microseconds=n % 3 * 300)
            await conn.execute(
                "insert into note (id, at, n, doc) values ($1, $2, $3, $4)",
                f"id{n:03d}",
                at,
                doc.get("n"),
                json.dumps(doc),
            )
    notes = Notes()
    while len(notes) < count:
        notes += (await toy.get(f"{NOTES}?limit=50&offset={len(notes)}")).json()
    return notes


async def hits(toy: httpx.AsyncClient, **query: str) -> tuple[int, set[str]]:
    """The status of a list, and the ids that it finds, all of its pages; no status of its own may be a 500."""
    found: set[str] = set()
    while True:
        answer = await toy.get(NOTES, params={**query, "limit": "50", "offset": str(len(found))})
        if answer.status_code >= 400:
            return answer.status_code, {answer.json()["message"]}
        page = answer.json()
        found |= {note["id"] for note in page}
        if len(page) < 50:
            assert answer.headers["x-total-count"] == str(len(found))
            return 200, found
