"""Cursors, slices and Link headers: a cursor opens its own list only, slices are what lies beyond a place."""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.toy import NOTE, READ_ONLY

from oxl.apis.usage_consumption.model import UsageConsumptionReport
from oxl.kernel import paging
from oxl.kernel.paging import Bound, Key, Window
from oxl.kernel.problem import Problem
from oxl.kernel.request import parse_query

SECRET = b"secret"
KEYS = paging.order_of(NOTE, ["-n", "text"])
LIST = paging.binding("/toy/v1/note", KEYS, "sort=-n,text&isUrgent=true&n=1,2")
PLACES = st.lists(st.none() | st.text(), min_size=1, max_size=4)


@given(PLACES, st.none() | st.integers(0, 10**9))
def test_51_a_cursor_gives_back_what_was_sealed_in_it(place: list[str | None], known: int | None) -> None:
    cursor = paging.seal(SECRET, LIST, place, known)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert paging.unseal(SECRET, LIST, "after", cursor) == (place, known)


@given(PLACES, st.data())
def test_51_a_cursor_with_any_character_changed_added_or_taken_away_is_refused(place: Any, data: st.DataObject) -> None:
    cursor = paging.seal(SECRET, LIST, place)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(max_codepoint=0x17F))
    for changed in (
        cursor[:at] + other + cursor[at + 1 :],
        cursor[:at] + cursor[at + 1 :],
        cursor[:at] + other + cursor[at:],
    ):
        if changed != cursor:
            with pytest.raises(Problem, match="after: is no cursor"):
                paging.unseal(SECRET, LIST, "after", changed)


@given(st.text(max_size=60))
def test_51_no_text_opens_a_list(text: str) -> None:
    with pytest.raises(Problem, match="before: is no cursor"):
        paging.unseal(SECRET, LIST, "before", text)


OTHER_LISTS = {
    "another resource": ("/toy/v1/readNote", KEYS, "isUrgent=true&n=1,2"),
    "another sort": ("/toy/v1/note", KEYS[:1] + KEYS[2:], "isUrgent=true&n=1,2"),
    "another direction": ("/toy/v1/note", paging.order_of(NOTE, ["n", "text"]), "isUrgent=true&n=1,2"),
    "another filter": ("/toy/v1/note", KEYS, "isUrgent=true&n=1,3"),
    "one filter less": ("/toy/v1/note", KEYS, "isUrgent=true"),
    "one filter more": ("/toy/v1/note", KEYS, "isUrgent=true&n=1,2&text=x"),
    "a name with = for one without": ("/toy/v1/note", KEYS, "isUrgent%3Dtrue&n=1,2"),
}


@pytest.mark.parametrize("other", list(OTHER_LISTS))
def test_51_a_cursor_of_one_list_opens_no_other(other: str) -> None:
    cursor = paging.seal(SECRET, LIST, ["1", "a", "id"])
    with pytest.raises(Problem, match="after: is no cursor of this list"):
        paging.unseal(SECRET, paging.binding(*OTHER_LISTS[other]), "after", cursor)
    with pytest.raises(Problem, match="after: is no cursor of this list"):
        paging.unseal(b"another installation", LIST, "after", cursor)


@pytest.mark.parametrize(
    "raw",
    ["n=1,2&isUrgent=true", "isUrgent=true&n=1%2C2&fields=id&limit=5", "isUrgen%74=true&n=1,2&after=x&&sort=-n,text"],
)
def test_51_the_same_list_asked_for_otherwise_is_the_same(raw: str) -> None:
    assert paging.binding("/toy/v1/note", KEYS, raw) == LIST


# ── sort keys ──


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("text", "text"), ("n", "number"), ("isUrgent", "boolean"), ("creationDate", "instant"), ("@type", "text"),
        ("size.amount", "number"), ("size.units", "text"), ("about.id", "text"), ("about.@referredType", "text"),
        ("size", None), ("about", None), ("nobody", None), ("about.nobody", None), ("text.more", None), ("", None),
        ("size.", None), (".size", None), ("at_type", None),
    ],
)  # fmt: skip
def test_42_the_shape_tells_what_an_attribute_holds(name: str, kind: str | None) -> None:
    assert paging.kind_of(NOTE.shape, name) == kind


