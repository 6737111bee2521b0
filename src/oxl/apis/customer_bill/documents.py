"""The documents of bills, made by the worker and fetched over HTTP; what is not issued is drawn when asked for."""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from hashlib import sha256

from oxl.db.database import Tenant
from oxl.db.turns import attend
from oxl.documents.ubl import can_be_told, ubl_of
from oxl.engines.billing import documents
from oxl.engines.billing.documents import Made
from oxl.engines.billing.facts import Facts
from oxl.kernel.background import once, snapshot
from oxl.kernel.declare import Exchange, Stream, Streamed
from oxl.kernel.problem import Problem
from oxl.verbs import Work

log = logging.getLogger("oxl.documents")
PDF, UBL = "application/pdf", "application/xml"
_IDLE = 2.0  # seconds
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")  # in a file's name


def drawn(bill: str, facts: Facts) -> list[Made]:
    """The documents of a bill."""
    made = [Made(bill, "pdf", _pdf_of(facts))]
    return [*made, Made(bill, "ubl", ubl_of(facts))] if can_be_told(facts) else made


def _pdf_of(facts: Facts) -> bytes:
    from oxl.documents.pdf import pdf_of  # takes a tenth of a start to load, and only who draws needs it

    return pdf_of(facts)


async def make(work: Work) -> int:
    """Make the documents of some bills that have none; of how many. What cannot be drawn is logged and left out."""
    bills = await documents.due(work)
    facts = await documents.facts_of(work, bills)
    made: list[Made] = []
    failed: list[str] = []
    for bill in bills:
        try:
            made += await asyncio.to_thread(drawn, bill, facts[bill])
        except (ValueError, LookupError, ArithmeticError, TypeError):
            log.exception("the documents of bill %s cannot be made", bill)
            failed.append(bill)
    if bills:
        await documents.keep(work, facts, made, failed)
    return len(bills)


async def make_all(tenant: Tenant, tell: Callable[[int], None] | None = None) -> int:
    """Make all documents that are due; of how many bills."""
    total = 0
    while count := await once(tenant, make):
        total += count
        if tell:
            tell(total)
    return total


class Making:
    """A worker's making of documents."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def run(self, stop: asyncio.Event) -> None:
        """Make what is due until told to stop; the database may go and come back meanwhile."""
        await attend(stop, self._turn, _IDLE, "documents wait")

    async def _turn(self) -> bool:
        return bool(await once(self._tenant, make))


async def _content(exchange: Exchange, kind: str, media: str, suffix: str) -> Streamed:
    bill = exchange.resource_id
    found, facts = None, None
    if "\x00" not in bill:
        async with snapshot(exchange.tenant) as work:
            found = await documents.find(work, bill, kind)
            facts = (await documents.facts_of(work, [bill])).get(bill)
    if facts is None:
        raise Problem(404, "notFound", f"no customerBill has the id {bill[:100]!r}")
    if kind == "ubl" and not can_be_told(facts):
        raise Problem(404, "notFound", "this bill has no e-invoice: it is not issued, or its seller has no tax number")
    if found is None:
        content = await asyncio.to_thread(ubl_of if kind == "ubl" else _pdf_of, facts)
        found = (sha256(content).digest(), content)
    digest, content = found
    name = _UNSAFE.sub("", facts.number or "preview") or "bill"
    headers = (
        ("Content-Type", media),
        ("Content-Length", str(len(content))),
        ("Content-Disposition", f'inline; filename="{name}.{suffix}"'),
        ("ETag", f'"{digest.hex()}"'),
        ("Repr-Digest", f"sha-256=:{b64encode(digest).decode()}:"),
    )
    return headers, _whole(content)


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _stream(name: str, kind: str, media: str, suffix: str, summary: str) -> Stream:
    answer: Callable[[Exchange], Awaitable[Streamed]] = partial(_content, kind=kind, media=media, suffix=suffix)
    return Stream(name=name, method="GET", answer=answer, gives=media, summary=summary)


STREAMS = (
    _stream("pdf", "pdf", PDF, "pdf", "The bill as its customer reads it; of one that is not issued, a preview"),
    _stream("ubl", "ubl", UBL, "xml", "The bill as an e-invoice by EN 16931, in UBL 2.1"),
)
