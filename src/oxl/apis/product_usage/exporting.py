"""Does export jobs: leases one, streams what it asks for from one snapshot into a file, and tells what came of it.

A file gets its name only when it is whole and on disk. A worker that is killed leaves a nameless part behind, and its
job to the next when the lease has run out; that one begins again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from oxl.apis.product_usage.api import PRODUCT_USAGE
from oxl.apis.product_usage.clearing import clear_erased
from oxl.apis.product_usage.exports import conditions_of, format_for, must_be_known
from oxl.apis.product_usage.formats import Writer
from oxl.apis.product_usage.targets import BadTarget, Target, send, target_of
from oxl.db.database import ABSENT, LOST_RACE, Tenant
from oxl.db.turns import attend
from oxl.engines.usage import exports
from oxl.engines.usage.exports import Claim, Outcome
from oxl.kernel import select
from oxl.kernel.background import change, once, snapshot
from oxl.kernel.problem import Problem
from oxl.query.condition import Condition
from oxl.verbs import Done, Refusal, Work

log = logging.getLogger("oxl.exports")
USAGE, JOB = (
    next(each for each in PRODUCT_USAGE.resources if each.name == name) for name in ("productUsage", "exportJob")
)
CONTENT = "content"  # the path below a job at which its file can be fetched
BLOCK = 1 << 20  # bytes handed to a writer at a time
LEASE = timedelta(seconds=60)
_BEAT, _IDLE = 2.0, 1.0  # seconds


class LostError(Exception):
    """The job is somebody else's now, or was deleted."""


class FailedError(Exception):
    """The job cannot be done; the text is for whoever asked."""


