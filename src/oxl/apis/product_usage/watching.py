"""The watched folder: the worker imports the usage files that are put there, and keeps each with what it came to.

A file stays where it is until all of it is in. A worker that dies leaves it there for the next, which takes it from the
beginning: what was in is a duplicate then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from oxl.apis.product_usage.jobs import Report, import_file
from oxl.apis.product_usage.mapping import read_mapping
from oxl.clock import system_now
from oxl.db.database import ABSENT, LOST_RACE, Tenant
from oxl.db.turns import attend
from oxl.engines.usage import imports

log = logging.getLogger("oxl.imports")
MAPPING = "mapping.yaml"  # in the folder: how rows of CSV files that no export has written become records
DONE, FAILED = "done", "failed"
_QUIET = timedelta(seconds=2)  # a file that was changed later than that may still be growing
_IDLE = 1.0  # seconds
_PARTIAL = (".part", ".tmp", ".filepart")


class Watch:
    """A worker's import of a folder into a tenant. `now` is the system's time, which files are dated by."""

    def __init__(self, tenant: Tenant, folder: Path, now: Callable[[], datetime] = system_now) -> None:
        self._tenant = tenant
        self._folder = folder
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        """Import what comes until told to stop; the database may go and come back meanwhile."""

        async def turn() -> bool:
            for path in await asyncio.to_thread(self.waiting):
                if not stop.is_set():
                    await self.take(path)
            return False

        await attend(stop, turn, _IDLE, "files wait")

    def waiting(self) -> list[Path]:
        """The files that can be taken, by name: hidden ones, and those that are still being written, are not."""
        if not self._folder.is_dir():
            return []
        quiet = self._now() - _QUIET
        return [
            path
            for path in sorted(self._folder.iterdir())
            if not path.name.startswith(".")
            and path.suffix not in (*_PARTIAL, ".yaml")
            and path.is_file()
            and datetime.fromtimestamp(path.stat().st_mtime, UTC) < quiet
        ]

    async def take(self, path: Path) -> Report | None:
        """Import one file; None when another worker is at it, or it cannot be read at all."""
        async with self._tenant.connection() as conn:
            if not await imports.hold(conn, path.name):
                return None
            try:
                return await self._taken(path)
            finally:
                await imports.release(conn, path.name)

    async def _taken(self, path: Path) -> Report | None:
        try:
            plain = path.name.lower().removesuffix(".gz")
            rules = self._folder / MAPPING
            mapping = read_mapping(rules) if plain.endswith(".csv") and rules.exists() else None
            report = await import_file(self._tenant, path, mapping)
        except FileNotFoundError:
            return None  # another worker was faster
        except (ValueError, PermissionError) as error:
            return self._failed(path, str(error))
        except (*ABSENT, *LOST_RACE):
            raise
        except Exception:
            log.exception("%s failed", path.name)
            return self._failed(path, "an unexpected failure; the worker's log has the details")
        counts = {"outcome": dict(report.outcome), "reason": dict(report.reason)}
        self._keep(path, DONE, {"file": path.name, "records": report.records} | counts)
        return report

    def _failed(self, path: Path, why: str) -> None:
        log.warning("%s: %s", path.name, why)
        self._keep(path, FAILED, {"file": path.name, "error": why})

    def _keep(self, path: Path, place: str, told: dict) -> None:
        """Put the file away, its report beside it; an older one of that name stays."""
        folder = self._folder / place
        folder.mkdir(exist_ok=True)
        names = (path.name, *(f"{n}.{path.name}" for n in range(1, 1_000_000)))
        name = next(each for each in names if not (folder / each).exists())
        (folder / f"{name}.report.json").write_bytes(msgspec.json.format(msgspec.json.encode(told)))
        path.replace(folder / name)
