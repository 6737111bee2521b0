"""Following a stream of server-sent events: where it stood when it broke, and when to come back. No I/O."""

from __future__ import annotations

from typing import Any, NamedTuple

from oxl.client.asking import AGAIN, Answer, Came, Retry, Send, accepted, given_up


class Told(NamedTuple):
    """An event of a stream. id: to come back with; data: the document that it tells."""

    id: str
    event: str
    data: Any


class Follow:
    """A stream that is followed through breaks: it comes back with the id of the last event.

    What has been told starts the count of tries anew: only a server that stays away is given up.
    """

    def __init__(self, path: str, retry: Retry, last_id: str = "") -> None:
        self._path = path
        self._retry = retry
        self._last_id = last_id
        self._pause = 0.0
        self._tried = 0

    @property
    def request(self) -> Send:
        """What to open."""
        known = {"Last-Event-ID": self._last_id} if self._last_id else {}
        return Send("GET", self._path, "", {"Accept": "text/event-stream", "Cache-Control": "no-store"} | known)

    def took(self, event_id: str, pause_ms: int | None) -> None:
        """An event came; `pause_ms` is how long the server asks to wait before coming back."""
        self._last_id = event_id or self._last_id
        self._tried = 0
        if pause_ms is not None:
            self._pause = pause_ms / 1000

    def broke(self, came: Came) -> float:
        """Seconds until it is to be opened again; raises where that has no hope. None came: the stream just ended."""
        if isinstance(came, Answer) and came.status not in AGAIN:
            accepted(came)
        self._tried += 1
        pause = self._retry.pause(self._tried, came)
        if pause is None:
            raise given_up(self.request, came, self._tried)
        return max(pause, self._pause)
