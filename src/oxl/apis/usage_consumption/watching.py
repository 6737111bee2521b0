"""Watches the reports that open streams are about: one loop and one connection for all streams of a process.

The outbox wakes it. A single query then says whose figures have changed; only their reports are read anew, once for
however many streams. A stream holds at most the newest report that it has not sent, so that a slow one costs no memory,
and one that takes nothing for long is cut off.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.database import ABSENT, Tenant
from oxl.engines.consumption import consumption
from oxl.kernel import select
from oxl.kernel.declare import Resource
from oxl.outbox import outbox
from oxl.values import instant_text
from oxl.verbs import Work

log = logging.getLogger("oxl.streams")


class Pace(NamedTuple):
    """How a watch keeps time, in seconds; `most` streams at once, `together` reports in one statement, of which
    `beside` run at once.
    """

    gather: float = 0.2  # what happens within is told together
    poll: float = 2.0  # without being woken: what ends by time, or changes without an event
    slow: float = 30.0  # that a stream may take for one report
    beat: float = 15.0  # after which an idle stream is sent a comment
    most: int = 5000
    together: int = 50
    beside: int = 3


class _Whose(msgspec.Struct, rename={"accounts": "partyAccount"}):
    """Of a report, whose account it is."""

    accounts: list[dict[str, Any]]


class Report(NamedTuple):
    """A report with its mark: another one as soon as anything but the instant of reading is another."""

    mark: str
    doc: str


class Reader:
    """One open stream, in the task that serves it; `seen` is the mark of the last report that its client has."""

    def __init__(self, seen: str) -> None:
        self.seen = seen
        self.found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.is_over = False
        self.busy_since: float | None = None
        self.watching: asyncio.Task[None] | None = None
        self._task = asyncio.current_task()
        self._next: Report | None = None
        self._told = asyncio.Event()

    def offer(self, report: Report) -> None:
        """The newest report; it takes the place of one that was not sent."""
        if not self.found.done():
            self.found.set_result(True)
        self._next = report if report.mark != self.seen else None
        if self._next:
            self._told.set()

    def end(self) -> None:
        """There is nothing more to tell, or never was."""
        if not self.found.done():
            self.found.set_result(False)
        self.is_over = True
        self._told.set()

    def cut(self) -> None:
        """Break off a stream that takes nothing."""
        if self._task:
            self._task.cancel()

    async def take(self, patience: float) -> Report | None:
        """The next report; None when there is none for that long, or none any more."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), patience)
        self._told.clear()
        report, self._next = self._next, None
        if report:
            self.seen = report.mark
        return report


class _Subject:
    """A report that streams are about, as it last was."""

    def __init__(self) -> None:
        self.readers: set[Reader] = set()
        self.account = ""
        self.is_due = True


class Watch:
    """All open streams of one tenant in this process."""

    def __init__(self, tenant: Tenant, resource: Resource, pace: Pace) -> None:
        self.pace = pace
        self._tenant = tenant
        self._resource = resource
        self._subjects: dict[str, _Subject] = {}
        self._figures: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def streams(self) -> int:
        """How many are open."""
        return sum(len(subject.readers) for subject in self._subjects.values())

    def join(self, report_id: str, seen: str) -> Reader:
        """A new reader of a report."""
        reader = Reader(seen)
        subject = self._subjects.setdefault(report_id, _Subject())
        subject.readers.add(reader)
        subject.is_due = True
        self._wake.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return reader

    def leave(self, report_id: str, reader: Reader) -> None:
        """The reader has gone; where it was the last, nothing of its report is kept."""
        subject = self._subjects.get(report_id)
        if subject:
            subject.readers.discard(reader)
            if not subject.readers:
                del self._subjects[report_id]
                self._wake.set()

    def end(self) -> None:
        """End all streams."""
        for subject in self._subjects.values():
            for reader in subject.readers:
                reader.end()

    async def _run(self) -> None:
        while self._subjects:
            try:
                async with self._tenant.connection() as conn, outbox.heard(conn, self._hear):
                    while self._subjects:
                        self._wake.clear()
                        began = time.monotonic()
                        await self._tick(conn)
                        self._cut_slow()
                        await self._rest(began + self.pace.gather)
            except ABSENT as error:
                log.warning("streams wait, the database is away: %s", error)
                await asyncio.sleep(self.pace.poll)
            except Exception:
                log.exception("streams wait, their reports cannot be read")
                await asyncio.sleep(self.pace.poll)
        self._figures.clear()

    def _hear(self, _: str) -> None:
        self._wake.set()

    async def _rest(self, until: float) -> None:
        """Wait for news, and in any case until then: where reading takes long, it gathers enough meanwhile."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self.pace.poll)
        await asyncio.sleep(max(until - time.monotonic(), 0))

    async def _tick(self, conn: Any) -> None:
        """Read what has changed, and what nobody has read yet, and hand it on."""
        now = self._tenant.clock.now()
        accounts = {subject.account for subject in self._subjects.values() if subject.account}
        figures = await consumption.figures(Work(conn, now, self._tenant.name), accounts) if accounts else {}
        changed = {account for account, figure in figures.items() if self._figures.get(account) != figure}
        due = [name for name, subject in self._subjects.items() if subject.is_due or subject.account in changed]
        parts = iter([due[start : start + self.pace.together] for start in range(0, len(due), self.pace.together)])
        await asyncio.gather(*(self._read_some(now, parts) for _ in range(min(self.pace.beside, len(due)))))
        self._figures = figures

    async def _read_some(self, now: datetime, parts: Iterator[Sequence[str]]) -> None:
        for names in parts:
            async with self._tenant.connection() as conn:
                docs = await select.by_ids(conn, self._resource, now, list(names))
            self._hand_on(now, names, docs)

    def _hand_on(self, now: datetime, names: Sequence[str], docs: dict[str, str]) -> None:
        for name in names:
            subject = self._subjects.get(name)
            if subject is None:
                continue
            doc = docs.get(name)
            if doc is None:
                for reader in subject.readers:
                    reader.end()
                continue
            if not subject.account:
                subject.account = msgspec.json.decode(doc, type=_Whose).accounts[0]["id"]
            subject.is_due = False
            report = Report(mark_of(doc, now), doc)
            for reader in subject.readers:
                reader.offer(report)

    def _cut_slow(self) -> None:
        late = time.monotonic() - self.pace.slow
        for subject in self._subjects.values():
            for reader in subject.readers:
                if reader.busy_since is not None and reader.busy_since < late:
                    log.info("a stream is cut off: it took nothing for %s s", self.pace.slow)
                    reader.cut()


def mark_of(doc: str, now: datetime) -> str:
    """What tells a report from another one: all that it says but the instant at which it was read."""
    return hashlib.blake2b(doc.replace(instant_text(now), "").encode(), digest_size=12).hexdigest()
