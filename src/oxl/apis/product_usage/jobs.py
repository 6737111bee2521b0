"""Bulk work of TMF635: importing a file of usage. Each record goes the very way of a POST, in groups.

A killed import is simply run again: what was committed is found by its key and told as duplicate.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from oxl.apis.product_usage.mapping import Mapping
from oxl.apis.product_usage.reading import CREATE, Chunk, Place, chunks_of, shown
from oxl.db.database import Tenant
from oxl.engines.usage import imports
from oxl.engines.usage.case import Record
from oxl.engines.usage.imports import Apart, RefusedLine, apart
from oxl.engines.usage.restore import finish, restore
from oxl.kernel.background import BULK, bulk, change, once
from oxl.kernel.declare import Operation
from oxl.kernel.handle import Answer, Item
from oxl.verbs import Done, Refused

_TAKE = Operation(CREATE.api, CREATE.resource, restore)
_BESIDE = 3  # groups that are written beside each other
_Write = Callable[[list[int]], Awaitable[None]]
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


class _Lanes:
    """What is being written of a file: in lanes beside each other, each part after those that it has to wait for."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_BESIDE)
        self._ends: list[asyncio.Task[None]] = []  # of the parts begun last, at their places
        self.apart: Apart | None = None

    def begin(self, apart: Apart, write: _Write) -> list[asyncio.Task[None]]:
        """Write the parts as soon as lanes are free; their tasks."""
        before = [[end] for end in self._ends] if apart.follows else [self._ends] * len(apart.parts)
        self.apart = apart
        self._ends = [
            asyncio.create_task(self._after(ends, part, write)) for ends, part in zip(before, apart.parts, strict=True)
        ]
        return self._ends

    async def _after(self, ends: Sequence[asyncio.Task[None]], part: list[int], write: _Write) -> None:
        for end in ends:
            await end  # where it failed, what comes after it fails too: nothing is passed over
        async with self._free:
            await write(part)


async def import_file(
    tenant: Tenant, path: Path, mapping: Mapping | None = None, progress: Callable[[int, Report], None] | None = None
) -> Report:
    """Import a file of usage records; `progress` is told the bytes read and the report so far.

    While one chunk is at the database the next is read, and begun as far as it need not wait.
    """
    report, lanes = Report(), _Lanes()
    import_id = await once(tenant, lambda work: imports.start(work, path.name))
    taking: list[asyncio.Task[int]] = []
    async with aclosing(chunks_of(tenant, path, mapping)) as chunks:
        try:
            async for chunk in chunks:
                answers: dict[int, Answer] = {}
                ends = await _begun(tenant, chunk.records, lanes, answers) if chunk.records else []
                taking.append(asyncio.create_task(_taken(tenant, import_id, chunk, report, [*taking, *ends], answers)))
                await _told(taking[:-1], report, progress)
                del taking[:-1]
        finally:
            await _told(taking, report, progress)
    await change(tenant, CREATE.api, CREATE.resource, finish)
    await once(tenant, lambda work: imports.keep(work, import_id, counts_of(report), (), finished=True))
    return report


async def _told(
    taking: Sequence[asyncio.Task[int]], report: Report, progress: Callable[[int, Report], None] | None
) -> None:
    """Wait for all chunks that are being taken, and tell how far they are; what failed is raised then."""
    for at in await _ended(taking):
        if progress:
            progress(at, report)


async def _ended(tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
    """The results of tasks that have all come to their end; what the first has raised that failed."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return found


async def _taken(
    tenant: Tenant, import_id: str, chunk: Chunk, report: Report, before: Sequence[asyncio.Task[Any]],
    answers: dict[int, Answer],
) -> int:  # fmt: skip
    """Report on a chunk when its parts, and the chunk before it, are done; how many bytes have been read by then."""
    await _ended(before)
    refused = told_of(report, chunk.places, [answers[n].result for n in range(len(chunk.places))], chunk.refused)
    await once(tenant, lambda work: imports.keep(work, import_id, counts_of(report), refused, finished=False))
    return chunk.at


def told_of(
    report: Report, places: Sequence[Place], results: Sequence[Done | Refused], refused: Sequence[RefusedLine] = ()
) -> list[RefusedLine]:
    """Count what records came to, and lines that were refused before; all lines that were not taken."""
    untaken = list(refused)
    for (number, raw, told), result in zip(places, results, strict=True):
        if isinstance(result, Done):
            report.count(result.status, result.reason or (f"was {told}" if told not in ("", result.status) else None))
        else:
            outcome = "duplicate" if result.kind == "conflict" else "rejected"
            untaken.append(RefusedLine(number, outcome, f"{result.code}: {result.message}", shown(raw)))
    for each in untaken:
        code, field, *_ = each.reason.split(": ")  # the message of a rejected record begins with the field at fault
        report.count(each.outcome, code if each.outcome == "duplicate" else field)
    return untaken


async def _begun(
    tenant: Tenant, records: Sequence[Record], lanes: _Lanes, answers: dict[int, Answer]
) -> list[asyncio.Task[None]]:
    """Begin to write the records in groups beside each other: while one waits for the database another is rated."""

    async def write(part: list[int]) -> None:
        step = max(-(-len(part) // max(round(len(part) / BULK), 1)), 1)
        for start in range(0, len(part), step):
            group = part[start : start + step]
            answers.update(zip(group, await bulk(tenant, _TAKE, [Item(records[n]) for n in group]), strict=True))

    found = await once(tenant, lambda work: apart(work, records, BULK, lanes.apart))
    return lanes.begin(found, write)


def counts_of(report: Report) -> dict[str, dict[str, int]]:
    """A report as it is kept."""
    return {"outcome": dict(report.outcome), "reason": dict(report.reason)}
