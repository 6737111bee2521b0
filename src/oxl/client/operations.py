"""What can be asked of any resource: each operation as a conversation that either transport holds.

Documents are dictionaries as the server sends them, numbers as int and Decimal, so that money stays exact and what a
vendor adds is not lost; `apis/` types them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

import msgspec

from oxl.client.asking import KEY, Answer, Retry, Send, Steps, exchange
from oxl.client.errors import ApiError

T = TypeVar("T")
Json = dict[str, Any]
Patch = Mapping[str, Any] | list[dict[str, Any]]

_READ = msgspec.json.Decoder(float_hook=Decimal)
_WRITE = msgspec.json.Encoder(decimal_format="number")
_JSON, _MERGE, _STEPS, _QUERY = (
    f"application/{kind}" for kind in ("json", "merge-patch+json", "json-patch+json", "json-patch-query+json")
)
_LINK = re.compile(r'<([^>]*)>[^,<]*?;\s*rel="?([a-z]+)"?')
_TAKES = {"Accept": _JSON}


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of resource: the base path of its API and its name; T is the type of its documents."""

    base: str
    name: str

    @property
    def path(self) -> str:
        """Where all of them are."""
        return f"{self.base}/{self.name}"

    def at(self, resource_id: str, *below: str) -> str:
        """Where one of them is, or what is below it."""
        return "/".join((self.path, *(quote(part, safe="") for part in (resource_id, *below))))


class Tagged(NamedTuple, Generic[T]):
    """A document and the ETag of the state that it shows, for If-Match."""

    document: T
    etag: str


class Page(NamedTuple, Generic[T]):
    """Documents of a list, and the query of those that follow; None: these were the last."""

    documents: list[T]
    following: str | None


def read(text: bytes | str) -> Any:
    """A document; numbers become int and Decimal. None of no text."""
    return _READ.decode(text) if text else None


def decoded(answer: Answer) -> Any:
    """The document of an answer."""
    return read(answer.body)


def asked(filters: Mapping[str, Any] | None, **others: object) -> str:
    """A query string of filters and parameters; those that are None or empty are left out, lists mean or."""
    pairs = [(name, value) for name, value in (filters or {}).items() if value is not None]
    pairs += [(name, value) for name, value in others.items() if value]
    texts = [
        (name, _text(each))
        for name, value in pairs
        for each in (value if isinstance(value, (list, tuple, set, frozenset)) else (value,))
    ]
    return urlencode(texts, safe="@$", quote_via=quote)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _fields(fields: Iterable[str]) -> str:
    return fields if isinstance(fields, str) else ",".join(fields)


def get(retry: Retry, kind: Kind[T], resource_id: str, fields: Iterable[str] = ()) -> Steps[Tagged[T]]:
    """GET one."""
    answer = yield from exchange(Send("GET", kind.at(resource_id), asked(None, fields=_fields(fields)), _TAKES), retry)
    return Tagged(decoded(answer), answer.headers.get("etag", ""))


def first_query(filters: Mapping[str, Any] | None, sort: Iterable[str], fields: Iterable[str], page: int) -> str:
    """The query of a list's first page."""
    return asked(filters, sort=_fields(sort), fields=_fields(fields), limit=page)


def page(retry: Retry, kind: Kind[T], query: str) -> Steps[Page[T]]:
    """One page of a list."""
    answer = yield from exchange(Send("GET", kind.path, query, _TAKES), retry)
    documents = decoded(answer)
    return Page(documents, following(query, answer.headers, len(documents)))


def following(query: str, headers: Mapping[str, str], shown: int) -> str | None:
    """The query of the next page; None after the last.

    By the server's own link where it gives links (OXL: a cursor, which neither doubles nor loses what moves meanwhile);
    else by counting, up to the total where it tells one, or until a page is not full.
    """
    links = {rel: target for target, rel in _LINK.findall(headers.get("link", ""))}
    if "next" in links:
        return urlsplit(links["next"]).query
    given = dict(parse_qsl(query, keep_blank_values=True))
    if not shown or "after" in given:
        return None
    reached = int(given.get("offset", 0)) + shown
    total = headers.get("x-total-count", "")
    more = reached < int(total) if total.isdigit() else shown >= int(given.get("limit", shown + 1))
    if not more:
        return None
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "offset"]
    return urlencode([*kept, ("offset", str(reached))], safe="@$", quote_via=quote)


def count(retry: Retry, kind: Kind[Any], filters: Mapping[str, Any] | None) -> Steps[int]:
    """How many meet the filters, counted exactly."""
    sent = Send("GET", kind.path, asked(filters, limit=1, fields="id"), _TAKES | {"Prefer": "count=exact"})
    answer = yield from exchange(sent, retry)
    total = answer.headers.get("x-total-count", "")
    return int(total) if total.isdigit() else len(decoded(answer))


def _written(method: str, path: str, body: Any, kind: str, key: str | None, **headers: str) -> Send:
    told = _TAKES | {"Content-Type": kind, KEY: key or str(uuid4())} | headers
    return Send(method, path, "", told, _WRITE.encode(body) if body is not None else None)


def create(retry: Retry, kind: Kind[T], body: Mapping[str, Any], key: str | None, later: bool) -> Steps[T]:
    """POST one, with the same key on every try; later: Prefer respond-async."""
    prefer = {"Prefer": "respond-async"} if later else {}
    return decoded((yield from exchange(_written("POST", kind.path, body, _JSON, key, **prefer), retry)))


def patch(
    retry: Retry, kind: Kind[T], resource_id: str, changes: Patch, etag: str, by_query: bool, key: str | None
) -> Steps[T]:
    """PATCH one: a mapping is a merge patch, a list are steps of a JSON patch, or of a JSON patch query."""
    form = _MERGE if isinstance(changes, Mapping) else _QUERY if by_query else _STEPS
    seen = {"If-Match": etag} if etag else {}
    sent = _written("PATCH", kind.at(resource_id), changes, form, key, **seen)
    return decoded((yield from exchange(sent, retry)))


def delete(retry: Retry, kind: Kind[Any], resource_id: str, etag: str, key: str | None) -> Steps[None]:
    """DELETE one."""
    seen = {"If-Match": etag} if etag else {}
    yield from exchange(_written("DELETE", kind.at(resource_id), None, _JSON, key, **seen), retry)


def save(retry: Retry, kind: Kind[Any], resource_id: str, name: str, into: Path) -> Steps[Path]:
    """GET what is below one, a file of any length, into a file."""
    yield from exchange(Send("GET", kind.at(resource_id, name), headers={"Accept": "*/*"}, into=into), retry)
    return into


def subscribe(retry: Retry, base: str, callback: str, query: str) -> Steps[Json]:
    """POST to the hub of an API; the same callback and query again are the same subscription."""
    body = {"callback": callback} | ({"query": query} if query else {})
    return decoded((yield from exchange(_written("POST", f"{base}/hub", body, _JSON, None), retry)))


def unsubscribe(retry: Retry, base: str, subscription_id: str) -> Steps[None]:
    """End a subscription; one that is gone is as good."""
    path = f"{base}/hub/{quote(subscription_id, safe='')}"
    try:
        yield from exchange(_written("DELETE", path, None, _JSON, None), retry)
    except ApiError as error:
        if error.status != 404:
            raise


def ask(retry: Retry, method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> Steps[Any]:
    """Any other request of the same server; writes carry a key."""
    if method in ("GET", "HEAD"):
        sent = Send(method, path, asked(query), _TAKES)
    else:
        sent = _written(method, path, body, _JSON, None)._replace(query=asked(query))
    return decoded((yield from exchange(sent, retry)))
