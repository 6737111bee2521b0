"""Methods, paths, media types and errors: what HTTP asks of every resource, whatever it is about."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.kernel.toy import BASE, CAP, NOTES, toy_client

from oxl.db.database import Tenant

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
async def note(toy) -> dict[str, Any]:
    """A stored note, as its POST answered."""
    answer = await toy.post(NOTES, json={"text": "Grüße aus Köln 😀", "n": 7})
    assert answer.status_code == 201
    return answer.json()


@pytest.mark.parametrize("slash", ["", "/", "//"])
async def test_paths_answer_with_and_without_a_trailing_slash(toy, note, slash: str) -> None:
    listed = await toy.get(f"{NOTES}{slash}")
    assert (listed.status_code, note in listed.json()) == (200, True)
    one = await toy.get(f"{NOTES}/{note['id']}{slash}")
    assert (one.status_code, one.json()) == (200, note)
    made = await toy.post(f"{NOTES}{slash}", json={"text": "slash"})
    assert made.status_code == 201
    assert made.headers["location"] == f"{NOTES}/{made.json()['id']}"


async def test_location_and_href_and_the_lists_href_are_the_same_text(toy) -> None:
    made = await toy.post(NOTES, json={"text": "x"})
    href = made.json()["href"]
    assert made.headers["location"] == href
    assert href == f"{NOTES}/{made.json()['id']}"
    assert (await toy.get(href)).json() == made.json()
    assert [each for each in (await toy.get(NOTES)).json() if each["href"] == href] == [made.json()]


async def test_a_public_address_is_put_before_href_and_location(toy, note, tenant: Tenant) -> None:
    async with toy_client(tenant, "https://api.example") as client:
        made = await client.post(NOTES, json={"text": "public"})
        assert made.headers["location"] == f"https://api.example{NOTES}/{made.json()['id']}" == made.json()["href"]
        listed = (await client.get(NOTES, params={"href": made.json()["href"]})).json()
        assert listed == [made.json()]
        servers = (await client.get(f"{BASE}/openapi.json")).json()["servers"]
        assert servers == [{"url": f"https://api.example{BASE}"}]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", NOTES, "GET, HEAD, POST"),
        ("PATCH", NOTES, "GET, HEAD, POST"),
        ("DELETE", NOTES, "GET, HEAD, POST"),
        ("POST", f"{NOTES}/1", "GET, HEAD"),
        ("DELETE", f"{NOTES}/1", "GET, HEAD"),
        ("POST", f"{BASE}/readNote", "GET, HEAD"),
        ("POST", f"{BASE}/openapi.json", "GET, HEAD"),
    ],
)
async def test_79_a_method_that_is_not_served_is_405_and_says_which_are(toy, method, path, allow) -> None:
    answer = await toy.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow
    assert answer.json()["code"] == "methodNotAllowed"


@pytest.mark.parametrize(
    "path",
    ["/toy", f"{BASE}/other", f"{NOTES}/1/2", f"{NOTES}/none", f"{NOTES}/%00", f"{NOTES}/a%2Fb",
     f"{NOTES}/%ff", f"{NOTES}/%F0%9F%98%80", f"{NOTES}/{'x' * 3000}", "/toy/v1/Note"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_84_what_is_not_there_is_404_with_an_error_body(toy, note, path: str, method: str) -> None:
    answer = await toy.request(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    if method == "GET":
        error = answer.json()
        assert (error["@type"], error["code"], error["status"]) == ("Error", "notFound", "404")
        assert len(answer.content) < 500


async def test_head_answers_as_get_does_without_the_body(toy, note) -> None:
    for path in (NOTES, f"{NOTES}/{note['id']}", f"{BASE}/openapi.json"):
        got, head = await toy.get(path), await toy.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == got.headers
        assert int(head.headers["content-length"]) == len(got.content)


async def test_bodies_are_utf_8_as_it_is(toy, note) -> None:
    raw = (await toy.get(f"{NOTES}/{note['id']}")).content
    assert "Grüße aus Köln 😀".encode() in raw
    assert b"\\u" not in raw


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200), ("*/*", 200), ("application/json", 200), ("application/*", 200), ("APPLICATION/JSON", 200),
        ("application/json;charset=utf-8", 200), ("text/html, application/json;q=0.5", 200), ("", 200),
        ("text/html", 406), ("application/xml", 406), ("image/*,text/plain;q=0.2", 406),
    ],
)  # fmt: skip
async def test_a_client_that_takes_no_json_is_told_so(toy, note, accept, status: int) -> None:
    for path in (NOTES, f"{NOTES}/{note['id']}"):
        request = toy.build_request("GET", path)
        request.headers.pop("accept")
        if accept is not None:
            request.headers["accept"] = accept
        answer = await toy.send(request)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (None, 201), ("application/json", 201), ("application/json; charset=utf-8", 201), ("Application/JSON", 201),
        ("text/plain", 415), ("application/xml", 415), ("application/x-www-form-urlencoded", 415), ("json", 415),
    ],
)  # fmt: skip
async def test_a_body_that_claims_to_be_no_json_is_415(toy, kind, status: int) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = await toy.post(NOTES, content=b'{"text":"typed"}', headers=headers)
    assert answer.status_code == status, answer.text


async def test_get_with_a_content_type_and_no_body_works(toy, note) -> None:
    for path in (NOTES, f"{NOTES}/{note['id']}"):
        assert (await toy.get(path, headers=JSON | {"authorization": "Bearer x"})).status_code == 200


async def test_a_body_of_5_megabytes_is_413_whether_it_says_its_length_or_not(toy) -> None:
    body = json.dumps({"text": "x" * 5_000_000}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    before = (await toy.get(NOTES)).headers["x-total-count"]
    for content in (body, pieces()):
        answer = await toy.post(NOTES, content=content, headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["code"] == "bodyTooLarge"
    assert (await toy.get(NOTES)).headers["x-total-count"] == before


async def test_a_body_up_to_the_limit_is_taken(toy) -> None:
    empty = len(b'{"text":""}')
    text = "x" * ((1 << 20) - empty)
    answer = await toy.post(NOTES, content=b'{"text":"%s"}' % text.encode(), headers=JSON)
    assert answer.status_code == 201
    answer = await toy.post(NOTES, content=b'{"text":"%sx"}' % text.encode(), headers=JSON)
    assert answer.status_code == 413


async def test_a_query_that_is_too_long_is_414(toy) -> None:
    assert (await toy.get(f"{NOTES}?text={'x' * 4091}")).status_code == 200
    answer = await toy.get(f"{NOTES}?text={'x' * 4092}")
    assert answer.status_code == 414
    assert answer.json()["code"] == "queryTooLong"


@pytest.mark.parametrize("key", ["x" * 256, "\u00e4" * 256])
async def test_an_idempotency_key_that_is_too_long_is_400(toy, key: str) -> None:
    answer = await toy.post(NOTES, json={"text": "x"}, headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["message"]


async def test_109_an_unexpected_failure_is_a_500_that_tells_nothing_of_the_inside(toy, caplog) -> None:
    answer = await toy.post(NOTES, json={"text": "break"})
    assert answer.status_code == 500
    assert "broken" not in answer.text
    assert "Traceback" not in answer.text
    assert "ValueError: broken" in caplog.text


async def test_a_connection_to_the_database_that_is_reset_is_a_503(toy) -> None:
    answer = await toy.post(NOTES, json={"text": "reset"})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")


async def test_a_client_that_goes_away_while_it_sends_is_no_failure(toy, tenant, caplog) -> None:
    kernel, sent = toy._transport.app, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": NOTES, "headers": [], "query_string": b""}
    await kernel(scope, receive, send)
    assert (sent, caplog.text) == ([], "")


def test_the_page_limit_of_the_toy_is_what_the_tests_of_lists_count_on() -> None:
    assert CAP == 50
