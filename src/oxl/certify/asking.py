"""Asking a server over HTTP: one client for all of a run, which keeps what was said on both sides for the report."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from oxl.certify.documents import Json

_SHOWN = 4000  # characters of a body that the report keeps


class SilentError(Exception):
    """The server did not answer; the text says what became of the request."""


class Answer(NamedTuple):
    """One exchange."""

    method: str
    url: str
    sent: str
    status: int
    headers: Mapping[str, str]  # names in small letters
    text: str
    seconds: float

    @property
    def json(self) -> Any:
        """The body; None where it is no JSON."""
        try:
            return json.loads(self.text, parse_float=Decimal)
        except ValueError:
            return None

    @property
    def doc(self) -> Json:
        """The body as an object; empty where it is none."""
        found = self.json
        return found if isinstance(found, dict) else {}

    @property
    def told(self) -> str:
        """What was asked and answered, in a few words."""
        return f"{self.method} {urlsplit(self.url).path} answered {self.status}"

    def counter(self, header: str) -> int | None:
        """A counter among the headers; None where it is missing or no number."""
        text = self.headers.get(header, "")
        return int(text) if text.isdigit() else None


class Client:
    """HTTP with one server. Proxies are those of HTTP_PROXY and NO_PROXY, unless direct.

    Redirects are answers, not followed.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, timeout: float = 30, direct: bool = False
    ) -> None:
        self.url = url.rstrip("/")
        self.exchanges: list[Answer] = []
        self._headers = dict(headers or {})
        self._direct = direct
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        jar = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(trust_env=not self._direct, timeout=self._timeout, cookie_jar=jar)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One exchange; SilentError when there was none. `path` may be a whole address of the same server."""
        asked = {"accept": "application/json"} | self._headers
        if body is not None:
            content = json.dumps(body, default=_number).encode()
        if content is not None:
            asked["content-type"] = "application/json"
        asked |= headers or {}
        found = "&".join(f"{quote(name, safe='@.')}={quote(value, safe='')}" for name, value in (query or {}).items())
        url = f"{self.address(path)}{'?' if found else ''}{found}"
        answer = await self._exchange(method, url, content, asked)
        self.exchanges.append(answer)
        return answer

    async def _exchange(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        if self._session is None:
            raise RuntimeError("a client asks while it is used as a context manager")
        began = time.monotonic()
        kept = (content or b"").decode("utf-8", "replace")
        try:
            async with self._session.request(
                method, URL(url, encoded=True), data=content, headers=headers, allow_redirects=False
            ) as answer:
                text = (await answer.read()).decode("utf-8", "replace")
                named = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(method, url, kept, answer.status, named, text, time.monotonic() - began)
        except ValueError as error:
            raise SilentError(f"{method} {url}: this is no address: {error}") from None
        except TimeoutError:
            raise SilentError(f"{method} {url}: no answer within {self._timeout.total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SilentError(f"{method} {url}: {type(error).__name__}: {error}") from None

    def address(self, path: str) -> str:
        """Where a path, or an href of the server under whatever host name it gives itself, is asked for."""
        place = urlsplit(path)
        local = f"/{place.path.removeprefix(urlsplit(self.url).path).lstrip('/')}"
        return f"{self.url}{local}" + (f"?{place.query}" if place.query else "")

    def take(self) -> list[Answer]:
        """What was said since this was asked last."""
        found, self.exchanges = self.exchanges, []
        return found


def _number(value: object) -> int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value).__name__)


def shown(text: str) -> str:
    """A body as a report keeps it: laid out where it is JSON, and cut."""
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        text = text.strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… {len(text) - _SHOWN} more characters"


async def first_that_answers(client: Client, path: str, seconds: float) -> bool:
    """Wait until a server answers at all."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await client.ask("GET", path)
        except SilentError:
            await asyncio.sleep(0.1)
        else:
            return True
    return False
