"""A request as the kernel reads it: the query split before it is decoded, the body up to its limit, the media type."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from oxl.kernel.problem import ClientGoneError, Problem, problems
from oxl.query import grammar

MAX_QUERY = 4096  # characters
MAX_KEY = 255
RESERVED = ("fields", "sort", "offset", "limit", "filter", "before", "after", "depth", "expand")
_NOT_YET = ("depth", "expand")
_ONCE = ("offset", "limit", "before", "after")
_RANGE = re.compile(r"items=([1-9]\d{0,8})-([1-9]\d{0,8})?", re.ASCII)
_JSON = ("application/json", "application/*", "*/*")


class Query(msgspec.Struct):
    """What a list or read is asked for. `filters` must all hold, each by any of its conditions."""

    filters: list[grammar.Term]
    fields: tuple[str, ...] | None
    offset: int
    limit: int
    paged: bool  # whether the client asked for a page
    by_offset: bool = False  # whether it counts its pages
    sort: tuple[str, ...] = ()  # attributes, those that descend with a - in front
    before: str | None = None
    after: str | None = None


@problems()
def parse_query(raw: str, cap: int) -> Query:
    """The query string, by the rules of TMF630 part 1 §4; Problem 400 or 414 naming the parameter at fault."""
    if len(raw) > MAX_QUERY:
        raise Problem(414, "queryTooLong", f"the query string is longer than {MAX_QUERY} characters")
    wanted: dict[str, list[str]] = {}
    asked: list[grammar.Part] = []
    for part in grammar.parts(raw):
        if part.symbol == "=" and part.name in RESERVED:
            wanted.setdefault(part.name, []).append(part.value)
        else:
            asked.append(part)
    for name in _NOT_YET:
        if name in wanted:
            raise Problem(501, "notImplemented", f"{name}: is not supported yet")
    for name in _ONCE:
        if len(wanted.get(name, ())) > 1:
            raise Problem(400, "invalidQuery", f"{name}: given twice")
    if len(given := [name for name in ("after", "before", "offset") if name in wanted]) > 1:
        raise Problem(400, "invalidQuery", f"{given[0]}: cannot be combined with {given[1]}")
    limit = min(_whole(wanted, "limit", cap, least=1), cap)
    offset = _whole(wanted, "offset", 0, least=0)
    fields = tuple(filter(None, ",".join(wanted["fields"]).split(","))) if "fields" in wanted else None
    sort = [name.strip() for name in ",".join(wanted.get("sort", ())).split(",")]
    return Query(
        grammar.terms(asked, wanted.get("filter", ())),
        fields,
        offset,
        limit,
        any(name in wanted for name in _ONCE),
        "offset" in wanted,
        tuple(filter(None, sort)),
        wanted.get("before", [None])[0],
        wanted.get("after", [None])[0],
    )


def take_range(query: Query, headers: dict[bytes, bytes], cap: int) -> bool:
    """Read a header `Range: items=11-20` into the query, and say whether there is one; other units are passed over.

    With If-Range it is too: lists have weak tags only, which never are the same by its rules (RFC 9110).
    """
    text = headers.get(b"range", b"").decode("latin-1")
    if text.partition("=")[0].strip().lower() != "items" or b"if-range" in headers:
        return False
    match = _RANGE.fullmatch(text.strip())
    first, last = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    if not match or (last and last < first):
        raise Problem(400, "invalidHeader", "Range: must be one span of items counted from 1, such as items=11-20")
    if query.paged:
        raise Problem(400, "invalidHeader", "Range: cannot be combined with offset, limit, before or after")
    query.offset, query.limit = first - 1, min(last - first + 1, cap) if last else cap
    query.paged = query.by_offset = True
    return True


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


def media_type(headers: Mapping[bytes, bytes]) -> str:
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


async def body_parts(receive: Callable[[], Awaitable[Any]]) -> AsyncIterator[bytes]:
    """A body of any length, part by part, as fast as its reader takes them."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("the client went away")
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def read_body(receive: Callable[[], Awaitable[Any]], headers: dict[bytes, bytes], most: int) -> bytes:
    """The whole body, refused with 413 as soon as it is known to be longer than `most` bytes."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > most:
        raise Problem(413, "bodyTooLarge", f"the body is longer than {most} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in body_parts(receive):
        parts.append(part)
        size += len(part)
        if size > most:
            raise Problem(413, "bodyTooLarge", f"the body is longer than {most} bytes")
    return b"".join(parts)
