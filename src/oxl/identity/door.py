"""One HTTP/1.1 connection of a server process, before there is a request to answer: between the socket and the gate.

uvicorn's protocol reads and writes; here it gets bounds for what comes before a request is whole, and tells a crowd to
come again without the cost of asking the application, so that what is not done costs next to nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from oxl.identity.gate import answer_of
from oxl.kernel.problem import Problem

CONNECTIONS = 10_000  # of a process, streams among them
LONGEST_HEAD = 65_536  # bytes of a head that is not whole; a whole one may be shorter than that, see limits.py
_CLOSE = (("Connection", "close"),)
_CROWDED = answer_of(Problem(503, "overloaded", "too many connections are open", (("Retry-After", "1"), *_CLOSE)))
_TOO_LONG = answer_of(Problem(431, "headersTooLarge", "the head of a request must be shorter", _CLOSE))
_TOO_SLOW = answer_of(Problem(408, "tooSlow", "the head of the request did not come in time", _CLOSE))
_NOT_HTTP = answer_of(Problem(400, "notHttp", "this is not a request in HTTP/1.1", _CLOSE))


class Doorkeeper(Protocol):
    """What an application must know besides ASGI to be behind this door."""

    patience: float  # seconds that a client may take for what the application does not wait for
    asked_always: tuple[bytes, ...]  # ends of the addresses that are answered in any crowd

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another request."""
        ...

    def refuse(self) -> bytes:
        """The whole answer to one that there is no room for."""
        ...

    def let_in(self) -> None:
        """One is handed on next."""
        ...


class Door(HttpToolsProtocol):
    """A connection whose client is not let wait, nor lets wait, for ever (uvicorn makes one for each)."""

    parser: Any

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        app: Any = self.app
        self._keeper: Doorkeeper = app
        self._refusal: bytes | None = None  # what the request at hand is told instead of being handed on
        self._is_begun = self._is_heading = False  # a request is not whole; nor is its head
        self._is_crowded = False  # it came when there was no room
        self._head = 0  # bytes of it that came after those in which it began
        self._late: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            self._end(_CROWDED)
        self._wait_for_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        for timer in (self._late, self._stuck, self._resting):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come; give up a client whose request goes on and on before anybody waits for it."""
        self._head += len(data)
        super().data_received(data)
        if self._is_heading and self._head > LONGEST_HEAD:
            self._end(_TOO_LONG)
        if not (self._is_heading or (self._is_begun and self._is_free())):
            if self._late is not None:
                self._late.cancel()
                self._late = None
        elif self._late is None:
            self._late = self.loop.call_later(self._keeper.patience, self._give_up)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._is_begun = self._is_heading = True
        self._head = 0
        self._is_crowded = self._is_free() and self._keeper.is_full
        if self._is_crowded:  # what an application would be told of it is not made ready
            self.url, self.headers, self.expect_100_continue = b"", [], False
        else:
            super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand the request on, or make up our mind to refuse it."""
        self._is_heading = False
        if not self._is_crowded:
            super().on_headers_complete()
        elif self.url.endswith(self._keeper.asked_always):
            url, headers = self.url, self.headers
            super().on_message_begin()
            self.url = url
            self.headers += headers
            super().on_headers_complete()
        else:
            self._refusal = self._keeper.refuse()
            if self.expect_100_continue:
                self._end(self._refusal)

    def on_body(self, body: bytes) -> None:
        """A part of the body, for whoever reads it."""
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: a refusal is told now, so that the next one may follow on the connection."""
        self._is_begun = False
        if self._refusal is None:
            return super().on_message_complete()
        told, self._refusal = self._refusal, None
        if self.flow.write_paused:  # who asks without listening is not told for ever
            self.transport.abort()
        elif self.parser.get_http_version() == "1.0" or not self.parser.should_keep_alive():
            self._end(told)
        else:
            self.transport.write(_without_body(told) if self.parser.get_method() == b"HEAD" else told)
            self._wait_for_next()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 – uvicorn's words
        """What came is not HTTP."""
        self._end(_NOT_HTTP)

    def pause_writing(self) -> None:
        """The client takes less than it is told; the gate gives it up first, and we the connection."""
        super().pause_writing()
        self._stuck = self.loop.call_later(2 * self._keeper.patience, self.transport.abort)

    def resume_writing(self) -> None:
        """The client goes on taking."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._keeper.let_in()
        super()._start_asgi_task(cycle, app)

    def _is_free(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _give_up(self) -> None:
        self._end(_TOO_SLOW if self._is_heading else b"")

    def _end(self, told: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(told)
            self.transport.close()

    def _wait_for_next(self) -> None:
        self._told_at = self.loop.time()
        if self._resting is None:
            self._resting = self.loop.call_later(self.timeout_keep_alive, self._rested)

    def _rested(self) -> None:
        """Leave a client that has not come again; one timer for many refusals, since each costs as much as they do."""
        self._resting = None
        left = self._told_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._resting = self.loop.call_later(left, self._rested)
        elif self._is_free() and not self._is_begun and self.timeout_keep_alive_task is None:
            self.transport.close()


def _without_body(answer: bytes) -> bytes:
    return answer[: answer.index(b"\r\n\r\n") + 4]
