"""The door for bodies: what is taken, what is refused, and that a refusal names the field and stores nothing."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.toy import NOTE, NOTES, rows

from oxl.kernel.problem import Problem
from oxl.kernel.validate import check, parse

JSON = {"content-type": "application/json"}


def nested(depth: int) -> bytes:
    """A note whose deepest object lies at `depth`, the body itself being 1."""
    return b'{"text":"x","more":' + b'{"a":' * (depth - 1) + b"1" + b"}" * (depth - 1) + b"}"


BAD = {
    "nothing": (b"", "not JSON"),
    "broken": (b'{"text":"x"', "not JSON"),
    "two documents": (b'{"text":"x"} {}', "not JSON"),
    "an array": (b'[{"text":"x"}]', "must be one JSON object"),
    "a text": (b'"text"', "must be one JSON object"),
    "null": (b"null", "must be one JSON object"),
    "not UTF-8": (b'{"text":"\xff"}', "not UTF-8"),
    "latin-1": ('{"text":"ä"}'.encode("latin-1"), "not UTF-8"),
    "a byte order mark": (b'\xef\xbb\xbf{"text":"x"}', "not JSON"),
    "a comment": (b'{"text":"x"} // done', "not JSON"),
    "a raw NUL": (b'{"text":"\x00"}', "not JSON"),
    "an escaped NUL": (b'{"text":"a\\u0000b"}', "text: "),
    "a NUL in a name": (b'{"text":"x","more":{"a\\u0000b":1}}', "more: "),
    "a lone surrogate": (b'{"text":"x","about":[{"id":"\\ud800"}]}', "about[0].id: "),
    "a lone low surrogate": (b'{"text":"\\uDC00x"}', "text: "),
    "a key twice": (b'{"text":"x","text":"y"}', "text: given twice"),
    "a key twice deep inside": (b'{"text":"x","more":[{"a":1,"b":2,"a":3}]}', "a: given twice"),
    "a key twice, once escaped": (b'{"text":"x","t\\u0065xt":"y"}', "text: given twice"),
    "a depth of 65": (nested(65), "nested too deeply"),
    "a depth of 5,000": (nested(5000), "nested too deeply"),
    "a depth of 100,000 arrays": (b'{"text":"x","more":' + b"[" * 100_000, "nested too deeply"),
    "1e400": (b'{"text":"x","size":{"amount":1e400,"units":"B"}}', "size.amount: "),
    "1e400 in what nobody declared": (b'{"text":"x","more":[0,{"deep":1e400}]}', "more[1].deep: "),
    "1e-400": (b'{"text":"x","more":1e-400}', "more: "),
    "a million digits": (b'{"text":"x","more":' + b"1" * 1_000_000 + b"}", "more: "),
    "an integer of 20 digits": (b'{"text":"x","n":99999999999999999999}', "n: "),
    "a number of 39 decimals": (b'{"text":"x","more":0.' + b"1" * 39 + b"}", "more: "),
    "NaN": (b'{"text":"x","size":{"amount":NaN}}', "size.amount: "),
    "Infinity": (b'{"text":"x","n":Infinity}', "n: "),
    "-Infinity": (b'{"text":"x","n":-Infinity}', "n: "),
    "a missing attribute": (b'{"n":1}', "text: is required"),
    "null for a required one": (b'{"text":null}', "text: is required"),
    "a number for a text": (b'{"text":5}', "text: "),
    "a text for a number": (b'{"text":"x","n":"5"}', "n: "),
    "a text for a boolean": (b'{"text":"x","isUrgent":"true"}', "isUrgent: "),
    "a date without offset": (b'{"text":"x","creationDate":"2026-06-15T12:00:00"}', "creationDate: "),
    "a reference without id": (b'{"text":"x","about":[{"id":"1"},{"name":"n"}]}', "about[1]"),
    "an array for an object": (b'{"text":"x","size":[1]}', "size: "),
    "an amount that is a text": (b'{"text":"x","size":{"amount":"five"}}', "size.amount: "),
}


@pytest.mark.parametrize("case", list(BAD))
async def test_a_bad_body_is_a_400_that_names_the_fault_and_stores_nothing(toy, tenant, case: str) -> None:
    raw, named = BAD[case]
    answer = await toy.post(NOTES, content=raw, headers=JSON)
    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert error["@type"] == "Error"
    assert (error["status"], error["reason"]) == ("400", "Bad request")
    assert named in error["message"]
    assert len(answer.content) < 400
    assert await rows(tenant, "select id from note") == []
    assert await rows(tenant, "select id from outbox where api = 'toy'") == []


def test_a_depth_of_64_is_taken() -> None:
    assert parse(nested(64))["text"] == "x"


GOOD = {
    "an emoji": (b'{"text":"\\ud83d\\ude00"}', {"text": "😀"}),
    "a backslash before u0000": (b'{"text":"\\\\u0000"}', {"text": "\\u0000"}),
    "a long whole number": (b'{"text":"x","more":9223372036854775807}', {"more": 2**63 - 1}),
    "href is the server's": (b'{"text":"x","href":"http://elsewhere"}', {"href": None}),
    "null is left out": (b'{"text":"x","n":null}', {"n": None}),
    "an object for a list": (b'{"text":"x","about":{"id":"1"}}', {"about": [{"@type": "EntityRef", "id": "1"}]}),
    "a type of its own": (b'{"text":"x","@type":"Memo"}', {"@type": "Memo"}),
    "many brackets in a text": (b'{"text":"' + b"[{" * 200 + b'"}', {"text": "[{" * 200}),
}


@pytest.mark.parametrize("case", list(GOOD))
def test_a_good_body_is_made_canonical(case: str) -> None:
    raw, expected = GOOD[case]
    body = check(NOTE, parse(raw))
    assert {name: body.get(name) for name in expected} == expected
    assert body["@type"] == ("Memo" if case == "a type of its own" else "Note")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.text().filter(lambda text: "\x00" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_every_storable_value_is_read_as_json_reads_it(value: Any) -> None:
    assert parse(json.dumps({"text": "x", "more": value}).encode()) == {"text": "x", "more": value}


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_bytes_make_the_door_fail_otherwise_than_by_a_problem(raw: bytes) -> None:
    for text in (raw, b'{"text":' + raw + b"}", b'{"text":"' + raw + b'"}'):
        with contextlib.suppress(Problem):
            check(NOTE, parse(text))
