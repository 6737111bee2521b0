"""How a stored document goes out: href computed and put in front, attributes selected, pages announced in headers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from oxl.kernel.declare import Api, Resource

ALWAYS = ("id", "href", "@type")
_DOC = msgspec.json.Decoder(dict[str, msgspec.Raw])


def collection_href(prefix: str, api: Api, resource: Resource) -> str:
    """The href of a resource's collection."""
    return f"{prefix}{api.base}/{resource.name}"


def with_href(doc: str, resource_id: str, collection: str) -> str:
    """The document with its href, put in by text so that nothing in it is parsed or changed."""
    return f'{{"href": "{collection}/{resource_id}", {doc[1:]}'


def selected(doc: str, fields: Sequence[str]) -> str:
    """The document with only the first-level attributes asked for, and those that are always there."""
    wanted = {name.strip() for name in fields} | set(ALWAYS)
    kept = {name: value for name, value in _DOC.decode(doc).items() if name in wanted}
    return msgspec.json.encode(kept).decode()


def one(doc: str, resource_id: str, collection: str, fields: Sequence[str] | None) -> bytes:
    """One document, ready to send."""
    text = with_href(doc, resource_id, collection)
    return (text if fields is None else selected(text, fields)).encode()


def many(docs: Sequence[tuple[str, str]], collection: str, fields: Sequence[str] | None) -> bytes:
    """A list of (id, document), ready to send."""
    texts = [with_href(doc, resource_id, collection) for resource_id, doc in docs]
    if fields is not None:
        texts = [selected(text, fields) for text in texts]
    return f"[{','.join(texts)}]".encode()


def page_headers(offset: int, shown: int, total: int) -> list[tuple[str, str]]:
    """The counters of a list; a partial one also says which part it is (1-based)."""
    headers = [("X-Total-Count", str(total)), ("X-Result-Count", str(shown))]
    if shown < total:
        span = f"{offset + 1}-{offset + shown}" if shown else "*"
        headers.append(("Content-Range", f"items {span}/{total}"))
    return headers


def etag_of(doc: str) -> str:
    """The strong ETag of a stored document (its JSON text, without href)."""
    return f'"{hashlib.sha256(doc.encode()).hexdigest()[:32]}"'
