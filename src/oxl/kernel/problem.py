"""Every 4xx and 5xx as a TMF Error body: code, reason, message naming the field, status, @type."""

from __future__ import annotations

from contextlib import ContextDecorator

import msgspec

from oxl.verbs import Refusal, Refused

REASONS = {
    400: "Bad request", 401: "Unauthorized", 403: "Forbidden", 404: "Not found", 405: "Method not allowed",
    406: "Not acceptable", 408: "Request timeout", 409: "Conflict", 412: "Precondition failed", 413: "Body too large",
    414: "Address too long", 415: "Unsupported media type", 416: "Range not satisfiable", 421: "Misdirected request",
    422: "Not processable", 429: "Too many requests", 431: "Headers too large", 500: "Internal error",
    501: "Not implemented", 503: "Service unavailable",
}  # fmt: skip
STATUS = {  # by kind of refusal
    "invalid": 400, "unknown": 404, "conflict": 409, "stale": 412, "mismatch": 422, "unsupported": 501,
}  # fmt: skip


class Problem(Exception):  # noqa: N818 – an answer, not an error of the program
    """An error answer on its way out: its status, what the client should read, and headers that go with it."""

    def __init__(self, status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers
        self.reference = ""


class ClientGoneError(Exception):
    """Who asked has gone away, or takes nothing: there is nobody to answer."""


def problem_of(refused: Refused, collection_href: str) -> Problem:
    """The error answer for a verb's refusal; its reference is a resource of the collection."""
    problem = Problem(STATUS[refused.kind], refused.code, refused.message)
    if refused.reference:
        problem.reference = f"{collection_href}/{refused.reference}"
    return problem


class problems(ContextDecorator):  # noqa: N801 – said as `with problems():`
    """Refusals within as error answers."""

    def __init__(self, collection_href: str = "") -> None:
        self._href = collection_href

    def __enter__(self) -> None:
        """Nothing to do before."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Refusal):
            raise problem_of(error.refused, self._href) from None


def body_of(problem: Problem) -> bytes:
    """The TMF Error document; `status` is a string by the standard."""
    error = {
        "@type": "Error",
        "code": problem.code,
        "reason": REASONS.get(problem.status, "Error"),
        "message": str(problem),
        "status": str(problem.status),
    }
    if problem.reference:
        error["referenceError"] = problem.reference
    return msgspec.json.encode(error)
