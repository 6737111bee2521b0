"""An import that any number of workers take part in: one reads the file and lays parts of it in the database, and they,
on whatever host, take them. The records go the very way of an import by one process, and come to the same.

No more lies ready than is soon taken, so a file of any length needs little room. Who is killed at a part has taken
nothing of it; when the reader is killed, what it laid is done, and the file is imported again as any other.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from oxl.apis.product_usage import mapping as mappings
from oxl.apis.product_usage.jobs import CREATE, Report, counts_of, told_of
from oxl.apis.product_usage.reading import Chunk, Place, chunks_of, shown
from oxl.db.database import ABSENT, LOST_RACE, Tenant
from oxl.db.turns import attend
from oxl.engines.usage import spread
from oxl.engines.usage.case import Record
from oxl.engines.usage.imports import RefusedLine, in_parts
from oxl.engines.usage.restore import finish, restore
from oxl.engines.usage.spread import LANES, Counts, Laid, Part
from oxl.kernel.background import BULK, change, once
from oxl.verbs import Done, Refused, Work

log = logging.getLogger("oxl.imports")
_TOGETHER = 2  # chunks that are laid at once: so that a part is about as long as a group that is written
_AHEAD = 128  # parts that lie ready at most
_BESIDE = 3  # parts that a process takes beside each other
_IDLE = 0.5  # seconds after which a worker looks for parts again
_WAIT = 0.1  # and one who waits for the last of them
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[list[Record], list[Place]])
_BROKEN = (ValueError, LookupError, ArithmeticError)  # what a record that nobody has provided for ends in


async def spread_file(
    tenant: Tenant, path: Path, mapping: mappings.Mapping | None = None,
    progress: Callable[[int, Report], None] | None = None,
) -> Report:  # fmt: skip
    """Import a file beside all workers, and wait for them; `progress` is told the bytes done and the report so far."""
    import_id = await once(tenant, lambda work: spread.start(work, path.name))
    order, untaken, read, records, told = _Order(), Report(), 0, 0, 0

    async def tell() -> Report | None:
        """What it came to, once it is at its end."""
        nonlocal told
        found = await once(tenant, lambda work: spread.standing(work, import_id))
        report = _sum(found.counts)
        told = max(told, read * report.records // max(records, 1))
        if progress:
            progress(told, report)
        return report if found.finished else None

    async with aclosing(chunks_of(tenant, path, mapping)) as chunks:
        async for chunk in _together(chunks):
            await _lay(tenant, import_id, order, untaken, chunk)
            read, records = chunk.at, records + len(chunk.places) + len(chunk.refused)
            while (await once(tenant, lambda work: spread.undone(work, import_id)))[0] >= _AHEAD:
                if not await _help(tenant, import_id):
                    await asyncio.sleep(_WAIT)
                await _book(tenant, import_id)
                await tell()
    await once(tenant, lambda work: spread.end(work, import_id))
    while (report := await tell()) is None:
        if not await _help(tenant, import_id):
            await _book(tenant, import_id)
            await asyncio.sleep(_WAIT)
    return report


class Taking:
    """A worker's part in the imports of a tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def run(self, stop: asyncio.Event) -> None:
        """Take parts until told to stop; the database may go and come back meanwhile."""

        async def turn() -> bool:
            try:
                return not stop.is_set() and await take_due(self._tenant)
            except (*ABSENT, *LOST_RACE):
                raise
            except Exception:  # a worker has other duties
                log.exception("parts of imports cannot be taken")
                return False

        await attend(stop, turn, _IDLE, "parts of imports wait")


async def take_due(tenant: Tenant) -> bool:
    """Take a part or some of each import that has any which nobody has at hand; whether there were any."""
    taken = False
    for import_id in await once(tenant, spread.due):
        taken |= await _help(tenant, import_id)
        await _book(tenant, import_id)
    return taken


# ── laying ──

_Place = tuple[int, int, int]  # number, lane, behind


class _Order:
    """In which order parts are to be taken: lanes beside each other, as long as no key is in two of them."""

    def __init__(self) -> None:
        self.number = 0  # of the last part that was laid
        self._behind = 0
        self._met: deque[tuple[int, Mapping[bytes, int]]] = deque()  # of parts that may not be done: last number, keys

    def lanes(self, parts: Sequence[Sequence[int]], met: Mapping[bytes, int], first: int | None) -> list[_Place]:
        """The places of parts that come next: lane by lane, or one alone. `first`: of those not done the first."""
        while self._met and (first is None or self._met[0][0] < first):
            self._met.popleft()
        elsewhere = any(old.get(key, lane) != lane for _, old in self._met for key, lane in met.items())
        if len(parts) == 1 or elsewhere:
            self._behind = self.number
        found = []
        for lane, part in enumerate(parts):
            if part:
                self.number += 1
                found.append((self.number, lane, self._behind))
        if len(parts) == 1:
            self._behind = self.number
        self._met.append((self.number, met))
        return found


