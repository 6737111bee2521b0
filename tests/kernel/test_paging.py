"""Pages, totals, links and sort, by the lines of the checklist (1, 2, 40–52), on 35 notes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import NOON
from tests.kernel.toy import BASE, CAP, NOTES, TOY, rows

from oxl.kernel.router import Kernel

LINK = re.compile(r'<([^<>"\s]*)>; rel="(\w+)"')
UNITS = ["GB", "MB", None]


def client(tenant: Any, **settings: int) -> httpx.AsyncClient:
    """A client of the toy with settings of its own."""
    kernel = Kernel((TOY,), tenant, "", CAP, 1 << 20, **settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://toy.example")


def links(answer: httpx.Response) -> dict[str, str]:
    """The links of an answer by relation."""
    return {match[2]: match[1] for match in LINK.finditer(answer.headers.get("link", ""))}


def told(answer: httpx.Response) -> tuple[int, str, str, str | None]:
    """Status, total, count and span of a list."""
    counters = (answer.headers["x-total-count"], answer.headers["x-result-count"])
    return (answer.status_code, *counters, answer.headers.get("content-range"))


@pytest.fixture(scope="module")
async def notes(toy, tenant) -> list[dict[str, Any]]:
    """35 notes in the order of their ids, texts and units repeating, two in three with a size."""
    empty = await toy.get(NOTES)
    assert (empty.json(), told(empty)) == ([], (200, "0", "0", None))  # line 1
    made = []
    for n in range(35):
        tenant.clock.frozen = NOON + timedelta(minutes=n)
        body = {"text": f"t{n % 4}", "n": n, "about": [{"id": f"a{n % 7}"}, {"id": "z"}], "isUrgent": n % 2 == 0}
        if unit := UNITS[n % 3]:
            body["size"] = {"amount": 10 * (n % 5), "units": unit}
        made.append((await toy.post(NOTES, json=body)).json())
    return made


async def asked(toy, query: str) -> list[int]:
    """The numbers of the notes that a query gives, in order."""
    answer = await toy.get(f"{NOTES}?{query}")
    assert answer.status_code in (200, 206), answer.text
    return [each["n"] for each in answer.json()]


async def test_2_a_whole_list_is_200_with_both_counters_and_no_links(toy, notes) -> None:
    answer = await toy.get(NOTES)
    assert (answer.json(), told(answer)) == (notes, (200, "35", "35", None))
    assert "link" not in answer.headers
    assert "x-total-count-estimated" not in answer.headers


async def test_40_sort_by_several_keys_with_ties_by_id(toy, notes) -> None:
    assert await asked(toy, "sort=-text,n") == sorted(range(35), key=lambda n: (-(n % 4), n))
    assert await asked(toy, "sort=text,-n") == sorted(range(35), key=lambda n: (n % 4, -n))
    assert await asked(toy, "sort=text") == sorted(range(35), key=lambda n: (n % 4, n))
    assert await asked(toy, "sort=-text") == sorted(range(35), key=lambda n: (n % 4, n), reverse=True)
    assert await asked(toy, "sort=-id") == list(range(34, -1, -1))
    assert await asked(toy, "sort=-creationDate&limit=3") == [34, 33, 32]


async def test_40_nested_keys_take_the_smallest_and_nulls_stand_last_either_way(toy, notes) -> None:
    size = {n: 10 * (n % 5) for n in range(35) if n % 3 != 2}
    without = [n for n in range(35) if n not in size]
    assert await asked(toy, "sort=size.amount") == sorted(size, key=lambda n: (size[n], n)) + without
    assert await asked(toy, "sort=-size.amount") == sorted(size, key=lambda n: (-size[n], -n)) + without[::-1]
    assert await asked(toy, "sort=about.id") == sorted(range(35), key=lambda n: (n % 7, n))
    assert await asked(toy, "sort=about.name&limit=2") == [0, 1]


@pytest.mark.parametrize("key", ["n", "isUrgent", "creationDate", "length", "size.amount", "about.id", "@type", "href"])
async def test_40_a_key_sorts_the_same_from_a_column_and_from_the_document(toy, notes, key: str) -> None:
    for sort in (key, f"-{key}"):
        listed = [(await toy.get(f"{BASE}/{name}?sort={sort}")).json() for name in ("note", "readNote")]
        assert [each["id"] for each in listed[0]] == [each["id"] for each in listed[1]]


@pytest.mark.parametrize("sort", ["+text", "%2Btext", "%20text", "text", "text,text", "text,-text,+text"])
async def test_41_a_plus_however_encoded_is_ascending(toy, notes, sort: str) -> None:
    assert await asked(toy, f"sort={sort}") == await asked(toy, "sort=text")


@pytest.mark.parametrize(
    "sort", ["nosuch", "-nosuch", "text,nosuch", "about.nosuch", "text.nosuch", "size", "nosuch'%20desc"]
)
async def test_42_an_unknown_key_is_400_and_named(toy, notes, sort: str) -> None:
    for query in (f"sort={sort}", f"limit=1&sort={sort}"):
        answer = await toy.get(f"{NOTES}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalidQuery")
        assert answer.json()["message"].startswith("sort: ")
        assert sort.split(",")[-1].lstrip("-")[:6] in answer.json()["message"]


async def test_43_a_page_is_206_and_says_which_part_it_is(toy, notes) -> None:
    answer = await toy.get(f"{NOTES}?offset=10&limit=10")
    assert answer.json() == notes[10:20]
    assert told(answer) == (206, "35", "10", "items 11-20/35")


async def test_44_a_counted_page_links_to_its_neighbours_with_filters_kept(toy, notes) -> None:
    answer = await toy.get(f"{NOTES}?offset=10&limit=10&text=t0,t1,t2,t3&fields=n")
    rest = "limit=10&text=t0,t1,t2,t3&fields=n"
    assert links(answer) == {
        "self": f"{NOTES}?offset=10&{rest}",
        "first": f"{NOTES}?{rest}&offset=0",
        "prev": f"{NOTES}?{rest}&offset=0",
        "next": f"{NOTES}?{rest}&offset=20",
        "last": f"{NOTES}?{rest}&offset=30",
    }
    expected = {
        "self": range(10, 20),
        "first": range(10),
        "prev": range(10),
        "next": range(20, 30),
        "last": range(30, 35),
    }
    for relation, numbers in expected.items():
        assert [each["n"] for each in (await toy.get(links(answer)[relation])).json()] == list(numbers), relation


async def test_45_a_page_that_holds_all_is_200_without_neighbours(toy, notes) -> None:
    for query in ("offset=0&limit=100", "limit=35", "limit=50&sort=-n"):
        answer = await toy.get(f"{NOTES}?{query}")
        assert told(answer) == (200, "35", "35", None)
        assert set(links(answer)) == {"self", "first", "last"}


async def test_46_the_status_of_a_page_can_be_set_to_200(toy, notes, tenant) -> None:
    async with client(tenant, partial_status=200) as quiet:
        page, ours = await quiet.get(f"{NOTES}?offset=10&limit=10"), await toy.get(f"{NOTES}?offset=10&limit=10")
        assert (page.status_code, ours.status_code) == (200, 206)
        assert (page.headers, page.content) == (ours.headers, ours.content)


async def test_47_an_offset_past_the_end_is_an_empty_list_with_its_total(toy, notes, tenant) -> None:
    for query, total in (
        ("offset=999999", "35"),
        ("offset=35", "35"),
        ("offset=36&text=t0", "9"),
        ("offset=0&n=99", "0"),
    ):
        answer = await toy.get(f"{NOTES}?{query}")
        assert (answer.status_code, answer.json()) == (200, [])
        assert answer.headers["x-total-count"] == total
    assert (await toy.get(f"{NOTES}?offset=40")).headers["content-range"] == "items */35"
    async with client(tenant, count_cap=3) as hasty:
        assert told(await hasty.get(f"{NOTES}?offset=40&text=t0,t1"))[1] == "18"


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=0", "limit=x", "offset=-1", "limit=1&limit=2", "offset=1.0", "limit=+1"]
)
async def test_48_a_page_that_cannot_be_meant_is_400(toy, notes, query: str) -> None:
    answer = await toy.get(f"{NOTES}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalidQuery")
    assert answer.json()["message"].startswith(query.partition("=")[0])


async def test_49_a_limit_above_the_cap_is_the_cap(toy, notes) -> None:
    assert told(await toy.get(f"{NOTES}?limit=1000000")) == (200, "35", "35", None)
    assert told(await toy.get(f"{NOTES}?limit=999999999&offset=30"))[0] == 206


@pytest.mark.parametrize(
    ("header", "status", "numbers", "span"),
    [
        ("items=1-10", 206, range(10), "items 1-10/35"), ("items=31-40", 206, range(30, 35), "items 31-35/35"),
        ("items=30-", 206, range(29, 35), "items 30-35/35"), ("items=1-99", 206, range(35), None),
        ("items=900-910", 416, None, "items */35"), ("bytes=0-5", 200, range(35), None),
        ("items", 200, range(35), None),
    ],
)  # fmt: skip
async def test_52_a_range_of_items_is_206_or_416(toy, notes, header: str, status: int, numbers: Any, span: Any) -> None:
    if header == "items":
        answer = await toy.get(NOTES, headers={"Range": "items=1-2", "If-Range": 'W/"x"'})
    else:
        answer = await toy.get(NOTES, headers={"Range": header})
    assert (answer.status_code, answer.headers.get("content-range")) == (status, span)
    if numbers is not None:
        assert [each["n"] for each in answer.json()] == list(numbers)
    else:
        assert answer.json()["code"] == "rangeNotSatisfiable"


@pytest.mark.parametrize(
    "header", ["items=0-5", "items=5-1", "items=-5", "items=a-b", "items=1-5,7-9", "items=", "items=1-9999999999"]
)
async def test_52_a_range_that_cannot_be_read_is_400(toy, notes, header: str) -> None:
    answer = await toy.get(NOTES, headers={"Range": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalidHeader")
    assert (await toy.head(NOTES, headers={"Range": header})).status_code == 200
    assert (await toy.get(f"{NOTES}?limit=1", headers={"Range": "items=1-2"})).status_code == 400


# ── totals ──


@pytest.fixture
async def hasty(tenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a kernel that counts no more than 10."""
    async with client(tenant, count_cap=10) as made:
        yield made