class Exporter:
    """A worker's export of a tenant's usage into a folder. `now` is the system's time, by which leases run."""

    def __init__(
        self,
        tenant: Tenant,
        folder: Path,
        *,
        public: str = "",
        allow: str = "",
        lease: timedelta = LEASE,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._tenant = tenant
        self._folder = folder
        self._public = public
        self._allow = allow
        self._lease = lease
        self._now = now or tenant.clock.true
        self._swept: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Do what is asked for until told to stop; the database may go and come back meanwhile."""
        await attend(stop, self._turn, _IDLE, "exports wait")

    async def _turn(self) -> bool:
        if await self.work():
            return True
        if self._swept is None or self._now() - self._swept > self._lease:
            await self.sweep()
            self._swept = self._now()
        return False

    async def work(self) -> bool:
        """Do one job, if there is one to do."""
        held = await self._claimed()
        if held is None:
            return False
        try:
            outcome = await self._outcome(held)
        except LostError:
            log.info("export %s went to another worker, or was deleted", held.id)
            return True
        await self._told(lambda work: exports.finish(work, held, outcome))
        return True

    async def _claimed(self) -> Claim | None:
        held: Claim | None = None

        async def claim(work: Work) -> list[Done]:
            nonlocal held
            held, told = await exports.claim(work, self._now(), self._now() + self._lease)
            return told

        await self._told(claim)
        return held

    async def _told(self, verb: Callable[[Work], Any]) -> None:
        await change(self._tenant, PRODUCT_USAGE, JOB, verb)

    async def _outcome(self, held: Claim) -> Outcome:
        part = self._folder / f".{held.id}.{held.fence}.part"
        try:
            must_be_known(held.body.get("path", ""))
            target = target_of(held.body.get("url", ""), held.id, format_for(held.body).suffix, self._allow)
            rows = await self._written(held, part)
            size, checksum = await asyncio.to_thread(_finished, part, self._folder / target.name)
            if target.address:
                await self._sent(held, target, rows)
            url = target.address or f"{self._public}{PRODUCT_USAGE.base}/{JOB.name}/{held.id}/{CONTENT}"
            return Outcome(rows, size, checksum, url)
        except Refusal as refusal:
            return Outcome(error=str(refusal))
        except BadTarget as error:
            return Outcome(error=f"url: {error}")
        except (FailedError, Problem) as error:
            return Outcome(error=str(error))
        except (LostError, *ABSENT, *LOST_RACE):
            raise
        except Exception:
            log.exception("export %s failed", held.id)
            return Outcome(error="an unexpected failure; the worker's log has the details")
        finally:
            with suppress(OSError):  # the sweep comes by again
                part.unlink(missing_ok=True)

    async def _sent(self, held: Claim, target: Target, rows: int) -> None:
        path = self._folder / target.name
        sending = asyncio.create_task(send(path, target.address))
        try:
            while not (await asyncio.wait([sending], timeout=_BEAT))[0]:
                await self._beat(held, rows, rows)
            sending.result()
        except OSError as error:
            raise FailedError(f"url: {error}") from None
        finally:
            sending.cancel()
            path.unlink(missing_ok=True)

    async def _written(self, held: Claim, part: Path) -> int:
        """Write the file under its nameless name, synced; the number of records."""
        prefix = f"{self._public}{PRODUCT_USAGE.base}/{USAGE.name}"
        conditions = conditions_of(USAGE, held.body, f"{prefix}/")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = part.open("wb")
        except OSError as error:
            raise FailedError(f"the export folder cannot be written: {error.strerror}") from None
        with file:
            block = _Block(format_for(held.body).writer(file))
            stopped: BaseException | None = None
            try:
                async with snapshot(self._tenant) as work:
                    try:
                        await self._copied(held, work, conditions, prefix, block)
                    except BaseException as error:
                        stopped = error
                        raise
            except ABSENT as error:
                raise stopped or error from None
            await block.end(file)
        return block.rows

    async def _copied(self, held: Claim, work: Work, conditions: list[Condition], prefix: str, block: _Block) -> None:
        """Every record into blocks. When it has to stop the connection is cut: a COPY that is cancelled can hang."""
        total = await select.count(work.conn, USAGE, work.now, conditions)
        await self._beat(held, 0, total)
        copying = asyncio.create_task(select.copy(work.conn, USAGE, work.now, conditions, prefix, block.take))
        watched = (copying, block.failed)
        try:
            while not (await asyncio.wait(watched, timeout=_BEAT, return_when=asyncio.FIRST_COMPLETED))[0]:
                await self._beat(held, block.rows, total)
            if block.failed.done():
                block.failed.result()
            copying.result()
            await block.settled()
        except BaseException:
            work.conn.terminate()
            await asyncio.wait([copying])
            await block.abandon()
            raise

    async def _beat(self, held: Claim, rows: int, total: int) -> None:
        until = self._now() + self._lease
        if not await once(self._tenant, lambda work: exports.beat(work, held, rows, total, until)):
            raise LostError

    async def sweep(self) -> None:
        """Remove the files of jobs that were deleted, and the parts that lost workers have left."""
        await clear_erased(self._tenant, self._folder)
        found = await asyncio.to_thread(lambda: sorted(self._folder.glob("*")) if self._folder.is_dir() else [])
        if not found:
            return
        standing = await once(self._tenant, exports.holding)
        for path in found:
            if _is_left_over(path.name, standing):
                path.unlink(missing_ok=True)


def _is_left_over(name: str, standing: dict[str, int]) -> bool:
    """Whether a file is a job's own, and the job has gone or has a newer worker; other files are not ours."""
    if name.startswith(".") and name.endswith(".part"):
        job_id, _, fence = name[1 : -len(".part")].rpartition(".")
        return len(job_id) == 36 and (not fence.isdigit() or standing.get(job_id, -1) != int(fence))
    job_id = name.partition(".")[0]
    return len(job_id) == 36 and job_id.count("-") == 4 and job_id not in standing


class _Block:
    """Between the database, which sends parts as they come, and a writer, which wants whole lines in large blocks.

    While one block is written the next one comes; a third has to wait.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._held = bytearray()
        self._writing: asyncio.Task[None] | None = None
        self.rows = 0
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(self, part: bytes) -> None:
        """A part of the stream; after a failure, which `failed` tells, it goes nowhere."""
        if self.failed.done():
            return
        self._held += part
        if len(self._held) >= BLOCK:
            try:
                await self.settled()
            except FailedError as error:
                self.failed.set_exception(error)
                return
            length = self._held.rfind(b"\n") + 1
            self._writing = asyncio.create_task(self._write(bytes(self._held[:length])))
            del self._held[:length]

    async def settled(self) -> None:
        """Nothing is being written any more; FailedError when it could not be."""
        writing, self._writing = self._writing, None
        if writing:
            await writing

    async def abandon(self) -> None:
        """Let go of a file that will not be finished."""
        with suppress(FailedError):  # why it will not be is told already
            await self.settled()
        with suppress(OSError, ValueError):
            await asyncio.to_thread(self._writer.close)

    async def _write(self, block: bytes) -> None:
        if block:
            try:
                await asyncio.to_thread(self._writer.write, block)
            except OSError as error:
                raise FailedError(f"the file cannot be written: {error}") from None
            self.rows += block.count(b"\n")

    async def end(self, file: BinaryIO) -> None:
        """Write what is left and bring it to the disk."""
        await self.settled()
        await self._write(bytes(self._held))
        try:
            await asyncio.to_thread(self._writer.close)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        except OSError as error:
            raise FailedError(f"the file cannot be written: {error}") from None


def _finished(part: Path, path: Path) -> tuple[int, str]:
    """Give a whole file its name, which stays; its size and SHA-256."""
    with part.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path.stat().st_size, checksum
