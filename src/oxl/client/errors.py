"""What a client raises: the server's refusal as it was told, or that there was none to be had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class ClientError(Exception):
    """Whatever a client raises of its own."""


class NoAnswerError(ClientError):
    """The server did not answer, however often it was asked; the text says what became of the last try.

    A write may have been done all the same: asked again with the same key it is answered as it was then.
    """

    def __init__(self, what: str, tries: int, key: str) -> None:
        super().__init__(f"{what} (tries: {tries})")
        self.tries = tries
        self.key = key  # the Idempotency-Key that was sent; empty: none


class BadSignatureError(ClientError):
    """A notification that was not signed with the secret, or not within five minutes of now: throw it away."""


class ApiError(ClientError):
    """A refusal: the TMF Error document of an answer of 4xx or 5xx.

    status: of HTTP. code: for programs. reason and message: for people. reference: the resource that tells more, or
    empty. document: the Error as it came. headers: names in small letters.
    """

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.document = _document(body)
        self.code = str(self.document.get("code", ""))
        self.reason = str(self.document.get("reason", ""))
        self.message = str(self.document.get("message", ""))
        self.reference = str(self.document.get("referenceError", ""))
        told = self.message or self.reason or body[:200].decode("utf-8", "replace")
        super().__init__(" ".join(filter(None, (str(status), self.code))) + (f": {told}" if told else ""))


def _document(body: bytes) -> dict[str, Any]:
    """The Error of a body; empty where a proxy or another server answered something else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
