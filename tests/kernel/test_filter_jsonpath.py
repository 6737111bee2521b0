"""JSONPath in `filter`: what is found is what the library's own evaluation finds, or the answer is 400 or 501."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonpath_rfc9535 import JSONPathEnvironment
from jsonpath_rfc9535.exceptions import JSONPathError
from tests.kernel.corpus import MOMENTS, NUMBERS, TEXTS, fill, hits

LIBRARY = JSONPathEnvironment()
FIRST = ["text", "n", "isUrgent", "about", "size", "own", "more", "when", "due", "id", "href", "length", "nobody"]
NAMES = ["a", "b", "c", "id", "mark", "name", "amount", "units"]


@pytest.fixture(scope="module")
async def notes(toy, tenant) -> list[dict[str, Any]]:
    """The corpus, as it is seen from outside."""
    return await fill(tenant, toy)


def quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{inner}'"


literals = (
    st.sampled_from([*TEXTS, *MOMENTS]).map(quoted) | st.sampled_from(NUMBERS).map(str)
    | st.sampled_from(["true", "false", "null", '"a"', "-0", "1e1", "1.0", "'[('", "10.00"])
)  # fmt: skip
names = st.sampled_from(NAMES).map(lambda name: f".{name}") | st.sampled_from(["['@type']", "['ä b']", '["a"]'])
indexes = st.integers(-3, 3).map(lambda n: f"[{n}]")
singular = st.lists(names | indexes, min_size=0, max_size=3).map("".join)
of_resource = st.sampled_from(FIRST).map(lambda name: f".{name}") | st.just("['@type']")
slices = st.sampled_from(
    ["[:]", "[0:1]", "[1:]", "[-2:]", "[:-1]", "[1:0]", "[::2]", "[::1]", "[5:9]", "[-9:2]", "[0:2:0]"]
)
functions = st.sampled_from(
    ["length(@.a) == 1", "count(@.*) > 1", "value(@..a) == 1", "match(@.mark, 'a')", "match(@.id, '[ab]|Ä')",
     "search(@.id, 'a.b')", "search(@.name, '[0-9]+')", "match(@.id, '.*')", "search(@.a, '(')", "match(@.id, '^a')",
     "search(@.id, @.mark)", "search(@.b, 'x{2}')", "@.a == @.b", "$.n == 1", "$.isUrgent", "@.a == $.n", "1 == 1",
     "'a' != 'b'", "1 < 'a'", "true <= true"]
)  # fmt: skip


def expressions(start: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Filter expressions on @, whose paths begin as given."""
    paths = st.tuples(start, singular).map(lambda both: f"@{''.join(both)}")
    compared = st.tuples(paths, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), literals)
    either = compared | compared.map(lambda three: (three[2], three[1], three[0]))
    exists = paths.filter(lambda path: path != "@")  # which always is, though the library asks a scalar's truth
    simple = either.map(" ".join) | exists | exists.map(lambda path: f"!{path}") | functions
    within = st.tuples(paths, simple).map(lambda both: f"{both[0]}[?{both[1]}]")
    leaves = simple | within | st.tuples(paths, st.sampled_from(["[*]", ".*", "..a", "['a','b']"])).map("".join)
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(inner, st.sampled_from([" && ", " || "]), inner).map(lambda three: f"({''.join(three)})")
            | inner.map(lambda one: f"!({one})")
        ),
        max_leaves=5,
    )


filters = expressions(names | st.just("")).map(lambda one: f"[?{one}]")
steps = (
    names
    | indexes
    | st.sampled_from(["[*]", ".*", "..a", "..id", "..*", "['a','b']", "[0,2]", "..[0]"])
    | slices
    | filters
)
on_one = st.tuples(of_resource, st.lists(steps, max_size=3).map("".join)).map(lambda both: f"${''.join(both)}")
on_any = st.tuples(
    st.sampled_from(["..a", "..id", "..[?@.a]", "..*", "['n','own']"]), st.lists(steps, max_size=1).map("".join)
).map(lambda both: f"${''.join(both)}")
on_list = st.tuples(expressions(of_resource), st.lists(steps | of_resource, max_size=1).map("".join)).map(
    lambda both: f"$[?{both[0]}]{both[1]}"
)
SLOW = settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def evaluated(path: str, notes: list[dict[str, Any]], whole: bool) -> set[str] | None:
    """The ids of those the library finds something in; None where it refuses the path."""
    try:
        query = LIBRARY.compile(path)
    except (JSONPathError, ValueError, OverflowError):
        return None
    return {note["id"] for note in notes if query.find([note] if whole else note)}


@SLOW
@given(path=on_one | on_any)
async def test_a_path_on_a_resource_finds_what_the_library_finds(toy, notes, path: str) -> None:
    await same(toy, notes, path, False)


@SLOW
@given(path=on_list)
async def test_a_filter_on_the_list_finds_what_the_library_finds(toy, notes, path: str) -> None:
    await same(toy, notes, path, True)


async def same(toy, notes, path: str, whole: bool) -> None:
    expected = evaluated(path, notes, whole)
    status, found = await hits(toy, filter=path)
    assert status in ((400,) if expected is None else (200, 400, 501)), (path, status, found)
    if status == 200:
        assert found == expected, path
    else:
        assert "filter: " in found.pop()