async def test_3_a_total_is_exact_up_to_the_cap_and_an_estimate_above_it(hasty, notes, tenant) -> None:
    for query, total in (("text=t0&limit=2", "9"), ("about.id=a0&limit=2", "5"), ("text=t3&sort=-n&limit=1", "8")):
        answer = await hasty.get(f"{NOTES}?{query}")
        assert answer.headers["x-total-count"] == total
        assert "x-total-count-estimated" not in answer.headers
    for query in ("limit=2", "text=t0,t1&limit=2", "about.id=z&limit=2", "sort=about.id&limit=2&about.id=z"):
        answer = await hasty.get(f"{NOTES}?{query}")
        assert answer.headers["x-total-count-estimated"] == "true"
        assert int(answer.headers["x-total-count"]) > 10
        assert re.fullmatch(r"items 1-2/\*", answer.headers["content-range"])
        assert answer.status_code == 206


async def test_3_an_exact_total_is_given_on_request_and_where_the_page_tells_it(hasty, notes) -> None:
    for path, total in ((f"{NOTES}?limit=2", "35"), (f"{NOTES}?about.id=z&limit=2&isUrgent=true", "18")):
        for header in ("count=exact", "return=minimal, Count=Exact;now"):
            answer = await hasty.get(path, headers={"Prefer": header})
            assert told(answer)[1] == total
            assert "x-total-count-estimated" not in answer.headers
            assert answer.headers["preference-applied"] == "count=exact"
    for query in ("", "offset=30&limit=20", "about.id=z", "about.id=z&offset=34"):
        answer = await hasty.get(f"{NOTES}?{query}")
        assert told(answer)[1] == "35"
        assert "x-total-count-estimated" not in answer.headers


