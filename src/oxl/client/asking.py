"""One request and all that may become of it, without a connection: the sums that both transports drive.

A conversation is a generator. It yields what has to be done (a Send, a Wait), is sent what came of it (an Answer, a
Failed), and returns what was asked for. `transport.py` drives it, blocking or not; nothing here does I/O.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from oxl.client.errors import ApiError, NoAnswerError

T = TypeVar("T")
AGAIN = frozenset({408, 425, 429, 502, 503, 504})  # answers that a later try may better
KEY = "Idempotency-Key"
_READS = ("GET", "HEAD")


class Send(NamedTuple):
    """A request to be sent. query: as it stands behind the `?`, encoded. into: the file that its answer goes into."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    content: bytes | None = None
    into: Path | None = None

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Wait(NamedTuple):
    """A pause, in seconds."""

    seconds: float


class Answer(NamedTuple):
    """What the server answered; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failed(NamedTuple):
    """No answer came. sent: whether the request may have reached the server."""

    why: str
    sent: bool


Came = Answer | Failed | None
Steps = Generator[Send | Wait, Came, T]


@dataclass(frozen=True)
class Retry:
    """How often and how patiently to try again what may come out better.

    tries: in all. first: seconds before the second try, about twice as long before each further one, up to longest.
    patience: the longest Retry-After, in seconds, that is waited for; a longer one is raised at once.
    """

    tries: int = 5
    first: float = 0.2
    longest: float = 20.0
    patience: float = 60.0
    chance: Callable[[], float] = random.random  # between 0 and 1: clients that failed together come back apart

    def pause(self, tried: int, came: Came) -> float | None:
        """Seconds until the next try after so many; None when there is to be none."""
        asked = retry_after(came.headers) if isinstance(came, Answer) else 0.0
        if tried >= self.tries or asked > self.patience:
            return None
        backed = min(self.longest, self.first * 2 ** (tried - 1))
        return max(asked, backed * (0.5 + self.chance() / 2))


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that an answer asks to wait, by its own date where it names one; 0 where it says nothing readable."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return 0.0


def repeatable(send: Send) -> bool:
    """Whether a request may be sent again though the first may have been done: a read, or one that carries a key."""
    return send.method in _READS or KEY in send.headers


def exchange(send: Send, retry: Retry) -> Steps[Answer]:
    """Send a request until it is answered for good; ApiError when it is refused, NoAnswerError when nothing answers."""
    tried = 0
    while True:
        tried += 1
        came = yield send
        if isinstance(came, Answer) and came.status not in AGAIN:
            return accepted(came)
        lost = isinstance(came, Failed) and came.sent and not repeatable(send)
        pause = None if lost else retry.pause(tried, came)
        if pause is None:
            raise given_up(send, came, tried)
        yield Wait(pause)


def accepted(answer: Answer) -> Answer:
    """The answer where it is one of success; else ApiError."""
    if not 200 <= answer.status < 300:
        raise ApiError(answer.status, answer.body, answer.headers)
    return answer


def given_up(send: Send, came: Came, tried: int) -> ApiError | NoAnswerError:
    """What to raise after the last try."""
    if isinstance(came, Answer):
        return ApiError(came.status, came.body, came.headers)
    why = came.why if came else "the stream ended before it told anything"
    return NoAnswerError(f"{send.method} {send.path}: {why}", tried, send.headers.get(KEY, ""))
