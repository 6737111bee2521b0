"""The checklist of the design rules, lines 3 to 34, on the toy: each test is named after its line."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import NOON
from tests.kernel.toy import BASE, NOTE, NOTES
from tests.waiting import PATIENCE

from oxl.kernel import select
from oxl.kernel.filter import conditions
from oxl.kernel.problem import Problem
from oxl.kernel.request import parse_query

SEED: list[dict[str, Any]] = [
    {"text": "received", "n": 9, "isUrgent": True, "description": "foo bar", "due": "2013-01-01T12:00:00Z",
     "about": [{"id": "P1", "role": "user"}, {"id": "P2", "role": "payer"}], "limitAmount": 5},
    {"text": "rated", "n": 10, "isUrgent": False, "description": "a,b", "due": "2017-06-01T00:30:00+01:00",
     "about": [{"id": "P1", "role": "payer"}], "offset": 5, "attachment": [{"size": 300}]},
    {"text": "rejected", "n": 100, "description": "food", "due": "2024-01-15T23:59:59.999Z", "offset": 6,
     "attachment": [{"size": 299}, {"size": 301}]},
    {"text": "rated", "description": "barfoo", "@type": "Memo", "due": "2024-01-16T00:00:00Z",
     "remark": [{"author": "Jean Pontus"}], "name": "x;y"},
]  # fmt: skip


@pytest.fixture(scope="module")
async def notes(toy, tenant) -> list[dict[str, Any]]:
    """The seed, each note a day after the one before, at noon and half a second."""
    made = []
    for n, body in enumerate(SEED):
        tenant.clock.frozen = NOON + timedelta(days=n, milliseconds=500)
        made.append((await toy.post(NOTES, json=body)).json())
    return made


async def found(toy, notes, *queries: str) -> list[int]:
    """Which of the seed the queries find, all of them the same; and that the counters tell of what was filtered."""
    answers = [await toy.get(f"{NOTES}?{query}") for query in queries]
    for query, answer in zip(queries, answers, strict=True):
        assert answer.status_code == 200, (query, answer.text)
        assert answer.json() == answers[0].json(), query
        assert answer.headers["x-total-count"] == answer.headers["x-result-count"] == str(len(answer.json()))
    return [notes.index(each) for each in answers[0].json()]


async def refused(toy, query: str, status: int, named: str) -> None:
    answer = await toy.get(f"{NOTES}?{query}")
    assert (answer.status_code, answer.json()["message"][: len(named) + 2]) == (status, f"{named}: "), answer.text


async def test_line_03_equality_and_the_count_is_of_what_was_filtered(toy, notes) -> None:
    assert await found(toy, notes, "text=rated") == [1, 3]


async def test_line_04_different_names_mean_and(toy, notes) -> None:
    assert await found(toy, notes, "text=rated&isUrgent=false") == [1]


async def test_line_05_repeated_names_mean_or(toy, notes) -> None:
    assert await found(toy, notes, "text=received&text=rated") == [0, 1, 3]


async def test_line_06_commas_mean_or(toy, notes) -> None:
    assert await found(toy, notes, "text=received,rated", "text.in=received,rated") == [0, 1, 3]
    assert await found(toy, notes, "text.nin=received,rated") == [2]


async def test_line_07_semicolons_mean_or(toy, notes) -> None:
    assert await found(toy, notes, "text=received;text=rated", "text=received;rated", "text=received%3Brated") == [
        0,
        1,
        3,
    ]
    assert await found(toy, notes, "name=x;y", "name.eq=x;y", "name=%22x;y%22") == [3]


async def test_line_08_commas_bind_tighter_than_ampersands(toy, notes) -> None:
    assert await found(toy, notes, "text=received,rated&isUrgent=true") == [0]


async def test_line_09_an_encoded_comma_is_one_and_eq_takes_it_literally(toy, notes) -> None:
    assert await found(toy, notes, "text=received%2Crated", "text=received,rated") == [0, 1, 3]
    assert await found(toy, notes, "description.eq=a,b", "description==a,b", "description=%22a,b%22") == [1]
    assert set((await toy.get(f"{NOTES}?n=9&fields=text%2Cn")).json()[0]) == {"id", "href", "@type", "text", "n"}


@pytest.mark.parametrize("name", ["creationDate", "due"])
async def test_line_10_after(toy, notes, name: str) -> None:
    at, later = notes[1][name].replace("+", "%2B"), range(2, 4)
    forms = ".gt=", "%3E", ">"
    assert await found(toy, notes, *(f"{name}{form}{at}" for form in forms)) == [*later]


@pytest.mark.parametrize("name", ["creationDate", "due"])
async def test_line_11_at_or_after(toy, notes, name: str) -> None:
    at = notes[1][name]  # its + not encoded
    assert await found(toy, notes, *(f"{name}{form}{at}" for form in (".gte=", "%3E%3D", ">=", "%3E="))) == [1, 2, 3]


@pytest.mark.parametrize("name", ["creationDate", "due"])
async def test_line_12_before(toy, notes, name: str) -> None:
    at = notes[1][name].replace("+", "%2B")
    assert await found(toy, notes, *(f"{name}{form}{at}" for form in (".lt=", "%3C", "<"))) == [0]
    assert await found(toy, notes, *(f"{name}{form}{at}" for form in (".lte=", "%3C%3D", "<=", "%3C="))) == [0, 1]


async def test_line_13_equality_by_its_operator(toy, notes) -> None:
    assert await found(toy, notes, "text.eq=rated", "text%3D%3Drated", "text==rated", "text=%3Drated") == [1, 3]


async def test_line_14_regular_expressions(toy, notes) -> None:
    forms = ".regex=", "*=", "=~", "%3D~", "%2A%3D", "=%7E"
    assert await found(toy, notes, *(f"description{form}%5Efoo.*" for form in forms)) == [0, 2]
    assert await found(toy, notes, *(f"text{form}(?i)ED$" for form in forms)) == [0, 1, 2, 3]
    assert await found(toy, notes, "about.id.regex=%5EP%5B23%5D", "description*=fo%7B2%7D%20") == [0]


async def test_line_15_ne_finds_all_others_also_those_without_the_attribute(toy, notes) -> None:
    assert await found(toy, notes, "text.ne=rated", "text!=rated", "text%21%3Drated") == [0, 2]
    assert await found(toy, notes, "isUrgent.ne=true", "isUrgent!=true") == [1, 2, 3]
    assert await found(toy, notes, "about.id.ne=P2", "about.id.nin=P2,P3") == [1, 2, 3]
    assert await found(toy, notes, "nosuchattr.ne=1") == [0, 1, 2, 3]


async def test_line_16_two_operators_on_one_attribute_mean_and(toy, notes) -> None:
    assert await found(toy, notes, "due%3E2013-01-01&due%3C2024-01-16", "due>2013-01-01&due<2024-01-16") == [0, 1, 2]
    assert await found(toy, notes, "n.gt=9&n.lt=100") == [1]


async def test_line_17_a_semicolon_between_conditions_means_or(toy, notes) -> None:
    assert await found(toy, notes, "due%3C2013-04-20;due%3E2024-01-15T23:59:59.999Z") == [0, 3]
    assert await found(toy, notes, "due.lt=2013-04-20;text=rejected", "due%3C2013-04-20%3Btext%3Drejected") == [0, 2]


async def test_line_18_a_day_is_the_whole_day_in_utc(toy, notes) -> None:
    assert await found(toy, notes, "due=2024-01-15", "due.eq=2024-01-15") == [2]
    assert await found(toy, notes, "due=2017-05-31", "due=2017-05", "due=2017", "due=2017-05-31T23:30") == [1]
    assert await found(toy, notes, "due.gte=2024-01-16", "due.gt=2024-01-15T23:59:59.999Z") == [3]
    assert await found(toy, notes, "due.gt=2024-01-16", "due.lt=2013-01-01T12:00:00Z") == []
    assert await found(toy, notes, "creationDate=2026-06-15", "creationDate=2026-06-15T12") == [0]


async def test_line_19_any_element_of_an_array_counts(toy, notes) -> None:
    assert await found(toy, notes, "about.id=P1") == [0, 1]


async def test_line_20_two_conditions_on_one_array_are_not_correlated(toy, notes) -> None:
    assert await found(toy, notes, "about.id=P1&about.role=payer") == [0, 1]


async def test_line_21_a_jsonpath_asks_one_element(toy, notes) -> None:
    path = "$.about[?(@.id=='P1' && @.role=='payer')]"
    encoded = path.replace(" ", "%20").replace("&", "%26")
    assert await found(toy, notes, f"filter={path.replace(' ', '%20')}", f"filter={encoded}") == [1]


async def test_line_22_the_dollar_may_be_left_out(toy, notes) -> None:
    assert await found(toy, notes, "filter=about[?(@.id=='P2')]", "filter=$.about[?(@.id=='P2')]") == [0]


async def test_line_23_a_filter_on_the_list(toy, notes) -> None:
    forms = "$[?(@.text=='rated')]", "[?(@.text=='rated')]", "$[?@.text=='rated']", "$[*][?@=='rated']"
    assert await found(toy, notes, *(f"filter={form}" for form in forms)) == [1, 3]
    assert await found(toy, notes, "filter=$[?(@.about[?(@.id=='P2')])]", "filter=$[?@.n==9]") == [0]


async def test_line_24_a_dot_may_be_left_out(toy, notes) -> None:
    assert await found(toy, notes, "filter=attachment[?(@size==300)]", "filter=attachment[?(@.size==300)]") == [1]
    forms = "$[?(@.@type=='Memo')]", "$[?(@type=='Memo')]", "$[?(@['@type']=='Memo')]"
    assert await found(toy, notes, *(f"filter={form}" for form in forms)) == [3]
    assert await found(toy, notes, "filter=@type", "filter=$.@type", "filter=$..@type", "filter=$") == [0, 1, 2, 3]


async def test_line_25_filter_and_attributes_mean_and_two_filters_mean_or(toy, notes) -> None:
    assert await found(toy, notes, "filter=about[?(@.id=='P1')]&text=rated") == [1]
    forms = "filter=$[?@.n==9]&filter=remark", "filter=$[?@.n==9],remark", "filter=$[?@.n==9];remark"
    assert await found(toy, notes, *forms) == [0, 3]


async def test_line_26_a_regular_expression_in_a_jsonpath(toy, notes) -> None:
    assert await found(toy, notes, "filter=remark[?(@.author=~/jean.*/i)]", "filter=remark[?@.author =~ /^Jean/]") == [
        3
    ]
    assert await found(toy, notes, "filter=remark[?(@.author=~/jean/)]") == []
    assert await found(toy, notes, "filter=remark[?!(@.author=~/x/)]", "filter=remark[?match(@.author,'J.*s')]") == [3]


@pytest.mark.parametrize(
    ("path", "status"),
    [("$[?(", 400), ("$.a[", 400), ("", 400), ("$.a[?@.b=1]", 400), ("a[?(@.x=~/(/)]", 400), ("$[?nosuch(@.a)]", 400),
     ("$" + "[0]" * 800, 400), ("$" + "[?@" * 40 + "]" * 40, 400), ("$[?" + "!" * 1500 + "@.a]", 400),
     ("$[?" + "(" * 1500, 400), ("$[?@.a==1e999]", 400), ("$[?@.a=='%5Cu0000']", 400), ("$[?@.a=='%5Cud800']", 400),
     ("$[?" + "||".join(["@.a"] * 60) + "]", 400), ("$.a['b','c']['b','c']['b','c']['b','c']['b','c']['b','c']", 400),
     ("$[?length(@.text)>3]", 501), ("$[?count(@.about[*])>1]", 501), ("$[?@.a==@.b]", 501), ("$[0]", 501),
     ("$.a[::2]", 501), ("$..a..b", 501), ("$[?@.a=~/x/g]", 501), (r"$[?@.a=~/%5Cbx/]", 501)],
)  # fmt: skip
async def test_line_27_what_is_no_jsonpath_is_400_and_what_cannot_be_asked_501(toy, notes, path, status) -> None:
    await refused(toy, f"filter={path}".replace("||", "%7C%7C"), status, "filter")


def asked(query: str, strict: bool) -> Any:
    return conditions(NOTE, parse_query(query, 10).filters, "", strict)


STRICT = """due.gt=foo creationDate.gt=foo creationDate=2024-02-30 isUrgent=maybe isUrgent.gt=true n=two n.gt=x
    size.amount=x nosuchattr=1 about.nosuchattr=1 text.nosuch.deep=1 nosuchattr.regex=x""".split()


@pytest.mark.parametrize("query", STRICT)
async def test_lines_28_29_30_what_cannot_match_finds_nothing_or_is_refused_when_strict(toy, notes, query) -> None:
    assert await found(toy, notes, query) == []
    with pytest.raises(Problem) as caught:
        asked(query, strict=True)
    name = query.partition("=")[0].removesuffix(".gt").removesuffix(".regex")
    assert (caught.value.status, str(caught.value)[: len(name) + 1]) == (400, f"{name}:")


@pytest.mark.parametrize(
    "query",
    ["due.gt=2024", "isUrgent=true,FALSE", "n=1,2.5", "size.amount=1", "about.id=x", "text=a,b", "@type=x", "id=1,2",
     "href=x", "length=1", "about.@type.regex=x", "filter=nosuch"],
)  # fmt: skip
def test_what_can_match_is_taken_when_strict(query: str) -> None:
    assert asked(query, strict=True)


async def test_line_30_booleans(toy, notes) -> None:
    assert await found(toy, notes, "isUrgent=true", "isUrgent=TRUE", "isUrgent.eq=true") == [0]


async def test_numbers_are_compared_as_numbers(toy, notes) -> None:
    assert await found(toy, notes, "n.gt=9", "n>9", "n%3E9.0", "n>9&n.gte=10") == [1, 2]
    assert await found(toy, notes, "attachment.size.gte=300", "attachment.size>299.5") == [1, 2]
    assert await found(toy, notes, "offset.gt=10") == []


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [("description.regex=(", 400, "description"), ("description*=" + "a" * 257, 400, "description"),
     ("text.regex=%5B", 400, "text"), ("description=~%5Cbx", 501, "description"), ("x" * 5000, 414, "the query string"),
     ("text.regex=(((a%7B99%7D)%7B99%7D)%7B9%7D)", 400, "text"), ("&".join(f"a{n}=1" for n in range(51)), 400, "a50"),
     ("id=" + ",".join(map(str, range(201))), 400, "id"), ("filter=$." + "a" * 2048, 400, "filter")],
)  # fmt: skip
async def test_line_31_bad_and_huge_filters_are_refused(toy, notes, query, status, named) -> None:
    if status == 414:
        assert (await toy.get(f"{NOTES}?{query}")).status_code == 414
    else:
        await refused(toy, query, status, named)


async def test_line_31_hostile_filters_are_answered_in_time(toy, tenant, notes) -> None:
    long = {"text": "a" * 100_000 + "!", "deep": [[{"a": [{"a": [1] * 50}] * 50}] * 20] * 5}
    made = (await toy.post(NOTES, json=long)).json()
    for query in ("text.regex=(a%2B)%2B$", "text.regex=(a*)*b", "filter=deep..a[?@.a[?@.a]]", "filter=$..[?@.a=='x']",
                  "deep.a.a.ne=1", "filter=$[?" + "%26%26".join(["@..x!='y'"] * 1 + ["!@.x"] * 40) + "]"):  # fmt: skip
        assert (await toy.get(f"{NOTES}?{query}")).status_code in (200, 400, 501), query
    async with tenant.connection() as conn:
        await conn.execute("delete from note where id = $1", made["id"])


async def test_a_list_that_takes_too_long_is_given_up_and_serves_on(toy, tenant, notes, monkeypatch) -> None:
    async def page(conn: Any, *_: Any) -> None:
        await conn.execute("select pg_sleep(3600)")

    with monkeypatch.context() as slow:
        slow.setattr(select, "TIME_LIMIT", 0.05)
        slow.setattr(select, "page", page)
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*(toy.get(f"{NOTES}?text=rated") for _ in range(4)))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "queryTooSlow")}
    assert await found(toy, notes, "text=rated") == [1, 3]
    async with tenant.connection() as conn:
        assert await conn.fetchval("show statement_timeout") == "0"


async def test_line_32_reserved_names_are_reached_by_an_operator_and_matched_exactly(toy, notes) -> None:
    assert await found(toy, notes, "offset.eq=5", "offset==5") == [1]
    assert await found(toy, notes, "offset.gt=5", "offset%3E5", "offset.ne=5&text=rejected") == [2]
    assert await found(toy, notes, "limitAmount=5") == [0]


async def test_line_33_classes(toy, notes) -> None:
    assert await found(toy, notes, "@type=Memo", "%40type=Memo", "@type.ne=Note") == [3]


async def test_line_34_id_and_href(toy, notes) -> None:
    assert await found(toy, notes, f"id={notes[2]['id']}", f"href={notes[2]['href']}") == [2]
    assert await found(toy, notes, f"id.ne={notes[2]['id']}", f"href.ne={notes[2]['href']}") == [0, 1, 3]
    paths = (f"filter=$[?@.{name}=='{notes[2][name]}']" for name in ("href", "id"))
    assert await found(toy, notes, f"href.regex={notes[2]['id']}$", *paths) == [2]
    assert (await toy.get(f"{BASE}/readNote?href={BASE}/readNote/{notes[2]['id']}")).headers["x-total-count"] == "1"
