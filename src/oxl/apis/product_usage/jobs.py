"""Bulk work of TMF635: importing a file of usage. Each record goes the very way of a POST, in groups.

A killed import is simply run again: what was committed is found by its key and told as duplicate.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from oxl.apis.product_usage.actions import origin_of
from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.product_usage.files import Line, Source, opened
from oxl.apis.product_usage.mapping import Mapping
from oxl.db.database import Tenant
from oxl.engines.catalog.catalog import Catalog
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.usage import imports
from oxl.engines.usage.case import record_of
from oxl.engines.usage.imports import RefusedLine, apart
from oxl.engines.usage.record import read_ahead
from oxl.engines.usage.restore import finish, restore
from oxl.kernel import validate
from oxl.kernel.background import BULK, bulk, change, once
from oxl.kernel.declare import Operation, operation_of
from oxl.kernel.handle import Answer, Item
from oxl.kernel.problem import Problem
from oxl.verbs import Done

CREATE = operation_of(PRODUCT_USAGE, "productUsage")
_TAKE = Operation(CREATE.api, CREATE.resource, restore)
_BODY = msgspec.json.Encoder(decimal_format="number")
_LINES, _BYTES = 8 * BULK, 16 << 20  # of a file that are held at a time, and as many that are read meanwhile
_BESIDE = 2  # groups that are written beside each other
OUTCOMES = ("rated", "notRated", "duplicate", "failed", "rejected")


class Report(msgspec.Struct):
    """What an import came to: records by outcome, which add up to all, and by reason where there is one."""

    outcome: Counter[str] = msgspec.field(default_factory=Counter)
    reason: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def records(self) -> int:
        """All records of the file."""
        return self.outcome.total()

    def count(self, outcome: str, reason: str | None) -> None:
        """One more record."""
        self.outcome[outcome] += 1
        if reason:
            self.reason[f"{outcome}: {reason}"] += 1


class _Chunk(msgspec.Struct):
    """The next lines of a file: those that make a body, and those that do not with their reason."""

    items: list[Item] = []
    lines: list[Line] = []
    told: list[str] = []  # of each item the status that the file says it came to, if it says so
    refused: list[RefusedLine] = []
    at: int = 0  # bytes read so far


async def import_file(
    tenant: Tenant, path: Path, mapping: Mapping | None = None, progress: Callable[[int, Report], None] | None = None
) -> Report:
    """Import a file of usage records; `progress` is told the bytes read and the report so far.

    While the groups of one chunk are at the database the next one is read.
    """
    report = Report()
    import_id = await once(tenant, lambda work: imports.start(work, path.name))
    with opened(path, mapping) as source:
        chunk = await _next(tenant, source)
        while chunk.lines or chunk.refused:
            taken = asyncio.create_task(_taken(tenant, import_id, chunk, report))
            try:
                following = await _next(tenant, source)
            finally:
                await taken
            if progress:
                progress(chunk.at, report)
            chunk = following
    await change(tenant, CREATE.api, CREATE.resource, finish)
    await once(tenant, lambda work: imports.keep(work, import_id, _counts(report), (), finished=True))
    return report


async def _next(tenant: Tenant, source: Source) -> _Chunk:
    catalog = await once(tenant, catalog_of)
    return await asyncio.to_thread(_read, source, catalog)


def _read(source: Source, catalog: Catalog) -> _Chunk:
    chunk, held = _Chunk([], [], [], []), 0
    for line in source.lines:
        try:
            item, told = _item(line, catalog)
        except Problem as problem:
            reason = line.fault or f"{problem.code}: {problem}"
            chunk.refused.append(RefusedLine(line.number, "rejected", reason, line.text))
        else:
            chunk.items.append(item)
            chunk.lines.append(line)
            chunk.told.append(told)
        held += len(line.raw)
        if held > _BYTES or len(chunk.items) + len(chunk.refused) == _LINES:
            break
    chunk.at = source.at()
    return chunk


def _item(line: Line, catalog: Catalog) -> tuple[Item, str]:
    """A line as something to write, and the status that it says it came to; Problem when it is none."""
    if line.fault:
        raise Problem(400, "invalidBody", line.fault)
    raw = line.body if isinstance(line.body, bytes) else _BODY.encode(line.body)
    body = validate.parse(raw)
    origin = origin_of(body)
    told = body.get("status") if origin else None
    checked = validate.check(CREATE.resource, body, None if origin else CREATE.api)
    return Item(read_ahead(catalog, record_of(checked, origin))), told if isinstance(told, str) else ""


async def _taken(tenant: Tenant, import_id: str, chunk: _Chunk, report: Report) -> None:
    answers = await _answers(tenant, chunk.items) if chunk.items else []
    refused = list(chunk.refused)
    for line, told, answer in zip(chunk.lines, chunk.told, answers, strict=True):
        result = answer.result
        if isinstance(result, Done):
            report.count(result.status, result.reason or (f"was {told}" if told not in ("", result.status) else None))
        else:
            outcome = "duplicate" if result.kind == "conflict" else "rejected"
            refused.append(RefusedLine(line.number, outcome, f"{result.code}: {result.message}", line.text))
    for each in refused:
        code, field, *_ = each.reason.split(": ")  # the message of a rejected record begins with the field at fault
        report.count(each.outcome, code if each.outcome == "duplicate" else field)
    await once(tenant, lambda work: imports.keep(work, import_id, _counts(report), refused, finished=False))


async def _answers(tenant: Tenant, items: Sequence[Item]) -> list[Answer]:
    """Write the items in groups, some beside each other: while one waits for the database another is rated."""
    parts = await once(tenant, lambda work: apart(work, [item.body for item in items], BULK))
    answers: dict[int, Answer] = {}
    lanes = asyncio.Semaphore(_BESIDE)

    async def write(part: list[int]) -> None:
        step = -(-len(part) // max(round(len(part) / BULK), 1))
        async with lanes:
            for start in range(0, len(part), step):
                group = part[start : start + step]
                answers.update(zip(group, await bulk(tenant, _TAKE, [items[n] for n in group]), strict=True))

    ends = await asyncio.gather(*map(write, parts), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [answers[n] for n in range(len(items))]


def _counts(report: Report) -> dict[str, dict[str, int]]:
    return {"outcome": dict(report.outcome), "reason": dict(report.reason)}
