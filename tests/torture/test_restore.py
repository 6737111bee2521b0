"""R16, P9: a copy made under load, the journal kept, and the database as it was at a moment: what was acknowledged by
then is there, what came later is not.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.engines.books import fetch, sound
from tests.torture import oracle
from tests.torture.installation import installation, seed_of
from tests.torture.postgres import Postgres
from tests.waiting import until

from oxl.db import cluster as clusters
from oxl.db.embedded import OWNER


@asynccontextmanager
async def archiving() -> AsyncIterator[tuple[Postgres, Path]]:
    """A server that keeps its journal in a folder."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    server = Postgres(folder)
    kept = _folder(server, folder / "kept")
    server.settings |= {"archive_mode": "on", "archive_command": f"cp %p {kept}/%f", "wal_level": "replica"}
    try:
        await server.migrated()
        yield server, kept
    finally:
        await server.stop()
        os.close(server.log)
        shutil.rmtree(folder)


def _folder(server: Postgres, folder: Path) -> Path:
    """A folder that the server can write to."""
    folder.mkdir(mode=0o700)
    owner = server.cluster.folder.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    return folder


def copied(server: Postgres, place: Path) -> str:
    """A base backup, and what pg_verifybackup says of it."""
    asked = ["-h", str(server.cluster.socket), "-p", str(clusters.PORT), "-U", OWNER, "-D", str(place), "-c", "fast"]
    clusters.run(server.cluster, "pg_basebackup", *asked, "--no-sync", password=server.password)
    return clusters.run(server.cluster, "pg_verifybackup", str(place))


@asynccontextmanager
async def brought_back(server: Postgres, place: Path, kept: Path, moment: str) -> AsyncIterator[Any]:
    """The database of a copy as it was at a moment."""
    (place / "recovery.signal").touch()
    socket = _folder(server, place.parent / "back")
    cluster = server.cluster._replace(folder=place, socket=socket)
    told = {"restore_command": f"cp {kept}/%f %p", "recovery_target_time": moment, "recovery_target_action": "promote"}
    lock = os.open(place.parent / "back.lock", os.O_RDWR | os.O_CREAT)
    process: subprocess.Popen[bytes] = clusters.launch(cluster, lock, server.log, **server.settings, **told)
    os.close(lock)
    other = Postgres.__new__(Postgres)
    other.__dict__ |= server.__dict__ | {"cluster": cluster, "process": process}
    database = None
    try:
        await until(lambda: clusters.is_ready(cluster, process.pid) and not (place / "recovery.signal").exists())
        database = await other.open()
        yield await database.tenant("default")
    finally:
        if database is not None:
            await database.close()
        await other.stop()


async def restored(say: pytest.CaptureFixture[str], load: int) -> None:
    seed = seed_of()
    async with archiving() as (server, kept), installation(seed, server=server) as under:
        place = _folder(server, server.folder / "copy")
        async with under.under_load():
            await under.until_answered(load)
            assert "backup successfully verified" in await asyncio.to_thread(copied, server, place)
            await under.until_answered(load)
        before = {entry.answer["id"] for entry in under.clients.log if entry.outcome == "ok" and entry.method == "POST"}
        (row,) = await fetch(under.tenant, "select clock_timestamp()::text as at")
        await asyncio.sleep(0.01)
        async with under.under_load():
            await under.until_answered(load)
        after = {entry.answer["id"] for entry in under.clients.log if entry.outcome == "ok" and entry.method == "POST"}
        found = await under.faults(again=50)
        assert not found, f"SEED={seed}: {found[:10]}"
        async with Owner(server) as conn:
            await conn.execute("select pg_switch_wal()")
            last = await conn.fetchval("select pg_walfile_name(pg_current_wal_lsn() - 1)")
        await until((server.cluster.folder / "pg_wal" / "archive_status" / f"{last}.done").exists)
        began = time.monotonic()
        async with brought_back(server, place, kept, row["at"]) as tenant:
            took = time.monotonic() - began
            there = {each["resource_id"] for each in await fetch(tenant, "select resource_id from outbox")}
            await sound(tenant)
        with say.disabled():
            later = after - before
            print(f"\n{oracle.summary(under.clients)}; brought back in {took:.1f} s")
            print(f"  of {len(before)} acknowledged by then {len(before - there)} are missing", end=", ")
            print(f"of {len(later)} later ones {len(there & later)} are there")
        assert before <= there
        assert not there & (after - before)


class Owner:
    """A connection of the owner, for a while."""

    def __init__(self, server: Postgres) -> None:
        self._server = server

    async def __aenter__(self) -> Any:
        self._database = await self._server.open()
        self._held = self._database.owner()
        return await self._held.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._held.__aexit__(None, None, None)
        await self._database.close()


async def test_a_moment_is_brought_back_whole(capsys) -> None:
    await restored(capsys, 10)


@pytest.mark.torture
async def test_a_moment_is_brought_back_of_a_longer_time(capsys) -> None:
    await restored(capsys, 1500)
