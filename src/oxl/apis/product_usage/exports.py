"""What POST and DELETE of exportJob mean: a job that can be done is kept; the worker does it (`exporting.py`)."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import msgspec

from oxl.apis.product_usage.formats import FORMATS, Format, format_of
from oxl.apis.product_usage.model import ProductUsage
from oxl.apis.product_usage.targets import BadTarget, NotAllowed, folder_of, target_of
from oxl.engines.usage import exports
from oxl.kernel import filter as filters
from oxl.kernel import request
from oxl.kernel.declare import Exchange, Resource, Streamed
from oxl.kernel.problem import Problem
from oxl.query.condition import Condition
from oxl.settings import read_settings
from oxl.verbs import Done, Refused, Work, each_read, invalid

_BODY = msgspec.json.Encoder(decimal_format="number")
_PATHS = ("", "/", "/productUsage", "productUsage", "/tmf-api/productUsageManagement/v5/productUsage")
_PART = 1 << 18  # bytes
_ASKED = Resource(name="productUsage", type="ProductUsage", shape=ProductUsage, view="")


async def create(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /exportJob."""
    return await each_read(work, bodies, _job_of, exports.request)


async def delete(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /exportJob/{id}: the worker stops, and removes the file."""
    return await exports.forget(work, ids)


async def content(exchange: Exchange) -> Streamed:
    """GET /exportJob/{id}/content: the file of a job that succeeded, in parts; 404 where there is none to be had."""
    tenant, job_id = exchange.tenant, exchange.resource_id
    async with tenant.connection() as conn:
        found = None if "\x00" in job_id else await exports.find(Work(conn, tenant.clock.now(), tenant.name), job_id)
    if found is None:
        raise Problem(404, "notFound", f"no exportJob has the id {job_id[:100]!r}")
    status, body, checksum = found
    if status != "Succeeded":
        raise Problem(404, "notFound", f"status: the job is {status}; there is a file when it has Succeeded")
    settings, chosen = read_settings(), format_for(body)
    target = target_of(body.get("url", ""), job_id, chosen.suffix, settings.export_allow)
    path = folder_of(settings, tenant.name) / target.name
    try:
        file = None if target.address else await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:
        file = None
    if file is None:
        raise Problem(404, "notFound", "url: the file is not in this server's export folder")
    digest = b64encode(bytes.fromhex(checksum)).decode()
    headers = (
        ("Content-Type", chosen.media),
        ("Content-Length", str(os.fstat(file.fileno()).st_size)),
        ("Content-Disposition", f'attachment; filename="{target.name}"'),
        ("Repr-Digest", f"sha-256=:{digest}:"),
    )
    return headers, _parts(file)


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while part := await asyncio.to_thread(file.read, _PART):
            yield part


def _job_of(body: dict[str, Any]) -> str:
    """The body of a job that can be tried, as it is kept; Refusal of any other."""
    conditions_of(_ASKED, body, "")
    chosen = format_for(body)
    try:
        with suppress(NotAllowed):  # the job fails and tells so: the document has no refusal of it
            target_of(body.get("url", ""), "", chosen.suffix, read_settings().export_allow)
    except BadTarget as error:
        raise invalid("url", str(error)) from None
    return _BODY.encode(body).decode()


def must_be_known(path: str) -> None:
    """Refusal for a `path` that names nothing of what can be exported."""
    if path not in _PATHS:
        raise invalid("path", "only /productUsage can be exported")


def format_for(body: dict[str, Any]) -> Format:
    """The format that a job asks for; Refusal when there is no such format."""
    found = format_of(body.get("contentType", ""))
    if found is None:
        raise invalid("contentType", f"is none of {', '.join(FORMATS)}")
    return found


def conditions_of(resource: Resource, body: dict[str, Any], prefix: str) -> list[Condition]:
    """What a job's `query` asks for, by the grammar of lists; Refusal when it cannot be read, or is no filter."""
    try:
        query = request.parse_query(body.get("query", "").lstrip("?"), 1)
        if query.fields is not None or query.sort or query.paged:
            raise invalid("query", "filters only: an export has whole documents, all of them, in order of id")
        return filters.conditions(resource, query.filters, prefix)
    except Problem as problem:
        raise invalid("query", str(problem)) from None
