"""Asking a server: tries, keys, waits, errors, pages and streams, the same by both clients."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from tests.client.scripted import Asked, Body

from oxl.client import ApiError, AsyncClient, Client, Kind, NoAnswerError, Retry

BALANCES = "/tmf-api/prepayBalanceManagement/v4"
BUCKET: Kind[dict[str, Any]] = Kind(BALANCES, "bucket")
REFUSED = {"code": "insufficientBalance", "reason": "Conflict", "message": "bucket.id: holds less", "status": "409",
           "referenceError": f"{BALANCES}/adjustBalance/1", "@type": "Error"}  # fmt: skip
both = pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "awaited"])


def ok(document: Any, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=document, headers=headers)


def test_the_two_clients_ask_for_the_same_in_the_same_words() -> None:
    def words(client: type) -> dict[str, Any]:
        public = {name: each for name, each in vars(client).items() if not name.startswith("_")}
        return {name: (inspect.signature(each).parameters, each.__doc__) for name, each in public.items()}

    assert words(Client) == words(AsyncClient)


@both
def test_a_write_keeps_its_key_on_every_try(awaited: bool) -> None:
    answers = {1: httpx.ReadTimeout("no answer"), 2: httpx.Response(503, headers={"Retry-After": "0"})}
    asked = Asked(lambda n, _: answers.get(n, httpx.Response(201, json={"id": "1"})), awaited)
    assert asked.hold("create", BUCKET, {"amount": {"amount": Decimal("0.10"), "units": "EUR"}}) == {"id": "1"}
    assert len({request.headers["idempotency-key"] for request in asked.sent}) == 1
    assert {request.content for request in asked.sent} == {b'{"amount":{"amount":0.10,"units":"EUR"}}'}
    assert str(asked.sent[0].url) == f"http://oxl.example/under{BALANCES}/bucket"
    assert len(asked.sent) == 3
    again = Asked(lambda *_: httpx.Response(201, json={}), awaited)
    again.hold("create", BUCKET, {}, key="mine", later=True)
    assert (again.sent[0].headers["idempotency-key"], again.sent[0].headers["prefer"]) == ("mine", "respond-async")
    assert again.sent[0].headers["idempotency-key"] != asked.sent[0].headers["idempotency-key"]


@both
def test_a_refusal_is_an_error_with_all_that_was_told(awaited: bool) -> None:
    asked = Asked(lambda *_: httpx.Response(409, json=REFUSED, headers={"X-Request": "7"}), awaited)
    with pytest.raises(ApiError, match=r"^409 insufficientBalance: bucket\.id: holds less$") as caught:
        asked.hold("create", BUCKET, {})
    error = caught.value
    assert (error.status, error.code, error.reason) == (409, "insufficientBalance", "Conflict")
    assert error.reference == f"{BALANCES}/adjustBalance/1"
    assert error.headers["x-request"] == "7"
    assert len(asked.sent) == 1


@both
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[1]", b"\xff\xfe"])
def test_an_error_that_is_no_document_is_told_as_well(awaited: bool, body: bytes) -> None:
    asked = Asked(lambda *_: httpx.Response(500, content=body), awaited)
    with pytest.raises(ApiError, match=r"^500") as caught:
        asked.hold("get", BUCKET, "1")
    assert caught.value.document == {}


@both
def test_who_never_answers_is_given_up_and_the_key_is_told(awaited: bool) -> None:
    asked = Asked(lambda *_: httpx.ReadError("reset"), awaited)
    with pytest.raises(NoAnswerError, match=r"POST .*bucket: ReadError reset \(tries: 5\)") as caught:
        asked.hold("create", BUCKET, {})
    assert caught.value.key == asked.sent[0].headers["idempotency-key"]
    busy = Asked(lambda *_: httpx.Response(503, json={"code": "overloaded"}), awaited)
    with pytest.raises(ApiError, match="503 overloaded"):
        busy.hold("get", BUCKET, "1")
    assert len(busy.sent) == 5


@both
def test_a_wait_beyond_patience_is_no_wait(awaited: bool) -> None:
    asked = Asked(lambda *_: httpx.Response(429, headers={"Retry-After": "3600"}), awaited, retry=Retry())
    with pytest.raises(ApiError, match="429"):
        asked.hold("get", BUCKET, "1")
    assert len(asked.sent) == 1


@both
def test_a_key_may_be_renewed_between_tries(awaited: bool) -> None:
    keys = iter(["old", "new"])
    asked = Asked(lambda n, _: httpx.Response(503) if n == 1 else ok({}), awaited, key=lambda: next(keys))
    asked.hold("get", BUCKET, "a/b ü", fields=["id", "status"])
    assert [request.headers["authorization"] for request in asked.sent] == ["Bearer old", "Bearer new"]
    assert asked.sent[0].url.raw_path.decode() == f"/under{BALANCES}/bucket/a%2Fb%20%C3%BC?fields=id%2Cstatus"


@both
def test_money_stays_exact(awaited: bool) -> None:
    asked = Asked(lambda *_: httpx.Response(200, content=b'{"amount":0.1000000000000000055,"n":3}'), awaited)
    assert asked.hold("get", BUCKET, "1") == {"amount": Decimal("0.1000000000000000055"), "n": 3}


@both
def test_each_form_of_patch_is_sent_as_what_it_is(awaited: bool) -> None:
    asked = Asked(lambda *_: ok({"id": "1"}, etag='"b"'), awaited)
    assert asked.hold("read", BUCKET, "1").etag == '"b"'
    asked.hold("patch", BUCKET, "1", {"name": None}, etag='"b"')
    asked.hold("patch", BUCKET, "1", [{"op": "remove", "path": "/name"}])
    asked.hold("patch", BUCKET, "1", [{"op": "remove", "path": "/note?author=Kate"}], by_query=True)
    asked.hold("delete", BUCKET, "1", etag='"b"')
    sent = [(each.headers["content-type"].partition("/")[2], each.headers.get("if-match")) for each in asked.sent[1:]]
    assert sent == [("merge-patch+json", '"b"'), ("json-patch+json", None), ("json-patch-query+json", None),
                    ("json", '"b"')]  # fmt: skip
    assert all("idempotency-key" in each.headers for each in asked.sent[1:])


@both
def test_pages_are_followed_by_the_links_of_the_server(awaited: bool) -> None:
    def answer(n: int, request: httpx.Request) -> httpx.Response:
        link = f'<http://elsewhere.example{BALANCES}/bucket?limit=2&after=c{n}>; rel="next"' if n < 3 else ""
        first = '<http://elsewhere.example/x?limit=2>; rel="first"'
        return ok([{"id": f"{n}a"}, {"id": f"{n}b"}], Link=", ".join(filter(None, (first, link))), **{
            "X-Total-Count": "99"})  # fmt: skip

    asked = Asked(answer, awaited)
    found = asked.hold("find", BUCKET, {"status": ["active", "expired"], "isShared": True}, sort="-id", page=2)
    assert [each["id"] for each in found] == ["1a", "1b", "2a", "2b", "3a", "3b"]
    first = parse_qs(asked.sent[0].url.query.decode())
    assert first == {"status": ["active", "expired"], "isShared": ["true"], "sort": ["-id"], "limit": ["2"]}
    assert [each.url.query.decode() for each in asked.sent[1:]] == ["limit=2&after=c1", "limit=2&after=c2"]
    assert {each.url.host for each in asked.sent} == {"oxl.example"}


@both
@pytest.mark.parametrize("counted", [True, False])
def test_pages_of_a_server_without_links_are_counted(awaited: bool, counted: bool) -> None:
    everything = [{"id": str(n)} for n in range(7)]

    def answer(_: int, request: httpx.Request) -> httpx.Response:
        asked = parse_qs(request.url.query.decode())
        start, limit = int(asked.get("offset", ["0"])[0]), int(asked["limit"][0])
        return ok(everything[start : start + limit], **({"X-Total-Count": "7"} if counted else {}))

    assert Asked(answer, awaited).hold("find", BUCKET, page=3) == everything
    assert Asked(answer, awaited).hold("find", BUCKET, page=7) == everything
    lazy = Asked(answer, awaited)
    assert lazy.hold("find", BUCKET, page=2, most=2) == everything[:2]
    assert len(lazy.sent) == 1


@both
def test_a_file_gets_its_name_when_it_is_whole(awaited: bool, tmp_path: Path) -> None:
    cut = httpx.RemoteProtocolError("cut")
    bodies = {1: Body(b"half", cut), 2: Body(b"the ", b"whole")}
    asked = Asked(lambda n, _: httpx.Response(200, stream=bodies[n]), awaited)
    made = asked.hold("save", Kind("/a", "exportJob"), "1", "content", tmp_path / "usage.json")
    assert made.read_bytes() == b"the whole"
    assert [each.name for each in tmp_path.iterdir()] == ["usage.json"]
    with pytest.raises(ApiError, match="404"):
        Asked(lambda *_: httpx.Response(404), awaited).hold("save", BUCKET, "1", "pdf", tmp_path / "none.pdf")
    assert [each.name for each in tmp_path.iterdir()] == ["usage.json"]


@both
def test_subscribing_and_leaving(awaited: bool) -> None:
    asked = Asked(lambda n, _: httpx.Response(201, json={"id": "s"}) if n == 1 else httpx.Response(404), awaited)
    asked.hold("subscribe", BALANCES, "https://listener.example/oxl", query="eventType=A")
    assert json.loads(asked.sent[0].content) == {"callback": "https://listener.example/oxl", "query": "eventType=A"}
    assert asked.hold("unsubscribe", BALANCES, "s") is None
    moved = Asked(lambda *_: ok([1]), awaited)
    assert moved.hold("ask", "GET", "/oxl/v1/x", query={"a": 1}) == [1]
    assert moved.hold("ask", "POST", "/oxl/v1/x", body={"a": 1}) == [1]
    assert [each.headers.get("idempotency-key") is None for each in moved.sent] == [True, False]


@both
def test_a_stream_comes_back_where_it_broke(awaited: bool) -> None:
    event = 'id: {0}\nevent: report\ndata: {{"left": {0}.5,\ndata: "note": "a\u2028b"}}\n\n'
    broken = httpx.ReadError("reset")
    bodies = {
        1: Body(b"retry: 0\n\n:\n\n", event.format(1).encode(), b"id: 9\ndata: {", broken),
        2: Body(event.format(2).encode()),
        4: Body(event.format(3).encode()),
    }

    def answer(n: int, _: httpx.Request) -> httpx.Response:
        if n not in bodies:
            return httpx.Response(503)
        return httpx.Response(200, stream=bodies[n], headers={"Content-Type": "text/event-stream"})

    asked = Asked(answer, awaited)
    told = asked.hold("watch", Kind("/c", "usageConsumptionReport"), "live-1", most=3)
    assert [(each.id, each.event, each.data["left"]) for each in told] == [
        ("1", "report", Decimal("1.5")), ("2", "report", Decimal("2.5")), ("3", "report", Decimal("3.5")),
    ]  # fmt: skip
    assert told[0].data["note"] == "a\u2028b"
    assert [each.headers.get("last-event-id") for each in asked.sent] == [None, "1", "2", "2"]


@both
def test_a_stream_that_is_refused_or_gone_is_told(awaited: bool) -> None:
    refused = Asked(lambda *_: httpx.Response(404, json={"code": "notFound"}), awaited)
    with pytest.raises(ApiError, match="404 notFound"):
        refused.hold("watch", BUCKET, "1")
    gone = Asked(lambda *_: httpx.ConnectError("refused"), awaited)
    with pytest.raises(NoAnswerError, match="ConnectError refused"):
        gone.hold("watch", BUCKET, "1", last_id="7")
    assert [each.headers["last-event-id"] for each in gone.sent] == ["7"] * 5
