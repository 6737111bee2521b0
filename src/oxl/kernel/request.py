"""A request as the kernel reads it: the query split before it is decoded, the body up to its limit, the media type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from oxl.kernel.problem import Problem

MAX_QUERY = 4096  # characters
MAX_KEY = 255
RESERVED = ("fields", "sort", "offset", "limit", "filter", "before", "after", "depth", "expand")
_NOT_YET = ("sort", "filter", "before", "after", "depth", "expand")
_JSON = ("application/json", "application/*", "*/*")


class Query(msgspec.Struct):
    """What a list or read is asked for. `filters` are (attribute path, values), all of which must hold."""

    filters: list[tuple[str, list[str]]]
    fields: tuple[str, ...] | None
    offset: int
    limit: int
    paged: bool  # whether the client asked for a page


def parse_query(raw: str, cap: int) -> Query:
    """The query string, by the rules of TMF630 part 1 §4; Problem 400 or 414 naming the parameter at fault."""
    if len(raw) > MAX_QUERY:
        raise Problem(414, "queryTooLong", f"the query string is longer than {MAX_QUERY} characters")
    wanted: dict[str, list[str]] = {}
    filters: dict[str, list[str]] = {}
    for part in raw.split("&"):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        if not equals:
            raise Problem(400, "invalidQuery", f"{name}: expected attribute=value")
        if "\x00" in name + value:
            raise Problem(400, "invalidQuery", f"{name[:40]!r}: holds a character that cannot be asked for")
        (wanted if name in RESERVED else filters).setdefault(name, []).append(value)
    for name in _NOT_YET:
        if name in wanted:
            raise Problem(501, "notImplemented", f"{name}: is not supported yet")
    limit = min(_whole(wanted, "limit", cap, least=1), cap)
    offset = _whole(wanted, "offset", 0, least=0)
    fields = tuple(filter(None, ",".join(wanted["fields"]).split(","))) if "fields" in wanted else None
    return Query(
        [(name, [text for value in values for text in _values(value)]) for name, values in filters.items()],
        fields,
        offset,
        limit,
        "limit" in wanted or "offset" in wanted,
    )


def _values(value: str) -> list[str]:
    """The alternatives of one value: commas mean or, or are part of the text; quotes around one are taken off."""
    texts = [*value.split(","), value] if "," in value else [value]
    return [text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text for text in texts]


def _whole(wanted: dict[str, list[str]], name: str, default: int, least: int) -> int:
    if name not in wanted:
        return default
    text = wanted[name][-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < least:
        raise Problem(400, "invalidQuery", f"{name}: must be a whole number of at least {least}, not {text[:20]!r}")
    return int(text)


def check_accept(headers: dict[bytes, bytes]) -> None:
    """406 when the client will take no JSON."""
    accept = headers.get(b"accept", b"").decode("latin-1").lower()
    if accept and not any(kind.split(";")[0].strip() in _JSON for kind in accept.split(",")):
        raise Problem(406, "notAcceptable", "answers are application/json")


def media_type(headers: dict[bytes, bytes]) -> str:
    """What a body says it is, without parameters; one that says nothing is taken as JSON."""
    kind = headers.get(b"content-type", b"application/json").decode("latin-1").split(";")[0]
    return kind.strip().lower()


def check_media_type(kind: str, taken: Sequence[str], header: str = "") -> None:
    """415 when a body is none of what is taken; `header` is the one that tells of them."""
    if kind not in taken:
        told = ((header, ", ".join(taken)),) if header else ()
        raise Problem(415, "unsupportedMediaType", f"bodies are {', '.join(taken)}, not {kind[:60]}", told)


def idempotency_key(headers: dict[bytes, bytes]) -> str | None:
    """The key under which a write may be repeated, if there is one."""
    key = headers.get(b"idempotency-key", b"").decode("latin-1")
    if len(key) > MAX_KEY or "\x00" in key:
        raise Problem(400, "invalidHeader", f"Idempotency-Key: at most {MAX_KEY} characters")
    return key or None


def if_match(headers: dict[bytes, bytes]) -> tuple[str, ...] | None:
    """The strong ETags of If-Match, or `*`; None when any state will do. A weak one never matches."""
    text = headers.get(b"if-match")
    return None if text is None else tuple(each.strip() for each in text.decode("latin-1").split(","))


def prefers(headers: dict[bytes, bytes], preference: str) -> bool:
    """Whether the client's Prefer header holds a preference (RFC 7240)."""
    text = headers.get(b"prefer", b"").decode("latin-1").lower()
    return any(each.split(";")[0].strip() == preference for each in text.split(","))


async def read_body(receive: Callable[[], Awaitable[Any]], headers: dict[bytes, bytes], most: int) -> bytes:
    """The whole body, refused with 413 as soon as it is known to be longer than `most` bytes."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > most:
        raise Problem(413, "bodyTooLarge", f"the body is longer than {most} bytes")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise Problem(413, "bodyTooLarge", f"the body is longer than {most} bytes")
        if not message.get("more_body", False):
            return b"".join(parts)
