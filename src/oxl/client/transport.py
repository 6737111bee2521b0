"""What both clients have in common: requests in httpx's words, its answers and failures in ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from httpx_sse import ServerSentEvent

from oxl.client.asking import Answer, Failed, Retry, Send
from oxl.client.operations import read
from oxl.client.streams import Follow, Told

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SILENT = 45.0  # seconds without a word after which a stream is dead; OXL says something every 15
OPEN = httpx.Timeout(30.0, read=_SILENT)
PATIENT = Retry()
HERE = "http://127.0.0.1:8080"

Key = str | Callable[[], str]


def settings(url: str, headers: Mapping[str, str] | None, timeout: float) -> dict[str, Any]:
    """How a client of httpx is made."""
    told = {"User-Agent": f"oxl-client/{version('oxl')}"} | dict(headers or {})
    return {"base_url": url.rstrip("/"), "headers": told, "timeout": timeout, "follow_redirects": False}


def request(send: Send, key: Key) -> dict[str, Any]:
    """A request in httpx's words; `key` is asked anew for each, so that a token may be renewed."""
    text = key() if callable(key) else key
    bearer = {"Authorization": f"Bearer {text}"} if text else {}
    return {"method": send.method, "url": send.target, "headers": {**send.headers, **bearer}, "content": send.content}


def answered(answer: httpx.Response, body: bytes) -> Answer:
    """An answer in our words."""
    return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body)


def failed(error: httpx.RequestError) -> Failed:
    """A failure in our words; one that no other try can better is raised as it is."""
    if isinstance(error, httpx.UnsupportedProtocol):
        raise error
    return Failed(f"{type(error).__name__} {error}".strip(), not isinstance(error, _UNSENT))


def told(event: ServerSentEvent, follow: Follow) -> Told | None:
    """What an event tells; None where it has no data."""
    follow.took(event.id, event.retry)
    return Told(event.id, event.event, read(event.data)) if event.data else None


@contextmanager
def part_of(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when all of it is there."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
