"""Log lines: plain or JSON, and never with a secret, a number or a voucher code in them.

What a program logs is scrubbed as it is written, tracebacks too: a database's message may quote what was stored.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal

import msgspec

Form = Literal["text", "json"]
_SECRETS = (
    (re.compile(r"\boxl\.([a-z][a-z0-9_]*)\.([0-9a-f-]{36})\.[A-Za-z0-9_-]+"), r"oxl.\1.\2.…"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "<token>"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"whsec_[A-Za-z0-9+/=]+"), "whsec_…"),
    (re.compile(r"(?i)(password|secret|passwd|pwd)(['\"]?\s*[=:]\s*['\"]?)[^\s'\",;}]+"), r"\1\2…"),
    (re.compile(r"(://[^:/@\s]+:)[^@/\s]+@"), r"\1…@"),
    (re.compile(r"(?<![\w-])(?:[0-9A-HJKMNP-TV-Z]{4}-){2,}[0-9A-HJKMNP-TV-Z]{4}(?![\w-])"), "<code>"),
)
# A run of digits is a number of somebody's, unless it is part of an id.
_NUMBER = re.compile(
    r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?<!\w)\+?\d(?: ?\d){7,18}(?!\w)", re.IGNORECASE
)
_MORE = ("trace_id", "route", "method", "status", "ms", "tenant", "caller")


def scrubbed(text: str) -> str:
    """The text without what nobody should read in it."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return _NUMBER.sub(lambda found: found["id"] or "<number>", text)


class Plain(logging.Formatter):
    """One line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, scrubbed."""
        return scrubbed(super().format(record))


class Json(logging.Formatter):
    """One JSON object for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, its text scrubbed; ids of traces and routes are no secrets."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {
            "ts": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": scrubbed(record.getMessage()),
        }
        told |= {name: getattr(record, name) for name in _MORE if hasattr(record, name)}
        if record.exc_info:
            told["error"] = scrubbed(self.formatException(record.exc_info))
        return msgspec.json.encode(told).decode()


def set_up(form: Form) -> None:
    """Have everything logged to standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Plain("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("oxl").setLevel(logging.INFO if form == "json" else logging.WARNING)
