"""R10: the disk of the database is full: writes are refused with 503, reads go on, nothing that was taken is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import BALANCE
from tests.torture import oracle
from tests.torture.installation import installation, seed_of
from tests.torture.postgres import Postgres
from tests.waiting import PATIENCE, until

SIZE = "220m"


@pytest.fixture
def small() -> Iterator[Path]:
    """A folder on a disk of its own, which is small."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    mount = shutil.which("mount")
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", f"size={SIZE},mode=711", "oxl", folder], check=False)
    if not made or made.returncode:
        folder.rmdir()
        pytest.skip("a small disk of its own can only be mounted by root, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill(path: Path) -> None:
    """Take all the room that is left on a disk."""
    with path.open("wb") as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    os.write(file.fileno(), b"\0" * size)
            except OSError:
                continue


async def full(small: Path, rounds: int, say: pytest.CaptureFixture[str]) -> None:
    seed = seed_of()
    server = Postgres(small)
    logs = Path(
        tempfile.mkdtemp(prefix="oxl-test-")
    )  # the journal has room: without any, PostgreSQL stops to save itself
    shutil.copystat(server.cluster.folder, logs)
    journal = server.cluster.folder / "pg_wal"
    shutil.copytree(journal, logs / "pg_wal")
    for path in (logs, *logs.rglob("*")):
        shutil.chown(path, server.cluster.folder.stat().st_uid, server.cluster.folder.stat().st_gid)
    shutil.rmtree(journal)
    journal.symlink_to(logs / "pg_wal")
    try:
        await server.migrated()
        async with installation(seed, server=server) as under:
            async with under.under_load():
                for _ in range(rounds):
                    await under.until_answered(10)
                    fill(small / "filler")
                    refused = under.clients.unanswered + 12
                    await until(lambda refused=refused: under.clients.unanswered >= refused, 3 * PATIENCE)
                    async with under.clients.session.get(f"{BALANCE}/bucket/{under.clients.ground.mains[0]}") as answer:
                        assert answer.status == 200, "reads go on"
                    (small / "filler").unlink()
                    await under.until_answered(10)
            found = await under.faults(again=50)
            with say.disabled():
                print(f"\na full disk {rounds} times, {oracle.summary(under.clients)}; wrong: {len(found)}")
            assert not found, f"SEED={seed}: {found[:10]}"
    finally:
        await server.stop()
        os.close(server.log)
        shutil.rmtree(logs)


async def test_a_full_disk_refuses_writes_and_loses_none(small: Path, capsys) -> None:
    await full(small, 1, capsys)


@pytest.mark.torture
async def test_a_disk_that_is_full_again_and_again(small: Path, capsys) -> None:
    await full(small, 8, capsys)