def test_42_shapes_that_nest_deeply_are_followed() -> None:
    names = ("validPeriod.startDateTime", "bucket.remainingValue.amount", "relatedParty.partyOrPartyRole.id")
    assert [paging.kind_of(UsageConsumptionReport, name) for name in names] == ["instant", "number", "text"]


def test_40_the_id_ends_every_sort_in_the_direction_of_its_first_key() -> None:
    def told(*sort: str) -> list[tuple[str, bool]]:
        return [(key.column, key.descending) for key in paging.order_of(NOTE, sort)]

    assert told() == [("id", False)]
    assert told("n") == [("n", False), ("id", False)]
    assert told("-n", "+text") == [("n", True), ("text", False), ("id", True)]
    assert told("n", "-n", "text") == [("n", False), ("text", False), ("id", False)]
    assert told("-id", "n") == told("-href") == [("id", True)]
    assert told("- n") == [("n", True), ("id", True)]


def test_40_attributes_that_are_no_column_are_read_where_they_are_stored() -> None:
    assert paging.order_of(NOTE, ["about.id"])[0][2:] == ("body", '$."about"."id"[*] ? (@.type() == "string")')
    assert paging.order_of(NOTE, ["length"])[0].column == "doc"
    assert paging.order_of(READ_ONLY, ["n"])[0][2:] == ("doc", '$."n"[*] ? (@.type() == "number")')


@pytest.mark.parametrize(
    "sort", ["nobody", "-", "size", "text,nobody", "a'; drop", "text.x", "n,text,length,isUrgent,@type,size.units"]
)
def test_42_what_has_no_order_is_refused_by_name(sort: str) -> None:
    with pytest.raises(Problem, match=r"^sort: ") as refused:
        paging.order_of(NOTE, sort.split(","))
    assert refused.value.status == 400


@pytest.mark.parametrize("raw", ["sort=+text", "sort=%2Btext", "sort=text", "sort=%20text%20,", "sort=&sort=text"])
def test_41_a_plus_a_space_and_nothing_are_ascending(raw: str) -> None:
    assert paging.order_of(NOTE, parse_query(raw, 10).sort) == paging.order_of(NOTE, ["text"])


# ── slices ──

ROWS = st.lists(st.tuples(st.none() | st.integers(0, 2), st.none() | st.integers(0, 2)), max_size=12)


def _compare(descending: list[bool]) -> Any:
    def compare(one: Any, other: Any) -> int:
        for a, b, down in zip(one, other, descending, strict=True):
            if a != b:
                return 1 if a is None else -1 if b is None else (1 if (a > b) != down else -1)
        return 0

    return cmp_to_key(compare)


def _meets(row: Any, bound: Bound) -> bool:
    value, text = row[bound.key], int(bound.text or 0)
    match bound.test:
        case "null":
            return value is None
        case "value":
            return value is not None
        case _:
            return value is not None and {"=": value == text, "<": value < text, ">": value > text}[bound.test]


@given(ROWS, st.tuples(st.booleans(), st.booleans(), st.booleans()), st.integers(0, 30), st.booleans())
def test_53_slices_are_exactly_the_rows_beyond_a_place_in_order(pairs: Any, down: Any, start: int, back: bool) -> None:
    rows = sorted(((*pair, n) for n, pair in enumerate(pairs)), key=_compare(list(down)))
    at = rows[start] if start < len(rows) else None
    beyond = rows if at is None else rows[:start] if back else rows[start + 1 :]
    place = None if at is None else [None if value is None else str(value) for value in at]
    walked = []
    for bounds in paging.slices(3, down, place, back):
        part = [row for row in rows if all(_meets(row, bound) for bound in bounds)]
        walked += part[::-1] if back else part
    assert walked == (beyond[::-1] if back else beyond)


# ── links ──

LINK = re.compile(r'<([^<>"\s]*)>; rel="(self|first|prev|next|last)"')


def parsed(header: str) -> dict[str, str]:
    """The links of a header by relation; the header must be nothing but links."""
    assert ", ".join(match[0] for match in LINK.finditer(header)) == header
    return {match[2]: match[1] for match in LINK.finditer(header)}


