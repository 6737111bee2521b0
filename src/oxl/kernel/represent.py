"""How a stored document goes out: href put in front, attributes selected, its tag, and the headers of a list."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from oxl.kernel.declare import Api, Resource

ALWAYS = ("id", "href", "@type")  # there however few attributes are asked for, in the objects inside too
_DOC = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TAG = re.compile(r'"[^"]*"')
Tree = dict[str, Any]  # attribute → what is wanted of it; nothing said: all


def collection_href(prefix: str, api: Api, resource: Resource) -> str:
    """The href of a resource's collection."""
    return f"{prefix}{api.base}/{resource.name}"


def with_href(doc: str, resource_id: str, collection: str) -> str:
    """The document with its href, put in by text so that nothing in it is parsed or changed."""
    return f'{{"href": "{collection}/{resource_id}", {doc[1:]}'


def tree_of(fields: Sequence[str]) -> Tree:
    """Dotted names as a tree; a name asked for as a whole is not narrowed by what else is asked of it."""
    tree: Tree = {}
    for name in sorted(field.strip() for field in fields):  # a.b comes after a
        here: Tree | None = tree
        *roots, last = name.split(".")
        for root in roots:
            here = here.setdefault(root, {}) if here is not None else None
        if here is not None:
            here[last] = None
    return tree


def selected(doc: str | msgspec.Raw, tree: Tree) -> dict[str, msgspec.Raw]:
    """Of a document's attributes those asked for, and those that are always there; unknown names are passed over."""
    kept: dict[str, msgspec.Raw] = {}
    for name, value in _DOC.decode(doc).items():
        wanted = tree.get(name, ()) if name not in ALWAYS else None
        part = value if wanted is None else _inside(value, wanted) if wanted else None
        if part is not None:
            kept[name] = part
    return kept


def _inside(value: msgspec.Raw, tree: Tree) -> msgspec.Raw | None:
    """The part of an object, or of the objects in an array, that a tree asks for; None when there is nothing of it."""
    match bytes(value)[:1]:
        case b"{":
            kept = selected(value, tree)
            return msgspec.Raw(msgspec.json.encode(kept)) if any(name in kept for name in tree) else None
        case b"[":
            parts = [part for each in _LIST.decode(value) if (part := _inside(each, tree)) is not None]
            return msgspec.Raw(msgspec.json.encode(parts)) if parts else None
    return None


def one(doc: str, resource_id: str, collection: str, fields: Sequence[str] | None) -> bytes:
    """One document, ready to send: to a GET, POST or PATCH."""
    text = with_href(doc, resource_id, collection)
    return text.encode() if fields is None else msgspec.json.encode(selected(text, tree_of(fields)))


def many(docs: Sequence[tuple[str, str]], collection: str, fields: Sequence[str] | None) -> bytes:
    """A list of (id, document), ready to send."""
    texts = [with_href(doc, resource_id, collection) for resource_id, doc in docs]
    if fields is None:
        return f"[{','.join(texts)}]".encode()
    tree = tree_of(fields)
    return msgspec.json.encode([selected(text, tree) for text in texts])


def etag_of(doc: str | bytes) -> str:
    """The strong entity tag of a document: of the whole of it without href, whatever attributes were asked for."""
    digest = blake2b(doc.encode() if isinstance(doc, str) else doc, digest_size=15).digest()
    return f'"{urlsafe_b64encode(digest).decode()}"'


def is_known(header: bytes, etag: str) -> bool:
    """Whether If-None-Match names the tag (RFC 9110: by weak comparison), so that nothing need be sent."""
    text = header.decode("latin-1")
    return text.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(text)


def page_headers(offset: int | None, shown: int, total: int, estimated: bool = False) -> list[tuple[str, str]]:
    """The counters of a list. A partial one says which part it is (1-based), unless it was reached by a cursor."""
    headers = [("X-Total-Count", str(total)), ("X-Result-Count", str(shown))]
    if estimated:
        headers.append(("X-Total-Count-Estimated", "true"))
    if shown < total and offset is not None:
        span = f"{offset + 1}-{offset + shown}" if shown else "*"
        headers.append(("Content-Range", f"items {span}/{'*' if estimated and shown else total}"))
    return headers
