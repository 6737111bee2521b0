"""Merge patch and JSON patch equal a library's result on any document; where the library refuses, so do we."""

from __future__ import annotations

import copy
from typing import Any

import json_merge_patch
import jsonpatch
import jsonpointer
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from oxl.query.patch import apply, merged, read, same
from oxl.verbs import Refusal

NAMES = st.sampled_from(["a", "b", "c", "0", "", "a/b", "~"])
SCALARS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_67_a_merge_patch_is_what_a_library_makes_of_it(document: dict[str, Any], change: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    assert merged(document, change) == json_merge_patch.merge(copy.deepcopy(document), copy.deepcopy(change))
    assert document == before


@pytest.mark.parametrize(
    ("document", "change", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": [1, 2]}, {"a": [None, 3]}, {"a": [None, 3]}),
    ],
)
def test_67_null_takes_away_and_arrays_are_replaced_whole(document: Any, change: Any, result: Any) -> None:
    assert merged(document, change) == result


@st.composite
def pointers(draw: st.DrawFn, document: Any) -> str:
    """A pointer that leads somewhere, or nearly."""
    path, value = "", document
    while isinstance(value, (dict, list)) and draw(st.integers(0, 4)):
        if isinstance(value, dict):
            name = draw(st.sampled_from(sorted(value)) if value and draw(st.booleans()) else NAMES)
            value = value.get(name)
        else:
            name = draw(st.sampled_from([*map(str, range(len(value) + 2)), "-", "01"]))
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        path += "/" + name.replace("~", "~0").replace("/", "~1")
    return path


@st.composite
def patches(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A document, and operations that mostly fit it."""
    document = draw(DOCUMENTS)
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        op = draw(st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]))
        step = {"op": op, "path": draw(pointers(document))}
        if op in ("add", "replace", "test"):
            step["value"] = draw(VALUES)
        elif op != "remove":
            step["from"] = draw(pointers(document))
        steps.append(step)
    return document, steps


def by_library(document: dict[str, Any], steps: list[dict[str, Any]]) -> Any:
    """What the library makes of it; None when it refuses, or leaves no object."""
    try:
        result = jsonpatch.apply_patch(copy.deepcopy(document), copy.deepcopy(steps))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError, ValueError):
        return None
    return result if isinstance(result, dict) else None


@given(patches())
def test_68_a_json_patch_is_what_a_library_makes_of_it(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    document, steps = case
    before = copy.deepcopy(document)
    try:
        ours = apply(read("pointer", steps), document)
    except Refusal as refusal:
        ours, kind = None, refusal.refused.kind
        event(kind)
    theirs = by_library(document, steps)
    event("both" if ours is not None else "refused")
    assert (ours is None) == (theirs is None)
    assert ours is None or same(ours, theirs)
    assert document == before


@given(patches())
def test_a_pointer_means_the_same_in_both_kinds_of_json_patch(
    case: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    document, steps = case
    results = []
    for form in ("pointer", "query"):
        try:
            results.append(apply(read(form, steps), document))
        except Refusal as refusal:
            results.append(refusal.refused.kind)
    assert results[0] == results[1]


def test_73_a_failing_test_leaves_nothing_of_the_steps_before() -> None:
    document = {"a": 1, "b": [1, 2]}
    steps = [{"op": "remove", "path": "/b/0"}, {"op": "test", "path": "/a", "value": 2}]
    with pytest.raises(Refusal) as refusal:
        apply(read("pointer", steps), document)
    assert refusal.value.refused.kind == "conflict"
    assert document == {"a": 1, "b": [1, 2]}


@pytest.mark.parametrize("body", [{}, {"op": "remove", "path": "/a"}, "x", 1, None, [1], [{"op": "remove"}],
                                  [{"op": "remove", "path": "a"}], [{"op": "remove", "path": "$.a"}]])  # fmt: skip
def test_a_json_patch_is_an_array_of_operations_with_pointers(body: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        read("pointer", body)
    assert refusal.value.refused.code == "invalidPatch"


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_merge_patch_is_an_object(body: Any) -> None:
    with pytest.raises(Refusal):
        read("merge", body)
