"""The embedded PostgreSQL from the outside: who joins gets a private server, and nobody's death leaves one behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ground import LINGER, Ground, laid_out, mode, quiet
from tests.waiting import PATIENCE, until_now

from oxl.db.embedded import CLUSTER, LEASES, EmbeddedError, find_binaries, join, read_record, write_durably


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Ground, dict[str, Any]]]:
    """A ground with the server of its first join, to be looked at only."""
    with laid_out() as ground:
        yield ground, ground.hold()[1]


def test_first_join_makes_a_private_server(served: tuple[Ground, dict[str, Any]]) -> None:
    ground, reach = served
    assert ground.ask(reach, "show data_checksums") == "on"
    assert ground.ask(reach, "show server_encoding") == "UTF8"
    assert ground.ask(reach, "select datcollate from pg_database where datname = 'oxl'") == "C"
    assert ground.ask(reach, "show fsync") == "on"
    for name in ("cluster.json", "secrets.json", "supervisor.lock", "supervisor.log"):
        assert mode(ground.data / name) == 0o600
    assert mode(Path(reach["host"])) == 0o700
    assert mode(ground.data / read_record(ground.data / CLUSTER)["location"]) == 0o700
    assert mode(ground.data) & 0o066 == 0


def test_only_the_password_opens_it(served: tuple[Ground, dict[str, Any]]) -> None:
    ground, reach = served
    refused = ground.psql(reach | {"password": "wrong"}, "select 1")
    assert refused.returncode == 2
    assert "password authentication failed" in refused.stderr
    rules = (ground.data / read_record(ground.data / CLUSTER)["location"] / "pg_hba.conf").read_text()
    assert "trust" not in [word for line in rules.splitlines() if not line.startswith("#") for word in line.split()]


def test_nothing_listens_on_tcp(served: tuple[Ground, dict[str, Any]]) -> None:
    ground, reach = served
    assert ground.ask(reach, "show listen_addresses") == ""
    sockets = {os.readlink(link) for link in Path(f"/proc/{reach['pid']}/fd").iterdir()}
    listening = [
        row.split()
        for table in ("tcp", "tcp6")
        if Path("/proc/net", table).exists()
        for row in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    assert not [row for row in listening if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]


def test_second_process_joins_and_outlives_the_first(ground: Ground) -> None:
    first, one = ground.hold()
    second, two = ground.hold()
    assert one["pid"] == two["pid"]
    ground.leave(first)
    time.sleep(3 * LINGER)
    assert ground.ask(two, "select 1") == "1"
    ground.leave(second)
    until_now(ground.gone)


def test_four_first_joins_start_one_server(bare: Ground) -> None:
    holders = [bare.start() for _ in range(4)]
    assert len({bare.reach(holder)["pid"] for holder in holders}) == 1
    until_now(lambda: len(bare.supervisors()) == 1)  # those who came too late are about to leave


def test_many_leases_in_one_process(ground: Ground) -> None:
    with join(ground.data, quiet) as first:
        with ThreadPoolExecutor(8) as threads:
            leases = list(threads.map(lambda _: join(ground.data, quiet), range(20)))
        assert {lease.pid for lease in leases} == {first.pid}
        for lease in leases:
            lease.close()
            lease.close()
        time.sleep(3 * LINGER)
        assert not first.lost
        assert ground.ask(vars(first), "select 1") == "1"
    assert first.wait_lost(0)
    until_now(ground.gone)


def test_rejoin_while_it_stops(ground: Ground) -> None:
    for _ in range(3):
        with join(ground.data, quiet) as lease:
            assert ground.ask(vars(lease), "select 1") == "1"
        time.sleep(LINGER)


def test_killed_holder_leaves_no_server(ground: Ground) -> None:
    holder, _ = ground.hold()
    holder.kill()
    until_now(ground.gone)


def test_killed_supervisor_takes_the_server_along(ground: Ground) -> None:
    lease = join(ground.data, quiet)
    ground.ask(vars(lease), "create table kept as select 1 as one")
    (supervisor,) = ground.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    assert lease.wait_lost(PATIENCE)
    with join(ground.data, quiet) as again:  # at once, while the old server may still be shutting down
        assert again.pid != lease.pid
        assert ground.ask(vars(again), "select one from kept") == "1"
    lease.close()
    until_now(ground.gone)
    assert "was interrupted" not in (ground.data / "supervisor.log").read_text()


def test_killed_supervisor_with_no_one_to_rejoin(ground: Ground) -> None:
    with join(ground.data, quiet) as lease:
        os.kill(ground.supervisors()[0], signal.SIGKILL)
        assert lease.wait_lost(PATIENCE)
        until_now(ground.gone)


def test_all_killed_and_committed_rows_are_there(ground: Ground) -> None:
    lease = join(ground.data, quiet)
    ground.ask(vars(lease), "create table kept as select 1 as one")
    for pid in [*ground.supervisors(), lease.pid]:
        os.kill(pid, signal.SIGKILL)
    assert lease.wait_lost(PATIENCE)
    lease.close()
    said: list[str] = []
    with join(ground.data, said.append) as again:
        assert ground.ask(vars(again), "select one from kept") == "1"
    assert "recovering after a crash" in said


def test_killed_postmaster_is_started_again(ground: Ground) -> None:
    with join(ground.data, quiet) as lease:
        first = lease.pid
        ground.ask(vars(lease), "create table kept as select 1 as one")
        os.kill(first, signal.SIGKILL)
        until_now(lambda: not lease.lost and lease.pid != first)
        assert ground.ask(vars(lease), "select one from kept") == "1"


def test_busy_orphan_does_not_block_the_restart(ground: Ground) -> None:
    with join(ground.data, quiet) as lease:
        first = lease.pid
        endless = ground.psql_command(
            vars(lease), "select count(*) from generate_series(1, 100000000000) g where g % 7 = 8"
        )
        with subprocess.Popen(endless, env={"PGPASSWORD": lease.password}, stderr=subprocess.DEVNULL) as busy:
            until_now(
                lambda: (
                    ground.ask(vars(lease), "select count(*) from pg_stat_activity where query like '%g % 7%'") == "2"
                )
            )
            os.kill(first, signal.SIGKILL)
            until_now(lambda: not lease.lost and lease.pid != first)
            assert ground.ask(vars(lease), "select 1") == "1"
            busy.kill()


def test_terminated_supervisor_stops_cleanly(ground: Ground) -> None:
    with join(ground.data, quiet) as lease:
        os.kill(ground.supervisors()[0], signal.SIGTERM)
        assert lease.wait_lost(PATIENCE)
        until_now(ground.gone)
    assert "database system is shut down" in (ground.data / "supervisor.log").read_text()


def test_settings_come_from_the_environment(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXL_PG_WORK_MEM", "7MB")
    monkeypatch.setenv("OXL_PG_LISTEN_ADDRESSES", "*")  # not ours to give away
    with join(ground.data, quiet) as lease:
        assert ground.ask(vars(lease), "show work_mem") == "7MB"
        assert ground.ask(vars(lease), "show listen_addresses") == ""


def test_refused_setting_is_told_in_its_words(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OXL_PG_SHARED_BUFFERS", "plenty")
    with pytest.raises(EmbeddedError, match="shared_buffers"):
        join(ground.data, quiet)
    until_now(ground.gone)


def test_data_of_another_major_asks_for_an_upgrade(bare: Ground) -> None:
    bare.data.mkdir()
    write_durably(bare.data / CLUSTER, {"major": 9, "location": "pg-9", "socket": str(bare.data), "port": 5432})
    with pytest.raises(EmbeddedError, match="oxl upgrade"):
        join(bare.data, quiet)


def test_lost_database_is_never_replaced_by_an_empty_one(ground: Ground) -> None:
    join(ground.data, quiet).close()
    until_now(ground.gone)
    shutil.rmtree(ground.data / read_record(ground.data / CLUSTER)["location"])
    with pytest.raises(EmbeddedError, match="is missing"):
        join(ground.data, quiet)


def test_long_folder_gets_a_short_socket(bare: Ground) -> None:
    bare.data = bare.root / ("long" * 20) / "data"
    with join(bare.data, quiet) as lease:
        assert len(lease.host) + len("/.s.PGSQL.5432") < 100
        assert mode(Path(lease.host)) == 0o700
        assert bare.ask(vars(lease), "select 1") == "1"
    until_now(bare.gone)
    with join(bare.data, quiet) as again:
        assert again.host == lease.host
    until_now(bare.gone)
    shutil.rmtree(lease.host)


def test_stranger_under_the_old_pid_does_not_block(ground: Ground) -> None:
    join(ground.data, quiet).close()
    until_now(ground.gone)
    folder = ground.data / read_record(ground.data / CLUSTER)["location"]
    with subprocess.Popen(["sleep", "3600"], **({"user": folder.owner()} if os.geteuid() == 0 else {})) as stranger:
        try:
            pid_file = folder / "postmaster.pid"
            pid_file.write_text(f"{stranger.pid}\n{folder}\n1\n5432\n\n\n\nready\n")
            os.chown(pid_file, folder.stat().st_uid, folder.stat().st_gid)
            with join(ground.data, quiet) as lease:
                assert ground.ask(vars(lease), "select 1") == "1"
        finally:
            stranger.kill()


def test_dead_socket_is_not_mistaken_for_a_server(ground: Ground) -> None:
    join(ground.data, quiet).close()
    until_now(ground.gone)
    (Path(read_record(ground.data / CLUSTER)["socket"]) / LEASES).touch()
    with join(ground.data, quiet) as lease:
        assert ground.ask(vars(lease), "select 1") == "1"


def test_pgbin_that_holds_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGBIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match="PGBIN"):
        find_binaries()
