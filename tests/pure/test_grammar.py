"""The filter grammar of a query string: what is one condition, what is one value, and that no text makes it fail."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.query.grammar import MAX_VALUES, Asked, Term, parts, terms
from oxl.verbs import Refusal


def read(raw: str) -> list[Term]:
    found = list(parts(raw))
    return terms(
        [part for part in found if part.name != "filter"], [each.value for each in found if each.name == "filter"]
    )


def one(raw: str) -> Asked:
    [[asked]] = read(raw)
    return asked


FORMS = {
    "a=v": ("eq", ["v"]), "a.eq=v": ("eq", ["v"]), "a==v": ("eq", ["v"]), "a%3D%3Dv": ("eq", ["v"]),
    "a%3Dv": ("eq", ["v"]),
    "a.ne=v": ("ne", ["v"]), "a!=v": ("ne", ["v"]), "a%21%3Dv": ("ne", ["v"]), "a%21=v": ("ne", ["v"]),
    "a.gt=v": ("gt", ["v"]), "a>v": ("gt", ["v"]), "a%3Ev": ("gt", ["v"]), "a%3Ev=": ("gt", ["v"]),
    "a%3E%3D=": ("gte", ["="]),
    "a.gte=v": ("gte", ["v"]), "a>=v": ("gte", ["v"]), "a%3E%3Dv": ("gte", ["v"]), "a%3E=v": ("gte", ["v"]),
    "a>%3Dv": ("gte", ["v"]),
    "a.lt=v": ("lt", ["v"]), "a<v": ("lt", ["v"]), "a.lte=v": ("lte", ["v"]), "a<=v": ("lte", ["v"]),
    "a%3c%3dv": ("lte", ["v"]),
    "a.regex=v": ("regex", ["v"]), "a*=v": ("regex", ["v"]), "a=~v": ("regex", ["v"]), "a%3D~v": ("regex", ["v"]),
    "a.in=v,w": ("eq", ["v", "w"]), "a.nin=v,w": ("ne", ["v", "w"]), "a=v,w": ("eq", ["v", "w"]),
    "a=v%2Cw": ("eq", ["v", "w"]),
    "a=v;w": ("eq", ["v", "w"]), "a=v&a=w": ("eq", ["v", "w"]), "a=v;a=w": ("eq", ["v", "w"]),
    "a=v&a.eq=w": ("eq", ["v", "w"]),
    "a.ne=v&a!=w": ("ne", ["v", "w"]), "a=v,v": ("eq", ["v"]), "a.eq=v,w": ("eq", ["v,w"]), "a.eq=v;w": ("eq", ["v;w"]),
    "a.regex=^v{1,2};w$": ("regex", ["^v{1,2};w$"]), 'a="v"': ("eq", ["v"]),
    "a='v'": ("eq", ["v"]), 'a="v,w",x': ("eq", ["v,w", "x"]),
    'a="v;b=1"': ("eq", ["v;b=1"]), "a='v,w": ("eq", ["'v", "w"]), 'a.regex="v"': ("regex", ['"v"']),
    "a=": ("eq", [""]),
    "a=v,": ("eq", ["v", ""]), "a=v+w": ("eq", ["v w"]), "a=v%2Bw": ("eq", ["v+w"]), "a.gt=2024-01-01T00:00:00+01:00": (
        "gt", ["2024-01-01T00:00:00 01:00"]), "a=v>w": ("eq", ["v>w"]), "a=v%26w": ("eq", ["v&w"]),
        "&&a=v&": ("eq", ["v"]),
}  # fmt: skip


@pytest.mark.parametrize("raw", list(FORMS))
def test_every_form_of_a_condition(raw: str) -> None:
    op, values = FORMS[raw]
    assert one(raw) == Asked("a", op, tuple(values), one(raw).literals)


def test_a_text_with_commas_may_be_meant_as_a_whole_unless_its_alternatives_are_said_to_be_some() -> None:
    assert one('a=v,"w"').literals == ('v,"w"',)
    assert one("a=v;w").literals == ("v;w",)
    assert one("a.in=v,w").literals == one("a=v").literals == one("a=v&a=w").literals == ()


def test_conditions_are_joined_by_and_but_by_or_where_a_semicolon_stands() -> None:
    found = read("a<1;b>2&c=3&a<4&c=5")
    assert [[(each.name, each.op, *each.values) for each in term] for term in found] == [
        [("a", "lt", "1"), ("b", "gt", "2")], [("c", "eq", "3", "5")], [("a", "lt", "4")]]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["@type", "a.b.c", "a.b.gt.c", "offset", "limitAmount", "gt", ".gt", "über", "a-b", "a[0]"]
)
def test_names_are_what_they_are(name: str) -> None:
    assert (one(f"{quote(name)}.lte=1").name, one(f"{name}=1").name) == (name, name)


def test_the_and_of_a_filter_is_its_own() -> None:
    path = "$.a[?(@.b=='x' && @.c==1&&@.d)]"
    for raw in (f"filter={path}&a=1", f"a=1&filter={path}", f"filter={quote(path)}&a=1", f"filter={path}&a=1&&"):
        assert read(raw) == [(Asked("a", "eq", ("1",)),), (Asked("filter", "jsonpath", (path,)),)]
    assert read("filter=a&&a=1")[0] == (Asked("a", "eq", ("1",)),)


@pytest.mark.parametrize(
    "raw", ["a", "a=1&b", "a%00=1", "a=%00", "a=" + ",".join(map(str, range(MAX_VALUES + 1))),
    ".".join("a" * 33) + "=1",
            "&".join(f"a{n}=1" for n in range(51)), ";".join(f"a{n}>1" for n in range(51))]
)  # fmt: skip
def test_what_is_no_filter_or_too_much_of_it_names_a_parameter(raw: str) -> None:
    with pytest.raises(Refusal, match=r"^'?[ab]") as caught:
        read(raw)
    assert caught.value.refused.kind == "invalid"


def test_two_hundred_ids_are_taken() -> None:
    assert len(one("id=" + ",".join(map(str, range(MAX_VALUES)))).values) == MAX_VALUES


@given(st.text("ab.=<>!*~;,&'\"%3D2C+ @\\[]()", max_size=40) | st.text(max_size=20).map(quote))
def test_any_text_is_read_or_refused(raw: str) -> None:
    try:
        found, kind = read(raw), "invalid"
    except Refusal as refusal:
        found, kind = [], refusal.refused.kind
    assert kind == "invalid"
    assert all(term and all(each.values for each in term) for term in found)


@given(st.text(max_size=20).filter(lambda text: "\x00" not in text))
def test_a_value_comes_through_whatever_it_holds(value: str) -> None:
    encoded = quote(value, safe="")
    assert one(f"a.regex={encoded}").values[0] == value or ";" in value
    assert (
        value in (*one(f"a={encoded}").values, *one(f"a={encoded}").literals)
        or value[:1] in ("=", "~", '"', "'")
        or ";" in value
    )
