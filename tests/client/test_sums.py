"""The client's sums without a server: waits, pages, and what is signed."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from tests.reference import client_modules

from oxl.client import BadSignatureError, Retry, verify
from oxl.client.asking import Answer, Came, Failed, Send, Steps, Wait, exchange, retry_after
from oxl.client.errors import NoAnswerError
from oxl.client.operations import asked, following

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="
NOTIFICATION = {"eventId": "7", "eventType": "BucketCreateEvent", "event": {"bucket": {"id": "1", "n": 0.1}}}


@given(st.integers(1, 30), st.floats(0, 1), st.floats(0, 100), st.floats(0, 100))
def test_a_pause_grows_and_stays_within_bounds(tried: int, chance: float, first: float, longest: float) -> None:
    retry = Retry(tries=31, first=first, longest=longest, chance=lambda: chance)
    pause = retry.pause(tried, Failed("x", True))
    assert pause is not None
    most = min(longest, first * 2 ** (tried - 1))
    assert most / 2 <= pause <= most


@given(st.integers(0, 60))
def test_what_the_server_asks_to_wait_is_waited(seconds: int) -> None:
    moment = datetime(2026, 11, 21, 12, tzinfo=UTC)
    dates = [f"{at:%a, %d %b %Y %H:%M:%S} GMT" for at in (moment, moment + timedelta(seconds=seconds))]
    for headers in ({"retry-after": str(seconds)}, {"retry-after": dates[1], "date": dates[0]}):
        assert retry_after(headers) == seconds
        assert (Retry(first=0).pause(1, Answer(503, headers, b"")) or 0) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "Wed, 32 Nov 2026 99:00:00 GMT", "１２"])
def test_a_wait_that_cannot_be_read_is_none(text: str) -> None:
    assert retry_after({"retry-after": text, "date": "Sat, 21 Nov 2026 12:00:00 GMT"}) == 0


def test_what_may_have_been_done_is_not_sent_again_without_a_key() -> None:
    for sent, tries in ((True, 1), (False, 3)):
        steps: list[Send | Wait] = []
        with pytest.raises(NoAnswerError) as caught:
            _hold(exchange(Send("POST", "/x"), Retry(tries=3)), Failed("lost", sent), steps)
        assert sum(isinstance(step, Send) for step in steps) == tries == caught.value.tries


def _hold(conversation: Steps[Any], came: Failed, steps: list[Send | Wait]) -> None:
    """Hold a conversation with a server that is never there."""
    last: Came = None
    while True:
        steps.append(conversation.send(last))
        last = came if isinstance(steps[-1], Send) else None


@given(st.integers(0, 40), st.integers(1, 9), st.booleans())
def test_counted_pages_show_everything_once(size: int, limit: int, told: bool) -> None:
    everything, seen, query = list(range(size)), [], asked({"a": "x&y"}, limit=limit)
    for _ in range(size + 2):
        given_ = {name: values[0] for name, values in parse_qs(query).items()}
        assert given_["a"] == "x&y"
        start = int(given_.get("offset", 0))
        page = everything[start : start + limit]
        seen += page
        headers = {"x-total-count": str(size)} if told else {}
        if (query := following(query, headers, len(page))) is None:
            break
    assert seen == everything
    assert query is None


def test_filters_are_written_as_an_address_has_them() -> None:
    moment = datetime(2026, 11, 21, 13, tzinfo=UTC)
    text = asked({"creationDate.gt": moment, "@type": "X", "none": None, "n": [1, 2], "flag": False}, fields="")
    assert text == "creationDate.gt=2026-11-21T13%3A00%3A00Z&@type=X&n=1&n=2&flag=false"


def signed(body: bytes, secret: str = SECRET, at: datetime | None = None, **changes: str) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    sign = Webhook(secret).sign("7", moment, body.decode())
    return {"Webhook-Id": "7", "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": sign} | changes


def test_what_was_signed_is_told() -> None:
    body = json.dumps(NOTIFICATION).encode()
    for secret in (SECRET, [OTHER, SECRET]):
        found = verify(body, signed(body), secret)
        assert (found.id, found.type, str(found.resource["n"])) == ("7", "BucketCreateEvent", "0.1")


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": "v1"}, {"webhook-signature": "v1,!!"}, {"webhook-signature": "v2,AAAA"},
        {"webhook-signature": ""}, {"Webhook-Id": "8"}, {"webhook-timestamp": "soon"}, {"webhook-timestamp": "1e999"},
    ],
)  # fmt: skip
def test_what_was_not_signed_so_is_refused(changes: dict[str, str]) -> None:
    body = json.dumps(NOTIFICATION).encode()
    with pytest.raises(BadSignatureError):
        verify(body, signed(body) | changes, SECRET)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"eventType":"A","event":{}}', b'{"eventType":"A","event":7}'])
def test_what_is_signed_but_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(BadSignatureError):
        verify(body, signed(body), SECRET)


def test_a_changed_body_an_old_one_and_a_wrong_secret_are_refused() -> None:
    body = json.dumps(NOTIFICATION).encode()
    old = signed(body, at=datetime.now(UTC) - timedelta(minutes=6))
    good = signed(body)
    for each, headers, secret in ((body + b" ", good, SECRET), (body, old, SECRET), (b"\xff", good, SECRET),
                                  (body, good, OTHER), (body, good, [])):  # fmt: skip
        with pytest.raises(BadSignatureError):
            verify(each, headers, secret)


@pytest.mark.parametrize("path", client_modules(), ids=lambda path: path.stem)
def test_the_client_knows_what_is_declared(path: Path) -> None:
    def tree(text: str) -> Any:
        return ast.dump(ast.parse(text))

    assert tree(path.read_text("utf-8")) == tree(client_modules()[path]), "run: python -m tests.reference"


def test_the_client_knows_no_api_that_is_not_declared() -> None:
    there = {path.name for path in next(iter(client_modules())).parent.glob("*.py")}
    assert there == {path.name for path in client_modules()} | {"__init__.py"}
