"""JSON-patch-query against a table of its own: no library knows both of its dialects."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from oxl.query.patch import MAX_STEPS, apply, read
from oxl.verbs import Refusal

DOC: dict[str, Any] = {
    "id": "1",
    "state": "new",
    "name": "N",
    "count": 3,
    "rate": Decimal("0.1"),
    "urgent": True,
    "tags": ["x", "y", "x"],
    "note": [
        {"author": "X", "text": "a", "n": 1},
        {"author": "Y", "text": "b", "n": 2, "price": {"amount": Decimal("1.5")}},
        {"author": "X", "text": "c"},
    ],
    "item": [
        {"id": "7", "offering": {"id": "1513"}, "quantity": 1, "part": [{"k": "p", "v": 1}, {"k": "q", "v": 2}]},
        {"id": "8", "offering": {"id": "1514"}, "quantity": 2},
    ],
    "deep": {"a": {"b": 1}, "a/b": {"~c": 5}},
    "empty": [],
}


def op(name: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    """One operation; the positional value may be left out."""
    return {"op": name, "path": path} | ({"value": value[0]} if value else {}) | more


def note(n: int, **changed: Any) -> dict[str, Any]:
    """The notes with one of them changed."""
    return {"note": [each | (changed if at == n else {}) for at, each in enumerate(DOC["note"])]}


def notes(**changed: Any) -> dict[str, Any]:
    """The notes by X changed."""
    return {"note": [each | (changed if each["author"] == "X" else {}) for each in DOC["note"]]}


def item(n: int, **changed: Any) -> dict[str, Any]:
    """The items with one of them changed."""
    return {"item": [each | (changed if at == n else {}) for at, each in enumerate(DOC["item"])]}


WITHOUT_X = {"note": [DOC["note"][1]]}
BARE_X = {"note": [{"author": "X", "n": 1}, DOC["note"][1], {"author": "X"}]}
BY_Y = "$.note[?(@.author=='Y')]"
BY_X = "$.note[?(@.author=='X')]"
PARTS = [{"k": "p", "v": 9}, {"k": "q", "v": 2}]

# What becomes of DOC: the attributes that differ from it.
GOOD: dict[str, tuple[Any, dict[str, Any]]] = {
    # pointers with a query
    "69 a bare object": (op("replace", "/state?state=new", "held"), {"state": "held"}),
    "69 an array": ([op("replace", "/state?state=new", "held")], {"state": "held"}),
    "quotes around the value": ([op("replace", "/state?state='new'", "held")], {"state": "held"}),
    "an encoded value": ([op("replace", "/state?state=%6Eew", "held")], {"state": "held"}),
    "a number": ([op("replace", "/name?count=3", "M")], {"name": "M"}),
    "a decimal": ([op("replace", "/name?rate=0.10", "M")], {"name": "M"}),
    "a boolean": ([op("replace", "/name?urgent=true", "M")], {"name": "M"}),
    "two conditions": ([op("replace", "/name?state=new&count=3", "M")], {"name": "M"}),
    "an element by its own name": ([op("replace", "/note/text?author=Y", "z")], note(1, text="z")),
    "an element by its full name": ([op("replace", "/note/text?note.author=Y", "z")], note(1, text="z")),
    "two elements": ([op("replace", "/note/text?author=X", "z")], notes(text="z")),
    "an element by what is nested in it": ([op("replace", "/item/quantity?item.offering.id=1513", 25)],
                                           item(0, quantity=25)),
    "the same without its name": ([op("replace", "/item/quantity?offering.id=1514", 25)], item(1, quantity=25)),
    "by any of an array within": ([op("replace", "/item/quantity?part.k=q", 25)], item(0, quantity=25)),
    "an array in an array": ([op("replace", "/item/part/v?k=p", 9)], item(0, part=PARTS)),
    "its full name": ([op("replace", "/item/part/v?item.part.k=p", 9)], item(0, part=PARTS)),
    "remove": ([op("remove", "/note/text?author=X")], BARE_X),
    "add what is not there": ([op("add", "/note/rating?author=Y", 5)], note(1, rating=5)),
    "add to an array within": ([op("add", "/item/part?id=7", {"k": "r"})],
                               item(0, part=[*DOC["item"][0]["part"], {"k": "r"}])),
    "test then replace": ([op("test", "/note/n?author=Y", 2), op("replace", "/name", "M")], {"name": "M"}),
    "a deep one": ([op("replace", "/deep/a/b?state=new", 2)], {"deep": {"a": {"b": 2}, "a/b": {"~c": 5}}}),
    # plain pointers are RFC 6902
    "a pointer": ([op("replace", "/note/0/text", "z")], note(0, text="z")),
    "a pointer with escapes": ([op("replace", "/deep/a~1b/~0c", 6)], {"deep": {"a": {"b": 1}, "a/b": {"~c": 6}}}),
    "72 add at -": ([op("add", "/tags/-", "z")], {"tags": ["x", "y", "x", "z"]}),
    "a pointer add replaces": ([op("add", "/tags", ["z"])], {"tags": ["z"]}),
    # JSONPath
    "70 one match": ([op("replace", f"{BY_Y}.text", "z")], note(1, text="z")),
    "70 two matches": ([op("replace", f"{BY_X}.text", "z")], notes(text="z")),
    "no parentheses": ([op("replace", "$.note[?@.author=='Y'].text", "z")], note(1, text="z")),
    "no $": ([op("replace", "note[?(@.author=='Y')].text", "z")], note(1, text="z")),
    "neither $ nor name": ([op("replace", "['state']", "held")], {"state": "held"}),
    "double quotes": ([op("replace", 'note[?(@.author=="Y")].price.amount', 2)], note(1, price={"amount": 2})),
    "by a decimal": ([op("replace", "$.note[?(@.price.amount==1.5)].text", "z")], note(1, text="z")),
    "by a decimal that no float holds": ([op("replace", "$[?@==0.1]", 2)], {"rate": 2}),
    "by a comparison": ([op("replace", "$.note[?(@.n>=2)].text", "z")], note(1, text="z")),
    "by two conditions": ([op("replace", "$.note[?(@.author=='X' && @.n==1)].text", "z")], note(0, text="z")),
    "all of an array": ([op("replace", "$.item[*].quantity", 0)],
                        {"item": [each | {"quantity": 0} for each in DOC["item"]]}),
    "the last": ([op("replace", "$.note[-1].text", "z")], note(2, text="z")),
    "texts of an array": ([op("replace", "$.tags[?(@=='x')]", "z")], {"tags": ["z", "y", "z"]}),
    "remove from the end": ([op("remove", "$.tags[?(@=='x')]")], {"tags": ["y"]}),
    "remove elements": ([op("remove", BY_X)], WITHOUT_X),
    "remove a slice": ([op("remove", "$.tags[0:2]")], {"tags": ["x"]}),
    "remove all": ([op("remove", "$.tags[*]")], {"tags": []}),
    "remove what lies in what is removed": ([op("remove", "$..a")], {"deep": {"a/b": {"~c": 5}}}),
    "72 add to an array": ([op("add", "tags", "z")], {"tags": ["x", "y", "x", "z"]}),
    "add to an empty array": ([op("add", "$.empty", {"a": 1})], {"empty": [{"a": 1}]}),
    "add to objects": ([op("add", BY_Y, {"own": 1, "text": "z"})], note(1, own=1, text="z")),
    "add an attribute": ([op("add", f"{BY_X}.own", 1)], notes(own=1)),
    "add an attribute of the document": ([op("add", "$.own", [1])], {"own": [1]}),
    "add over a scalar": ([op("add", "$.state", "held")], {"state": "held"}),
    "copy": ([op("copy", f"{BY_X}.text", **{"from": f"{BY_Y}.text"})], notes(text="b")),
    "copy to an array": ([op("copy", "$.tags", **{"from": "$.state"})], {"tags": ["x", "y", "x", "new"]}),
    "move": ([op("move", "$.deep.name", **{"from": "$.name"})],
             {"name": None, "deep": DOC["deep"] | {"name": "N"}}),
    "a test of several": ([op("test", f"{BY_X}.author", "X"), op("replace", "$.name", "M")], {"name": "M"}),
    "a test by value": ([op("test", "$.rate", Decimal("0.10")), op("remove", "$.rate")], {"rate": None}),
    "one after another": ([op("add", "tags", "z"), op("remove", "$.tags[3]"), op("add", "tags", "w")],
                          {"tags": ["x", "y", "x", "w"]}),
}  # fmt: skip

CONFLICTS: dict[str, Any] = {
    "71 no such state": op("replace", "/state?state=old", "held"),
    "71 no element": op("replace", "/note/text?author=Z", "z"),
    "71 a JSONPath without a match": op("replace", "$.note[?(@.author=='Z')].text", "z"),
    "71 remove nothing": op("remove", "$.nothing"),
    "71 test nothing": op("test", "$.nothing", 1),
    "71 add below nothing": op("add", "$.nothing.own", 1),
    "a condition on what is not there": op("replace", "/state?nothing=1", "held"),
    "a walk through a text": op("replace", "/state/x?state=new", 1),
    "only one condition holds": op("replace", "/name?state=new&count=4", "M"),
    "a number that is another": op("replace", "/name?count=3.5", "M"),
    "73 a test that fails for one of two": [op("replace", "/name", "M"), op("test", f"{BY_X}.text", "a")],
    "73 true is not 1": op("test", "$.urgent", 1),
    "a copy from two": op("copy", "$.name", **{"from": f"{BY_X}.text"}),
    "a move from nothing": op("move", "$.name", **{"from": "$.nothing"}),
    "a move into itself": op("move", "$.deep.a.c", **{"from": "$.deep"}),
    "a pointer to nothing": op("replace", "/note/9/text", 1),
}
MALFORMED: dict[str, Any] = {
    "a text": "x",
    "a list of texts": ["x"],
    "no op": {"path": "/a"},
    "another op": op("increment", "/count", 1),
    "no path": {"op": "remove"},
    "a path that is a number": {"op": "remove", "path": 1},
    "no value": op("replace", "/name"),
    "no from": op("move", "/name"),
    "no condition after ?": op("replace", "/state?", 1),
    "a condition without a value": op("replace", "/state?new", 1),
    "another comparison": op("replace", "/state?state>new", 1),
    "a bad escape": op("replace", "/a~2", 1),
    "a broken JSONPath": op("replace", "$.note[?(", 1),
    "a regular expression": op("remove", "$.note[?search(@.text, '(a+)+$')]"),
    "two descents": op("remove", "$..a..b"),
    "a path that is too long": op("remove", "/" + "a" * 1000),
    "too many steps": [op("test", "/state", "new")] * (MAX_STEPS + 1),
    "the document replaced by a text": op("replace", "", "x"),
    "the document removed": op("remove", ""),
    "copies that double": [op("copy", f"$.x{n}", **{"from": "$"}) for n in range(40)],
    "too deep": [op("copy", "$.x", **{"from": "$"})] * 80,
}


@pytest.mark.parametrize("case", list(GOOD))
def test_69_to_72_a_query_changes_what_it_selects(case: str) -> None:
    body, changed = GOOD[case]
    before = copy.deepcopy(DOC)
    expected = {name: value for name, value in (DOC | changed).items() if value is not None}
    assert apply(read("query", body), before) == expected
    assert before == DOC, "the document that was given was touched"


def test_the_table_has_at_least_forty_cases() -> None:
    assert len(GOOD) >= 40


@pytest.mark.parametrize("case", list(CONFLICTS))
def test_71_what_has_no_place_to_go_is_a_conflict(case: str) -> None:
    before = copy.deepcopy(DOC)
    patch = read("query", CONFLICTS[case])
    with pytest.raises(Refusal) as refusal:
        apply(patch, before)
    assert (refusal.value.refused.kind, refusal.value.refused.code) == ("conflict", "patchConflict")
    assert before == DOC


@pytest.mark.parametrize("case", list(MALFORMED))
def test_what_is_no_patch_is_invalid(case: str) -> None:
    with pytest.raises(Refusal) as refusal:
        apply(read("query", MALFORMED[case]), copy.deepcopy(DOC))
    assert (refusal.value.refused.kind, refusal.value.refused.code) == ("invalid", "invalidPatch")
