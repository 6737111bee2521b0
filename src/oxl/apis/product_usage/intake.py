"""POST /productUsage/import: any number of records in one request, a line each; a line for each in the answer.

Records are taken in groups while they come. The answer begins when all have come, since few clients read while they
send; until then it waits on disk. When a request breaks off, what was taken is in, and sent again it is a duplicate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import msgspec

from oxl.apis.product_usage.files import MAX_LINE
from oxl.kernel import request, validate
from oxl.kernel.background import bulk
from oxl.kernel.declare import Exchange, Operation, Streamed
from oxl.kernel.handle import Item
from oxl.kernel.problem import Problem
from oxl.verbs import Done, Refused

MEDIA = "application/x-ndjson"
_GROUP = 500  # records in one transaction
_IN_MEMORY, _PART = 1 << 20, 1 << 18  # bytes


class _Line(msgspec.Struct, omit_defaults=True):
    """What one line came to: rated, notRated or failed with the record's id; duplicate or rejected with the reason."""

    line: int
    outcome: str
    id: str = ""
    reason: str = ""
    code: str = ""
    message: str = ""


async def take(exchange: Exchange) -> Streamed:
    """Take the records of a request; 200 with the outcome of each, in their order."""
    request.check_media_type(request.media_type(exchange.headers), (MEDIA,))
    spool: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 – closed when it has been sent
    try:
        group: list[tuple[int, bytes | None]] = []
        async for line in _lines(exchange.parts):
            group.append(line)
            if len(group) == _GROUP:
                spool.write(await _taken(exchange.tenant, exchange.operation, group))
                group = []
        spool.write(await _taken(exchange.tenant, exchange.operation, group))
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return (("Content-Type", MEDIA),), _parts(spool)


async def _parts(spool: IO[bytes]) -> AsyncIterator[bytes]:
    with spool:
        while part := spool.read(_PART):
            yield part


async def _lines(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes | None]]:
    """The lines of a body with their numbers, blank ones left out; None for one that is too long."""
    held, number, too_long = b"", 0, False
    async for part in parts:
        *whole, held = (held + part).split(b"\n")
        for line in whole:
            number += 1
            if too_long or len(line) > MAX_LINE:
                yield number, None
                too_long = False
            elif line.strip():
                yield number, line
        if len(held) > MAX_LINE:
            held, too_long = b"", True
    if too_long or held.strip():
        yield number + 1, None if too_long else held


async def _taken(tenant: Any, operation: Operation, group: list[tuple[int, bytes | None]]) -> bytes:
    """Write a group of lines; what each came to, as lines."""
    read = await asyncio.to_thread(lambda: [_item(operation, line) for _, line in group])
    items = [each for each in read if isinstance(each, Item)]
    answers = iter(await bulk(tenant, operation, items) if items else ())
    told = [
        _refused(number, each) if isinstance(each, Problem) else _answered(number, next(answers).result)
        for (number, _), each in zip(group, read, strict=True)
    ]
    return b"".join(msgspec.json.encode(each) + b"\n" for each in told)


def _item(operation: Operation, line: bytes | None) -> Item | Problem:
    try:
        if line is None:
            raise Problem(400, "invalidBody", f"line: is longer than {MAX_LINE} bytes")
        return Item(validate.check(operation.resource, validate.parse(line), operation.api))
    except Problem as problem:
        return problem


def _refused(number: int, problem: Problem) -> _Line:
    return _Line(number, "rejected", code=problem.code, message=str(problem))


def _answered(number: int, result: Done | Refused) -> _Line:
    if isinstance(result, Done):
        return _Line(number, result.status, result.id, result.reason or "")
    outcome = "duplicate" if result.kind == "conflict" else "rejected"
    return _Line(number, outcome, result.reference or "", code=result.code, message=result.message)
