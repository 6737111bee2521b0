"""Walks through lists, by the lines of the checklist (50, 51, 53): every id once, in the order of Python's sort."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import NOON
from tests.kernel.test_paging import client, links
from tests.kernel.toy import BASE, NOTES, rows, set_up

ASSORTED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = ["", "a", "ab", "B", "ä", "😀", "\ufffd", "a b", 'q"', "%_", "\\"]
KEYS = ["text", "n", "isUrgent", "creationDate", "size.amount", "about.id", "about.name", "length", "size.units", "id"]


def some(values: Any) -> Any:
    """A value or, often, none."""
    return st.none() | values


DOCS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "text": st.sampled_from([*WORDS, "x" * 90]),
            "n": st.integers(-2, 2),
            "isUrgent": st.booleans(),
            "size": st.fixed_dictionaries(
                {"amount": st.sampled_from([0, 5, 10, 1.5, -3])}, optional={"units": st.sampled_from(["GB", "MB"])}
            ),
            "about": st.lists(
                st.fixed_dictionaries({"id": st.sampled_from("pqr")}, optional={"name": st.sampled_from(WORDS)}),
                max_size=3,
            ),
        },
    ),
    max_size=30,
)
SORTS = st.lists(st.tuples(st.sampled_from(["", "-", "+", "%2B"]), st.sampled_from(KEYS)), max_size=3)
FILTERS = {
    "": lambda _: True,
    "isUrgent=true": lambda doc: doc.get("isUrgent") is True,
    "n=0,1": lambda doc: doc.get("n") in (0, 1),
    "about.id=p": lambda doc: any(each["id"] == "p" for each in doc.get("about", [])),
}


async def stored(tenant: Any, docs: list[dict[str, Any]], name: str = "id") -> list[dict[str, Any]]:
    """The documents as the only notes there are, as they look from outside. Three share each instant."""
    await rows(tenant, "delete from note")
    kept = []
    for n, doc in enumerate(docs):
        kept.append(await add(tenant, doc, f"{name}{n:03d}", NOON + timedelta(milliseconds=n // 3)))
    return kept


async def add(tenant: Any, doc: dict[str, Any], note_id: str, at: datetime) -> dict[str, Any]:
    """One more note."""
    statement = "insert into note (id, at, n, doc) values ($1, $2, $3, $4)"
    await rows(tenant, statement, note_id, at, doc.get("n"), json.dumps({"@type": "Note"} | doc))
    shown = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {"@type": "Note"} | doc | {"id": note_id, "creationDate": shown} | (
        {"length": len(doc["text"])} if "text" in doc else {}
    )  # fmt: skip


def least(value: Any, names: list[str]) -> Any:
    """The smallest value at a path through arrays, or None."""
    if isinstance(value, list):
        found = [each for part in value if (each := least(part, names)) is not None]
        return min(found, default=None)
    if not names:
        return Decimal(str(value)) if isinstance(value, float) else value
    return least(value[names[0]], names[1:]) if isinstance(value, dict) and names[0] in value else None


def in_order(docs: list[dict[str, Any]], sort: list[tuple[str, str]]) -> list[str]:
    """The ids as Python sorts them: from the last key to the first, each sort keeping the order of the one before."""
    first = sort[0][0] == "-" if sort else False
    found = sorted(docs, key=lambda doc: doc["id"], reverse=first)
    for sign, key in reversed(sort):
        valued = [doc for doc in found if least(doc, key.split(".")) is not None]
        if sign == "-":  # a reversed sort would keep equal ones in order too
            valued.sort(key=lambda doc, key=key: least(doc, key.split(".")), reverse=True)
        else:
            valued.sort(key=lambda doc, key=key: least(doc, key.split(".")))
        found = valued + [doc for doc in found if least(doc, key.split(".")) is None]
    return [doc["id"] for doc in found]


async def walked(toy, url: str, relation: str = "next", most: int = 60) -> list[list[str]]:
    """The ids of each page, following one relation to its end."""
    pages = []
    while url:
        answer = await toy.get(url)
        assert answer.status_code in (200, 206), answer.text
        assert re.fullmatch(r"[\x21-\x7e ]*", answer.headers.get("link", ""))
        assert links(answer)["self"] == url
        pages.append([each["id"] for each in answer.json()])
        assert answer.headers["x-result-count"] == str(len(pages[-1]))
        url = links(answer).get(relation, "")
        assert len(pages) < most
    return pages


@ASSORTED
@given(DOCS, SORTS, st.sampled_from(list(FILTERS)), st.integers(1, 7), st.sampled_from([2, 1000]), st.booleans())
async def test_53_every_id_exactly_once_in_order_by_offset_and_by_cursor(
    toy, tenant, docs: Any, sort: Any, query: str, limit: int, cap: int, columns: bool
) -> None:
    shown = await stored(tenant, docs)
    expected = in_order([doc for doc in shown if FILTERS[query](doc)], sort)
    path = f"{BASE}/{'note' if columns else 'readNote'}"
    asked = (
        f"{path}?{query}{'&' * bool(query)}sort={','.join(sign + key for sign, key in sort)}&fields=none&limit={limit}"
    )
    cut = [expected[at : at + limit] for at in range(0, len(expected), limit)] or [[]]
    async with client(tenant, count_cap=cap) as reader:
        assert await walked(reader, asked) == cut
        assert await walked(reader, f"{asked}&offset=0") == cut
        ends = links(await reader.get(asked))
        assert (await reader.get(ends["first"])).json() == (await reader.get(asked)).json()
        back = await walked(reader, ends["last"], "prev")
        assert [each for page in reversed(back) for each in page] == expected
        assert all(len(page) == limit for page in back[:-1])
        for at, following in enumerate(cut[1:]):
            here = links(await reader.get(f"{asked}&offset={at * limit}"))
            assert [each["id"] for each in (await reader.get(here["next"])).json()] == following
            assert ("prev" in here) == (at > 0)
            if at:
                assert [each["id"] for each in (await reader.get(here["prev"])).json()] == cut[at - 1]


CHANGES = st.lists(
    st.tuples(st.sampled_from(["insert", "delete"]), st.integers(0, 40), st.sampled_from(WORDS), st.integers(-2, 2)),
    max_size=12,
)


@ASSORTED
@given(
    DOCS, SORTS, st.integers(1, 4), CHANGES, st.booleans(), st.sampled_from([2, 1000]), st.sampled_from(list(FILTERS))
)
async def test_50_what_stays_is_met_exactly_once_while_others_come_and_go(
    toy, tenant, docs: Any, sort: Any, limit: int, changes: Any, back: bool, cap: int, query: str
) -> None:
    shown = [doc for doc in await stored(tenant, docs) if FILTERS[query](doc)]
    url = f"{NOTES}?{query}&sort={','.join(sign + key for sign, key in sort)}&limit={limit}"
    gone, met, changes = set(), [], list(changes)
    async with client(tenant, count_cap=cap) as reader:
        url, relation = (links(await reader.get(url))["last"], "prev") if back else (url, "next")
        while url:
            answer = await reader.get(url)
            page = [each["id"] for each in answer.json()]
            met += page[::-1] if back else page
            url = links(answer).get(relation, "")
            for turn, (kind, where, text, n) in enumerate(changes[:2]):
                note_id = f"id{where:03d}"
                if kind == "delete":
                    await rows(tenant, "delete from note where id = $1", note_id)
                    gone.add(note_id)
                else:
                    at = NOON + timedelta(milliseconds=n)
                    await add(
                        tenant,
                        {"text": text, "n": n, "isUrgent": True},
                        f"{note_id}-{len(changes)}-{turn}",
                        at,
                    )
            changes = changes[2:]
    assert len(set(met)) == len(met)
    stayed = in_order([doc for doc in shown if doc["id"] not in gone], sort)
    order = stayed[::-1] if back else stayed
    assert [note_id for note_id in met if note_id in set(stayed)] == order


async def test_50_a_new_process_and_another_address_open_the_same_cursor(toy, tenant) -> None:
    await stored(tenant, [{"text": "a"}] * 5)
    cursor = links(await toy.get(f"{NOTES}?limit=2&text=a"))["next"].partition("after=")[2]
    async with client(tenant) as other:
        found = await other.get(f"{NOTES}?text=%61&limit=3&fields=none&after={cursor}")
        assert [each["id"] for each in found.json()] == ["id002", "id003", "id004"]


async def test_50_an_id_that_was_deleted_is_still_a_place(toy, tenant) -> None:
    await stored(tenant, [{"n": n} for n in range(6)])
    following = links(await toy.get(f"{NOTES}?sort=n&limit=2"))["next"]
    await rows(tenant, "delete from note where n in (0, 1, 2)")
    after = await toy.get(following)
    assert [each["n"] for each in after.json()] == [3, 4]
    assert (await toy.get(links(after)["prev"])).json() == []


async def test_50_beyond_either_end_is_an_empty_list_with_a_way_back(toy, tenant) -> None:
    await stored(tenant, [{"n": n} for n in range(4)])
    ends = links(await toy.get(f"{NOTES}?limit=2"))
    last = links(await toy.get(ends["last"]))
    first = links(await toy.get(last["prev"]))
    assert "prev" not in first
    assert "next" not in links(await toy.get((await _next(toy, ends["first"]))["self"]))
    await rows(tenant, "delete from note where n > 1")
    beyond = await toy.get(ends["next"])
    assert (beyond.status_code, beyond.json(), beyond.headers["x-total-count"]) == (200, [], "2")
    assert "content-range" not in beyond.headers
    assert [each["n"] for each in (await toy.get(links(beyond)["prev"])).json()] == [0, 1]


async def _next(toy, url: str) -> dict[str, str]:
    return links(await toy.get(links(await toy.get(url))["next"]))


async def test_51_cursors_that_do_not_fit_their_list_are_400(toy, tenant) -> None:
    await stored(tenant, [{"n": n, "text": "a"} for n in range(6)])
    asked = links(await toy.get(f"{NOTES}?limit=2&sort=n&text=a"))["next"]
    cursor = asked.partition("after=")[2]
    assert (await toy.get(asked)).status_code == 206
    end = links(await toy.get(f"{NOTES}?limit=2&sort=n&text=a"))["last"].partition("before=")[2]
    for path in (
        f"{NOTES}?sort=n&text=a&before={cursor}&after={cursor}", f"{NOTES}?sort=n&text=a&after={cursor}&offset=0",
        f"{NOTES}?sort=-n&text=a&after={cursor}", f"{NOTES}?text=a&after={cursor}", f"{NOTES}?sort=n&after={cursor}",
        f"{NOTES}?sort=n&text=b&after={cursor}", f"{NOTES}?sort=n&text=a&n=1&after={cursor}",
        f"{BASE}/readNote?sort=n&text=a&after={cursor}", f"{NOTES}?sort=n&text=a&after={cursor[:-1]}",
        f"{NOTES}?sort=n&text=a&after={cursor[:-1]}%F0", f"{NOTES}?sort=n&text=a&after=",
        f"{NOTES}?sort=n&text=a&before=x",
        f"{NOTES}?sort=n&text=a&after={cursor}&after={cursor}", f"{NOTES}?sort=n&text=a&after={end}",
        f"{NOTES}?sort=n&text=a&after={cursor}A", f"{NOTES}?sort=n&text=a&after={cursor}%3D",
    ):  # fmt: skip
        answer = await toy.get(path)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalidQuery"), path
        assert answer.json()["message"].startswith(("after: ", "before: "))


async def test_114_a_cursor_of_one_tenant_is_none_of_another(toy, tenant, make_tenant, database) -> None:
    stranger = await make_tenant()
    await set_up(stranger, database)
    for owner in (tenant, stranger):
        await stored(owner, [{"n": n} for n in range(4)])
    following = links(await toy.get(f"{NOTES}?limit=2"))["next"]
    async with client(stranger) as other:
        assert (await other.get(following)).status_code == 400
        assert (await other.get(links(await other.get(f"{NOTES}?limit=2"))["next"])).status_code == 206
    assert (await toy.get(following)).status_code == 206


async def test_50_a_text_of_any_length_is_sorted_by_its_beginning_and_its_cursor_stays_short(toy, tenant) -> None:
    docs = [{"text": "ä" * 99 + letter + "x" * 50_000, "n": n} for n, letter in enumerate("cabbbac")]
    await stored(tenant, docs)
    pages = await walked(toy, f"{NOTES}?sort=text,-about.name,about.id&limit=1&fields=n")
    assert [each for page in pages for each in page] == ["id001", "id005", "id002", "id003", "id004", "id000", "id006"]


@pytest.mark.parametrize("sort", ["size.amount", "creationDate"])
async def test_53_precise_values_survive_the_cursor(toy, tenant, sort: str) -> None:
    await stored(tenant, [])
    for n in range(6):
        amount = f"0.1000000000000000000{n // 2}"
        at = NOON + timedelta(microseconds=n // 2)
        doc = f'{{"size": {{"amount": {amount}}}}}'
        await rows(tenant, "insert into note (id, at, doc) values ($1, $2, $3)", f"id{n}", at, doc)
    assert [page for [page] in await walked(toy, f"{NOTES}?sort={sort}&limit=1")] == [f"id{n}" for n in range(6)]


async def test_53_instants_of_the_document_are_sorted_as_instants_and_bad_ones_stand_last(toy, tenant) -> None:
    good = [
        "2026-06-15T14:00:00+02:00",
        "2026-06-15T12:00:00.000001Z",
        "2026-06-15t12:00:01z",
        "2028-02-29T23:00:00-01:30",
    ]
    odd = ["2026-02-30T00:00:00Z", "0001-01-01T00:00:00+15:00"]
    bad = ["0000-01-01T00:00:00Z", "2026-01-01T00:00:00+23:59", "2026-01-01", "soon", "2026-01-01T24:00:00Z"]
    await stored(tenant, [{"due": text} for text in [*good, *bad, *odd]])
    places = [page for [page] in await walked(toy, f"{NOTES}?sort=due&limit=1&fields=none")]
    assert places == [f"id{n:03d}" for n in (10, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8)]
    assert [page for [page] in await walked(toy, f"{NOTES}?sort=-due&limit=1")][:4] == [
        "id003",
        "id002",
        "id001",
        "id000",
    ]
