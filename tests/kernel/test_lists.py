"""Lists: paging with exact totals, attributes selected, filters by equality down into arrays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import NOON
from tests.kernel.toy import CAP, NOTES

SEED = [
    {"text": "a", "n": 1, "isUrgent": True, "about": [{"id": "p", "role": "x"}, {"id": "q", "role": "y"}]},
    {"text": "b", "n": 2, "isUrgent": False, "about": [{"id": "q", "role": "x"}]},
    {"text": "c,d", "n": 3, "size": {"amount": 1.5, "units": "GB"}, "own": "1.5"},
    {"text": 'say "hi"', "n": 4, "size": {"amount": 5, "units": "GB"}, "own": 1.5},
    {"text": "true", "n": 5, "own": True, "more": {"deep": [{"list": [1, 2]}, {"list": ["3"]}]}},
    {"text": "a b+c", "n": 6, "own": "true", "more": {"deep": [{"list": [2]}]}, "Ärger": "ß"},
    {"text": "e", "n": 7, "own": "x) || (1 == 1"},
]  # fmt: skip


@pytest.fixture(scope="module")
async def notes(toy, tenant) -> list[dict[str, Any]]:
    """The seed, each note a day after the one before."""
    made = []
    for n, body in enumerate(SEED):
        tenant.clock.frozen = NOON + timedelta(days=n, microseconds=1500)
        answer = await toy.post(NOTES, json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    return made


async def found(toy, query: str) -> list[int]:
    """Which of the seed a query finds, and that its counters are exact."""
    answer = await toy.get(f"{NOTES}?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-total-count"] == answer.headers["x-result-count"] == str(len(answer.json()))
    return [each["n"] - 1 for each in answer.json()]


FILTERS = [
    ("text=a", [0]), ("text=A", []), ("text=a,b", [0, 1]), ("text=a&text=b", [0, 1]), ("text=b,nobody,a", [0, 1]),
    ("text=a&n=1", [0]), ("text=a&n=2", []), ('text="a"', [0]), ("text=%22a%22", [0]), ('text="a",b', [0, 1]),
    ("text=a%20b%2Bc", [5]), ("text=a+b%2Bc", [5]), ("text=true", [4]), ("text=", []),
    ("text=c%2Cd", [2]), ("text=c,d", [2]), ('text="c,d"', [2]), ("text=a,c,d", [0]),

    ("n=2", [1]), ("n=2.0", [1]), ("n=2,3", [1, 2]), ("n=two", []), ("n=two,3", [2]), ("n=1e400", []), ("n=NaN", []),
    ("isUrgent=true", [0]), ("isUrgent=false", [1]), ("isUrgent=TRUE", [0]), ("isUrgent=maybe", []),
    ("isUrgent=true,false", [0, 1]), ("isUrgent=1", []),
    ("creationDate=2026-06-15", [0]), ("creationDate=2026-06-15,2026-06-17", [0, 2]), ("creationDate=2026-02-30", []),
    ("creationDate=2026-06-15T12:00:00.001Z", [0]), ("creationDate=2026-06-15T12:00:00Z", []),
    ("creationDate=2026-06-15T14:00:00.001+02:00", [0]), ("creationDate=2026-06-15T14:00:00.001%2B02:00", [0]),
    ("creationDate=yesterday", []), ("creationDate=%D9%A2026-06-15", []),
    ("about.id=q", [0, 1]), ("about.id=p", [0]), ("about.id=p,q", [0, 1]), ("about.role=x", [0, 1]),
    ("about.id=p&about.role=y", [0]), ("about.name=x", []), ("size.units=GB", [2, 3]), ("size.amount=1.5", [2]),
    ("size.amount=5", [3]), ("size.amount=5.0", [3]), ("size.amount=05", []), ("own=1.5", [2, 3]), ("own=true", [4, 5]),
    ("more.deep.list=2", [4, 5]), ("more.deep.list=3", [4]), ("length=1", [0, 1, 6]), ("length=1&n=2", [1]),
    ("%C3%84rger=%C3%9F", [5]), ("own=x)%20%7C%7C%20(1%20==%201", [6]), ("nobody=1", []), ("nobody.at.all=1", []),
    ("@type=Note", [0, 1, 2, 3, 4, 5, 6]), ("@type=Other", []), ("text=%22", []), ("=x", []), ("a..b=1", []),
    ("own=%D9%A1%D9%A2", []), ("own=1%D9%A2", []), ("own=%5C", []), ("own=%22%5C%22%22", []), ("own=$.a", []),
    ("%22own=1", []), ("own'=1", []), ("own%5B0%5D=1.5", []), ("*=1.5", []), ("own=-0", []), ("own=" + "9" * 40, []),
    ("own=" + "9" * 400, []), ("own=%F0%9F%98%80", []), ("own=%ED%A0%80", []), ("own=%1F%7F", []),
    (".".join("a" * 32) + "=1", []), ("own=" + ",".join("1" * 200), []),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), FILTERS)
async def test_filters_find_by_equality(toy, notes, query: str, expected: list[int]) -> None:
    assert await found(toy, query) == expected


async def test_filters_on_a_resource_without_a_body_go_to_the_document(toy, notes) -> None:
    for query, expected in FILTERS:
        if not query.startswith(("n=", "isUrgent=", "creationDate=", "text=")):
            answer = await toy.get(f"/toy/v1/readNote?{query}")
            assert (answer.status_code, len(answer.json())) == (200, len(expected)), query


async def test_id_and_href_find_the_one_they_name(toy, notes) -> None:
    ids = ",".join(note["id"] for note in notes[:2])
    assert await found(toy, f"id={notes[2]['id']}") == [2]
    assert await found(toy, f"id={ids}") == [0, 1]
    assert await found(toy, f"href={notes[3]['href']}") == [3]
    assert await found(toy, f"href=http://elsewhere{notes[3]['href']}") == []
    assert await found(toy, f"href={notes[3]['id']}") == []


async def test_every_first_level_attribute_finds_its_note_by_the_text_the_server_gave(toy, notes) -> None:
    for n, note in enumerate(notes):
        for name, value in note.items():
            if isinstance(value, (str, bool, int)):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                answer = await toy.get(NOTES, params={name: text})
                assert note in answer.json(), (n, name, text)


@pytest.mark.parametrize(
    ("query", "status", "places", "span"),
    [
        ("", 200, [0, 1, 2, 3, 4, 5, 6], None),
        ("limit=3", 206, [0, 1, 2], "items 1-3/7"),
        ("limit=3&offset=3", 206, [3, 4, 5], "items 4-6/7"),
        ("limit=3&offset=6", 206, [6], "items 7-7/7"),
        ("offset=5", 206, [5, 6], "items 6-7/7"),
        ("limit=7", 200, [0, 1, 2, 3, 4, 5, 6], None),
        ("limit=1000", 200, [0, 1, 2, 3, 4, 5, 6], None),
        ("offset=7", 200, [], "items */7"),
        ("offset=999999999&limit=1", 200, [], "items */7"),
        ("about.id=q&limit=1", 206, [0], "items 1-1/2"),
        ("about.id=q&limit=1&offset=1", 206, [1], "items 2-2/2"),
        ("about.id=q&limit=2", 200, [0, 1], None),
        ("n=1,2,3&limit=2", 206, [0, 1], "items 1-2/3"),
        ("nobody=1&limit=2", 200, [], None),
    ],
)
async def test_a_page_is_206_and_says_which_part_of_how_many_it_is(toy, notes, query, status, places, span) -> None:
    answer = await toy.get(f"{NOTES}?{query}")
    assert [notes.index(each) for each in answer.json()] == places
    assert answer.status_code == status
    assert answer.headers.get("content-range") == span
    assert answer.headers["x-result-count"] == str(len(places))
    if span:
        assert answer.headers["x-total-count"] == span.rpartition("/")[2]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=0", 400, "limit"), ("limit=-1", 400, "limit"), ("limit=x", 400, "limit"), ("limit=", 400, "limit"),
        ("limit=1.5", 400, "limit"), ("limit=%D9%A1", 400, "limit"), ("limit=9999999999", 400, "limit"),
        ("offset=-1", 400, "offset"), ("offset=x", 400, "offset"), ("text", 400, "text"), ("text=%00", 400, "text"),
        ("a%00b=1", 400, "cannot be asked for"), ("filter=%5B", 400, "filter"), ("sort=nobody", 400, "sort"),
        ("before=x", 400, "before"), ("after=x", 400, "after"), ("depth=1", 501, "depth"), ("expand=a", 501, "expand"),
        (".".join("a" * 33) + "=1", 400, "a.a.a"), ("own=" + ",".join(map(str, range(201))), 400, "own: "),
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_meant_names_its_parameter(toy, notes, query, status, code) -> None:
    answer = await toy.get(f"{NOTES}?{query}")
    assert answer.status_code == status
    assert code in answer.json()["message"]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("text", {"text"}), ("text,n", {"text", "n"}), ("text&fields=n", {"text", "n"}), (" text , n ", {"text", "n"}),
        ("none", set()), ("", set()), ("id", set()), ("nobody", set()), ("about", {"about"}),
    ],
)  # fmt: skip
async def test_fields_selects_attributes_beside_those_that_are_always_there(toy, notes, fields, names) -> None:
    expected = {name: notes[0][name] for name in names | {"id", "href", "@type"}}
    query = fields.replace(" ", "%20")
    assert (await toy.get(f"{NOTES}?n=1&fields={query}")).json() == [expected]
    assert (await toy.get(f"{NOTES}/{notes[0]['id']}?fields={query}")).json() == expected
    made = await toy.post(f"{NOTES}?fields={query}", json=SEED[0] | {"text": "later", "n": 99})
    assert set(made.json()) == names | {"id", "href", "@type"}


async def test_numbers_keep_their_text_when_attributes_are_selected(toy, notes) -> None:
    assert '"amount": 1.5' in (await toy.get(f"{NOTES}/{notes[2]['id']}")).text
    assert '"amount": 1.5' in (await toy.get(f"{NOTES}/{notes[2]['id']}?fields=size")).text


async def test_a_list_that_was_not_asked_for_by_the_page_is_200_up_to_its_cap(toy, notes) -> None:
    for n in range(CAP):
        await toy.post(NOTES, json={"text": "many", "n": 1000 + n})
    answer = await toy.get(NOTES)
    total = int(answer.headers["x-total-count"])
    assert total > CAP
    assert (answer.status_code, len(answer.json())) == (200, CAP)
    assert answer.headers["content-range"] == f"items 1-{CAP}/{total}"
    walked = []
    for offset in range(0, total + 7, 7):
        page = await toy.get(f"{NOTES}?limit=7&offset={offset}")
        assert page.headers["x-total-count"] == str(total)
        walked += [each["id"] for each in page.json()]
    assert len(set(walked)) == len(walked) == total
    assert (await toy.get(f"{NOTES}?limit=1000")).headers["x-result-count"] == str(CAP)
    exact = await toy.get(f"{NOTES}?text=many&limit=1")
    assert exact.headers["x-total-count"] == str(CAP)
