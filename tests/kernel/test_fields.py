"""Attribute selection, by the lines of the checklist (35–39, 10 of the kits' rules): first level, nested, none."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kernel.toy import NOTES

BODY = {
    "text": "a", "n": 1, "size": {"amount": 1.50, "units": "GB"}, "isUrgent": True,
    "about": [{"id": "p", "name": "P", "@type": "Ref"}, {"id": "q", "@referredType": "Q", "@type": "EntityRef"}],
    "more": {"deep": [{"x": 1, "y": [1, {"z": 2}]}, {"y": 3}, 7, [{"x": 5, "y": 6}]], "flat": "f"},
}  # fmt: skip


@pytest.fixture(scope="module")
async def note(toy) -> dict[str, Any]:
    """A stored note, as its POST answered."""
    return (await toy.post(NOTES, json=BODY)).json()


async def chosen(toy, note: dict[str, Any], fields: str) -> dict[str, Any]:
    """What is left of a note; the same in the list, in the single resource and in the answer to POST."""
    one = await toy.get(f"{NOTES}/{note['id']}?fields={fields}")
    assert one.status_code == 200
    listed = (await toy.get(f"{NOTES}?id={note['id']}&fields={fields}")).json()
    assert listed == [one.json()]
    made = await toy.post(f"{NOTES}?fields={fields}", json=BODY)
    assert made.status_code == 201
    always = {name: note[name] for name in ("id", "href", "@type")}
    assert made.json() | always == one.json()
    assert made.headers["location"] == made.json()["href"]
    assert {name: one.json()[name] for name in always} == always
    return {name: value for name, value in one.json().items() if name not in always}


async def test_35_one_attribute_and_what_is_always_there(toy, note) -> None:
    assert await chosen(toy, note, "text") == {"text": "a"}
    assert await chosen(toy, note, "text,n") == {"text": "a", "n": 1}
    assert await chosen(toy, note, "length&fields=isUrgent") == {"length": 1, "isUrgent": True}


async def test_36_none_leaves_what_is_always_there(toy, note) -> None:
    assert await chosen(toy, note, "none") == {}


@pytest.mark.parametrize("fields", ["text,nosuch", "nosuch,text", "text,text", ",text,", "text,none", "text,text.more"])
async def test_37_unknown_names_are_passed_over(toy, note, fields: str) -> None:
    assert await chosen(toy, note, fields) == {"text": "a"}


async def test_9_an_encoded_comma_is_a_comma(toy, note) -> None:
    assert await chosen(toy, note, "text%2Cn") == {"text": "a", "n": 1}


NESTED = [
    ("size.units", {"size": {"units": "GB"}}),
    ("size.units,size.amount", {"size": {"units": "GB", "amount": 1.5}}),
    ("size,size.units", {"size": BODY["size"]}),
    ("size.units,size", {"size": BODY["size"]}),
    ("about.name", {"about": [{"id": "p", "name": "P", "@type": "Ref"}]}),
    ("about.@referredType", {"about": [{"id": "q", "@referredType": "Q", "@type": "EntityRef"}]}),
    ("about.id", {"about": [{"id": "p", "@type": "Ref"}, {"id": "q", "@type": "EntityRef"}]}),
    ("about.name,about.@referredType", {"about": BODY["about"]}),
    ("more.deep.x", {"more": {"deep": [{"x": 1}, [{"x": 5}]]}}),
    ("more.deep.y.z", {"more": {"deep": [{"y": [{"z": 2}]}]}}),
    ("more.flat,more.deep.x", {"more": {"deep": [{"x": 1}, [{"x": 5}]], "flat": "f"}}),
    ("more.nosuch,text", {"text": "a"}),
    ("about.nosuch", {}),
    ("size.", {}),
    (".size", {}),
    ("text.x", {}),
    (".".join("a" * 1500), {}),
    ("more." + ".".join("deep" * 100), {}),
]


@pytest.mark.parametrize(("fields", "expected"), NESTED)
async def test_38_nested_names_reach_through_arrays_and_merge(toy, note, fields: str, expected: Any) -> None:
    assert await chosen(toy, note, fields) == expected


async def test_39_a_trimmed_answer_to_post_keeps_its_location(toy) -> None:
    made = await toy.post(f"{NOTES}?fields=id", json=BODY)
    assert made.status_code == 201
    assert set(made.json()) == {"id", "href", "@type"}
    assert (await toy.get(made.headers["location"])).json()["text"] == "a"


async def test_38_numbers_and_texts_are_kept_to_the_letter(toy) -> None:
    raw = b'{"text":"\\ud83d\\ude00 \\" \\\\ ","size":{"amount":1.500,"units":"GB"},"more":{"x":12345678901234567.10}}'
    made = await toy.post(NOTES, content=raw)
    trimmed = (await toy.get(f"{made.json()['href']}?fields=text,size.amount,more.x")).text
    assert '"amount":1.500' in trimmed.replace(" ", "")
    assert '"x":12345678901234567.10' in trimmed.replace(" ", "")
    assert '"😀 \\" \\\\ "' in trimmed
