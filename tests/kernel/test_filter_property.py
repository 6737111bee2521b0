"""Any filters on any notes: what SQL finds is what a plain evaluation of the same notes finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kernel.corpus import MOMENTS, NUMBERS, TEXTS, fill
from tests.kernel.toy import NOTES

KINDS = {
    "text": "text", "n": "number", "isUrgent": "boolean", "creationDate": "instant", "due": "instant", "id": "text",
    "size.amount": "number", "size.units": "text", "about.id": "text", "about.mark": "any", "@type": "text",
    "length": "number", "own": "any", "own.a": "any", "own.a.b": "any", "more.b": "any", "when": "any", "nobody": "any",
}  # fmt: skip
SYMBOLS = {"": "=", "eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@pytest.fixture(scope="module")
async def notes(toy, tenant) -> list[dict[str, Any]]:
    """The corpus, as it is seen from outside."""
    return await fill(tenant, toy)


def found_at(value: Any, names: list[str]) -> Iterator[Any]:
    """The values at a path, through arrays; at its end those of an array, and of arrays in it."""
    for each in value if isinstance(value, list) else [value]:
        if not names:
            yield from each if isinstance(each, list) else [each]
        elif isinstance(each, dict) and names[0] in each:
            yield from found_at(each[names[0]], names[1:])


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def instant(text: Any) -> datetime | None:
    if not isinstance(text, str) or not DATE.match(text):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)


def span(text: str, whole: bool) -> tuple[datetime, datetime] | None:
    """The span that a value names; the month, the year, the day as such, the rest to the millisecond."""
    if re.fullmatch(r"\d{4}(-\d\d)?", text):
        start = datetime(int(text[:4]), int(text[5:] or 1), 1, tzinfo=UTC)
        months = 1 if len(text) > 4 else 12
        end = datetime(start.year + (start.month + months > 12), (start.month + months - 1) % 12 + 1, 1, tzinfo=UTC)
    elif (at := instant(text)) is None:
        return None
    else:
        start, end = at, at + (timedelta(days=1) if len(text) == 10 else timedelta(milliseconds=1))
    return start, end if whole else start + timedelta(milliseconds=1)


def compared(left: Any, op: str, right: Any) -> bool:
    return {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[op]


def meets(value: Any, kind: str, op: str, text: str) -> bool:
    """Whether one value meets an operator with one text, by the rules of the reference."""
    if kind == "instant" or (kind == "any" and op != "eq" and DATE.match(text) and span(text, False)):
        at, given = instant(value), span(text, op == "eq")
        if at is None or given is None:
            return False
        bounds = {"eq": given[0] <= at < given[1], "gt": at >= given[1], "gte": at >= given[0]}
        return (bounds | {"lt": at < given[0], "lte": at < given[1]})[op]
    if op == "eq":
        as_number = is_number(value) and NUMBER.fullmatch(text) and Decimal(str(value)) == Decimal(text)
        as_flag = isinstance(value, bool) and text in ("true", "false") and value == (text == "true")
        return value == text if isinstance(value, str) else bool(as_number or as_flag)
    if kind == "boolean":
        return False
    if kind != "text" and NUMBER.fullmatch(text):
        return is_number(value) and compared(Decimal(str(value)), op, Decimal(text))
    return kind != "number" and isinstance(value, str) and compared(value, op, text)


def holds(note: dict[str, Any], name: str, op: str, texts: list[str]) -> bool:
    values = list(found_at(note, name.split(".")))
    if op == "ne":
        return not holds(note, name, "eq", texts)
    return any(meets(value, KINDS[name], op, text) for value in values for text in texts)


plain = [text for text in TEXTS if "," not in text and '"' not in text]
texts = st.sampled_from([*plain, *MOMENTS, *map(str, NUMBERS), "2024", "2024-01", "2023-12", "5.0", "id003", "Note"])
conditions = st.tuples(
    st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(SYMBOLS)), st.lists(texts, min_size=1, max_size=3)
)
queries = st.lists(st.lists(conditions, min_size=1, max_size=2), min_size=1, max_size=3)


def written(condition: tuple[str, str, list[str]], dotted: bool) -> str:
    """One condition as a client writes it; several values with commas where they mean or, else only the first."""
    name, op, values = condition
    value = ",".join(values) if op == "" else values[0]
    if dotted or not op:
        return f"{name}{'.' if op else ''}{op}={value}"
    return f"{name}{SYMBOLS[op]}{value}"


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(query=queries, dotted=st.booleans(), raw=st.booleans())
async def test_sql_finds_what_a_plain_evaluation_finds(toy, notes, query, dotted: bool, raw: bool) -> None:
    parts = [";".join(written(condition, dotted) for condition in term) for term in query]
    sent = "&".join(quote(part, safe="=;,<>!.:@" if raw else "") for part in parts)
    expected = {
        note["id"] for note in notes if all(any(_meant(note, each) for each in term) for term in _merged(query))
    }
    found: set[str] = set()
    while True:
        answer = await toy.get(f"{NOTES}?{sent}&{urlencode({'limit': 50, 'offset': len(found)})}")
        assert answer.status_code in (200, 206), (sent, answer.text)
        found |= {note["id"] for note in answer.json()}
        if len(answer.json()) < 50:
            break
    assert found == expected, sent


def _meant(note: dict[str, Any], condition: tuple[str, str, list[str]]) -> bool:
    name, op, values = condition
    return holds(note, name, op or "eq", values)


def _alternatives(values: list[str]) -> list[str]:
    """What commas separate, or the text with its commas as a whole."""
    return [*values, ",".join(values)] if len(values) > 1 else values


def _merged(query: list[list[tuple[str, str, list[str]]]]) -> list[list[tuple[str, str, list[str]]]]:
    """Terms on one name and operator are one term, by repetition."""
    found: dict[Any, list[tuple[str, str, list[str]]]] = {}
    for n, term in enumerate(query):
        told = [(name, op or "eq", values[:1] if op else _alternatives(values)) for name, op, values in term]
        keys = {(name, op) for name, op, _ in told}
        key = keys.pop() if len(keys) == 1 else n
        if isinstance(key, tuple):
            before = found.get(key, [(key[0], key[1], [])])[0][2]
            found[key] = [(key[0], key[1], before + [value for _, _, values in told for value in values])]
        else:
            found[key] = told
    return list(found.values())