@pytest.mark.parametrize(
    ("offset", "limit", "total", "more", "expected"),
    [
        (10, 10, 35, True, {"first": "offset=0", "prev": "offset=0", "next": "offset=20", "last": "offset=30"}),
        (0, 100, 35, False, {"first": "offset=0", "last": "offset=0"}),
        (30, 10, 35, False, {"first": "offset=0", "prev": "offset=20", "last": "offset=30"}),
        (5, 10, 35, True, {"first": "offset=0", "prev": "offset=0&limit=5", "next": "offset=15", "last": "offset=25"}),
        (999, 10, 35, False, {"first": "offset=0", "prev": "offset=25", "last": "offset=29"}),
        (0, 10, 0, False, {"first": "offset=0"}),
        (20, 10, None, True, {"first": "offset=0", "prev": "offset=10", "next": "offset=30"}),
    ],
)
def test_44_the_neighbours_of_a_counted_page(
    offset: int, limit: int, total: int | None, more: bool, expected: Any
) -> None:
    found = parsed(paging.link_header("/list", "", paging.offset_links(offset, limit, total, more)))
    assert found.pop("self") == "/list"
    assert found == {relation: f"/list?{query}" for relation, query in expected.items()}


def test_50_the_neighbours_of_a_page_by_cursor() -> None:
    part = Window((Key("text", False, "id"),), ["x"], False, 0, 5)
    told = {
        name: {relation for relation in paging.cursor_links(asked, ends, "end", more) if relation in ("prev", "next")}
        for name, asked, ends, more in (
            ("only page", part._replace(at=None), ("a", "b"), False),
            ("first page", part._replace(at=None), ("a", "b"), True),
            ("middle", part, ("a", "b"), True),
            ("last", part, ("a", "b"), False),
            ("beyond the end", part, None, False),
            ("backwards middle", part._replace(backwards=True), ("a", "b"), True),
            ("backwards first", part._replace(backwards=True), ("a", "b"), False),
            ("from the end", part._replace(at=None, backwards=True), ("a", "b"), True),
        )
    }
    assert told == {
        "only page": set(), "first page": {"next"}, "middle": {"prev", "next"}, "last": {"prev"},
        "beyond the end": {"prev"}, "backwards middle": {"prev", "next"}, "backwards first": {"next"},
        "from the end": {"prev"},
    }  # fmt: skip


QUERIES = st.lists(st.sampled_from([
    "usageDate>2024-01-01", "a%3E%3D5", "limit=10", "text=%C3%A4%20b", "text=\xff", 'x="<y>"', "sort=%2Bn", "a=[1]",
    "b=^|`{}", "offset=3", "after=old", "c%26d=1%3D", "filter=$[?(@.a=='b')]", "", "e", "text=a+b",
]), max_size=8)  # fmt: skip


@given(QUERIES)
def test_44_links_keep_every_other_parameter_and_are_quoted(raw_parts: list[str]) -> None:
    raw = "&".join(raw_parts)
    links = parsed(paging.link_header("/list", raw, {"self": {}, "next": {"after": "new"}, "first": {}}))

    def pairs(query: str) -> list[str]:
        return [unquote_plus(part, encoding="latin-1") for part in query.split("&") if part]

    assert pairs(urlsplit(links["self"]).query) == pairs(raw)
    kept = [pair for pair in pairs(raw) if pair.partition("=")[0] not in ("offset", "before", "after")]
    assert pairs(urlsplit(links["first"]).query) == kept
    assert pairs(urlsplit(links["next"]).query) == [*kept, "after=new"]


@given(st.integers(0, 4000))
def test_44_a_header_stays_under_2_kb_and_leaves_out_links_rather_than_cut_them(length: int) -> None:
    part = Window((Key("text", False, "id"),), ["x"], False, 0, 5)
    whole = paging.cursor_links(part, ("a" * 50, "b" * 50), "end", True)
    header = paging.link_header("/list", f"text={'x' * length}", whole)
    assert len(header) <= paging.MAX_LINK
    found = parsed(header)
    assert "next" in found or not found
    assert all("x" * length in url for url in found.values())
    if length < 300:
        assert set(found) == {"self", "first", "prev", "next", "last"}