async def _together(chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    """Some chunks at a time as one."""
    held = Chunk()
    n = 0
    async for chunk in chunks:
        n += 1
        held = Chunk(
            [*held.records, *chunk.records], [*held.places, *chunk.places], [*held.refused, *chunk.refused], chunk.at,
            chunk.last,
        )  # fmt: skip
        if chunk.last or n % _TOGETHER == 0:
            yield held
            held = Chunk()


async def _lay(tenant: Tenant, import_id: str, order: _Order, untaken: Report, chunk: Chunk) -> None:
    """Lay what makes records in parts, and tell of what does not."""
    refused = told_of(untaken, (), (), chunk.refused)
    found = await once(tenant, lambda work: in_parts(work, chunk.records, LANES))
    _, first = await once(tenant, lambda work: spread.undone(work, import_id))
    parts = [part for part in found.parts if part]
    places = order.lanes(found.parts, found.met, first) if parts else []
    packed = await asyncio.to_thread(lambda: [_packed(chunk, part) for part in parts])
    laid = [Laid(*place, lines) for place, lines in zip(places, packed, strict=True)]

    async def keep(work: Work) -> None:
        await spread.lay(work, import_id, laid)
        if refused:
            await spread.refuse(work, import_id, refused, counts_of(untaken))

    await once(tenant, keep)


def _packed(chunk: Chunk, part: Sequence[int]) -> bytes:
    return zlib.compress(_ENCODER.encode([[chunk.records[n] for n in part], [chunk.places[n] for n in part]]), 1)


# ── taking ──


async def _help(tenant: Tenant, import_id: str) -> bool:
    """Take some parts beside each other; whether there was one."""
    return any(await asyncio.gather(*(_take(tenant, import_id) for _ in range(_BESIDE))))


async def _take(tenant: Tenant, import_id: str) -> bool:
    """Take what a transaction takes of a part that nobody has at hand; whether there was one."""
    held: list[Part] = []
    try:
        await _turn(tenant, import_id, held)
    except _BROKEN:
        if not held:
            raise
        await _singly(tenant, held[-1])
    return bool(held)


async def _turn(tenant: Tenant, import_id: str, held: list[Part], only: Part | None = None, why: str = "") -> None:
    """One transaction: records of a part, what they came to, and how far the part is. `held` gets the part.

    Of one part only: one record, which is refused where a reason is given.
    """

    async def verb(work: Work) -> Sequence[Done | Refused]:
        held.clear()
        part = await spread.take(work, import_id, only.lane if only else None)
        if part is None or (only and part.number != only.number):
            return ()
        held.append(part)
        records, places = _DECODER.decode(zlib.decompress(part.lines))
        left = len(records) - part.taken
        until = part.taken + (1 if only else left if left < 1.5 * BULK else BULK)
        now, theirs = records[part.taken : until], places[part.taken : until]
        broken = [RefusedLine(n, "rejected", why, shown(raw)) for n, raw, _ in theirs] if why else ()
        results = [] if broken else await restore(work, now)
        report = _sum([part.counts])
        refused = told_of(report, () if broken else theirs, results, broken)
        await spread.keep(work, part, until if until < len(records) else None, counts_of(report), refused)
        return results

    await change(tenant, CREATE.api, CREATE.resource, verb)


async def _singly(tenant: Tenant, part: Part) -> None:
    """Take a part record by record, since one of them breaks the group; that one is refused."""
    held = [part]
    while held:
        try:
            await _turn(tenant, part.import_id, held, part)
        except _BROKEN as error:
            log.exception("a record of import %s, part %s, cannot be taken", part.import_id, part.number)
            why = f"internalError: record: {type(error).__name__}: {error}"
            await _turn(tenant, part.import_id, held, part, why)


async def _book(tenant: Tenant, import_id: str) -> None:
    """Bring the report of an import up to date, and end it where all of it is done."""

    async def verb(work: Work) -> Sequence[Done]:
        over = await spread.hold(work, import_id)
        if over is None:
            return ()
        done = await finish(work) if over else ()
        report = _sum((await spread.standing(work, import_id)).counts)
        await spread.book(work, import_id, counts_of(report), over)
        return done

    await change(tenant, CREATE.api, CREATE.resource, verb)


def _sum(counts: Sequence[Counts]) -> Report:
    report = Report()
    for each in counts:
        report.outcome.update(each.get("outcome", {}))
        report.reason.update(each.get("reason", {}))
    return report
