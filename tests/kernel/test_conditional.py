"""Entity tags and HEAD, by the lines of the checklist (82, 119): what a client has need not be sent again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kernel.toy import NOTES, rows

from oxl.kernel.represent import etag_of, is_known


@pytest.fixture(scope="module")
async def note(toy) -> dict[str, Any]:
    """A stored note, as its POST answered."""
    return (await toy.post(NOTES, json={"text": "a", "n": 1})).json()


async def test_82_a_resource_has_a_strong_tag_of_its_document(toy, tenant, note) -> None:
    answer = await toy.get(note["href"])
    [stored] = await rows(tenant, "select doc::text as doc from toy_note(now()) where id = $1", note["id"])
    assert answer.headers["etag"] == etag_of(stored["doc"]) == etag_of(stored["doc"].encode())
    assert answer.headers["etag"].startswith('"')
    assert (await toy.get(note["href"])).headers["etag"] == answer.headers["etag"]
    assert (await toy.get(f"{note['href']}?fields=n")).headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("form", ["{0}", "W/{0}", "*", '"other", {0}', '"a,b" ,W/{0}, "c"', " {0} "])
async def test_82_what_the_client_has_is_304_without_a_body(toy, note, method: str, form: str) -> None:
    for path in (note["href"], NOTES, f"{NOTES}?limit=1"):
        etag = (await toy.get(path)).headers["etag"]
        answer = await toy.request(method, path, headers={"If-None-Match": form.format(etag.removeprefix("W/"))})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "content-type" not in answer.headers
        assert "content-length" not in answer.headers


@pytest.mark.parametrize("header", ['"other"', "other", "", '""', '"', "W/", "**", '"*"', "\xff"])
async def test_82_any_other_tag_is_answered_with_the_resource(toy, note, header: str) -> None:
    answer = await toy.get(note["href"], headers={b"If-None-Match": header.encode("latin-1")})
    assert (answer.status_code, answer.json()) == (200, note)


async def test_82_an_unknown_id_is_404_whatever_the_client_has(toy) -> None:
    assert (await toy.get(f"{NOTES}/none", headers={"If-None-Match": "*"})).status_code == 404


async def test_82_the_tag_differs_after_a_change(toy, tenant, note) -> None:
    before, listed = (await toy.get(note["href"])).headers["etag"], (await toy.get(NOTES)).headers["etag"]
    await rows(tenant, """update note set doc = doc || '{"more": 1}' where id = $1""", note["id"])
    changed = await toy.get(note["href"], headers={"If-None-Match": before})
    assert (changed.status_code, changed.json()["more"]) == (200, 1)
    assert changed.headers["etag"] != before
    again = await toy.get(NOTES, headers={"If-None-Match": listed})
    assert again.status_code == 200
    assert again.headers["etag"] != listed


async def test_82_a_list_has_a_weak_tag_of_its_page_and_its_total(toy, note) -> None:
    page = f"{NOTES}?limit=1"
    before = await toy.get(page)
    assert before.headers["etag"].startswith('W/"')
    await toy.post(NOTES, json={"text": "later"})
    after = await toy.get(page, headers={"If-None-Match": before.headers["etag"]})
    assert (after.json(), after.status_code in (200, 206)) == (before.json(), True)
    assert after.headers["etag"] != before.headers["etag"]
    assert (await toy.get(f"{page}&fields=id")).headers["etag"] != after.headers["etag"]


async def test_119_head_has_every_header_of_get_and_no_body(toy, note) -> None:
    await toy.post(NOTES, json={"text": "another"})
    for query in ("", "?limit=1", "?limit=1&offset=1&sort=-n", "?text=nobody", "?offset=999", "?fields=none"):
        got, head = await toy.get(NOTES + query), await toy.head(NOTES + query)
        assert (head.status_code, head.headers, head.content) == (got.status_code, got.headers, b"")
        assert {"x-total-count", "x-result-count", "etag"} <= set(head.headers)
        assert head.headers["content-length"] == str(len(got.content))
    one = await toy.head(note["href"])
    assert (one.headers, one.content) == ((await toy.get(note["href"])).headers, b"")
    assert (await toy.head(f"{NOTES}/none")).content == b""


def test_82_a_tag_within_another_is_not_it() -> None:
    assert not is_known(b'"xabc"', '"abc"')
    assert not is_known(b'"abc', '"abc"')
    assert is_known(b'"x","abc"', 'W/"abc"')