async def test_3_an_estimate_travels_in_the_cursor_and_no_last_page_is_counted_from_it(hasty, notes, tenant) -> None:
    first = await hasty.get(f"{NOTES}?about.id=z&limit=20")
    second = await hasty.get(links(first)["next"])
    assert second.headers["x-total-count"] == first.headers["x-total-count"]
    assert second.headers["x-total-count-estimated"] == "true"
    exact = await hasty.get(links(first)["next"], headers={"Prefer": "count=exact"})
    assert (exact.headers["x-total-count"], exact.json()) == ("35", second.json())
    assert "last" not in links(await hasty.get(f"{NOTES}?offset=0&limit=2"))


async def test_2_a_list_that_is_cut_at_the_cap_is_200_and_links_to_the_rest(toy, tenant, notes) -> None:
    kernel = Kernel((TOY,), tenant, "", 20, 1 << 20)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://toy.example") as short:
        answer = await short.get(NOTES)
        assert told(answer) == (200, "35", "20", "items 1-20/35")
        rest = await short.get(links(answer)["next"])
        assert answer.json() + rest.json() == notes
        assert told(await short.get(f"{NOTES}?limit=1000"))[:3] == (206, "35", "20")


async def test_40_values_that_are_not_of_their_type_stand_last_and_break_nothing(toy, tenant, notes) -> None:
    odd = {
        "n": '"7"',
        "size": '{"amount": "x", "units": 5}',
        "creationDate": '"2026-02-30"',
        "about": '[7, [{"id": "b"}]]',
    }
    for name, value in odd.items():
        await rows(tenant, f"insert into note (id, at, doc) values ('~{name}', $1, '{{\"{name}\": {value}}}')", NOON)
    for sort in ("n", "size.amount", "size.units", "about.id", "about.name", "isUrgent", "text"):
        for name in ("note", "readNote"):
            for direction in ("", "-"):
                answer = await toy.get(f"{BASE}/{name}?sort={direction}{sort}")
                assert answer.headers["x-result-count"] == "39"
    await rows(tenant, "delete from note where id like '~%'")
