"""oxl upgrade: moves the embedded database of a data folder to the newest PostgreSQL installed, by dump and restore.

Old and new server run side by side with nobody else let in, and what they hold is compared before the one step that
counts: cluster.json names the new folder. A crash before it leaves the old database in use, a crash after it the new.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oxl.db import cluster as clusters
from oxl.db.cluster import PORT, Cluster, entering, environment, run
from oxl.db.embedded import (
    CLUSTER,
    DATABASE,
    LOG,
    OWNER,
    SECRETS,
    EmbeddedError,
    Say,
    all_binaries,
    read_record,
    sync_folder,
)
from oxl.db.queries import load
from oxl.db.supervisor import linger, record_place, take_charge, take_lock

q = load("oxl.db", "upgrade.sql")
Settle = Callable[[dict[str, Any]], None]


def upgrade(data: Path, say: Say, settle: Settle | None = None) -> tuple[int, int]:
    """Move a data folder to the newest PostgreSQL major found; gives (old major, new major), equal when it is there.

    settle: what is yet to be done to the copy before it counts, told how to reach it as its owner. Call it from the
    main thread with no lease open on the folder. EmbeddedError says what stood in the way; the old database is then
    untouched and still the one in use.
    """
    data = data.resolve()
    if not read_record(data / CLUSTER):
        raise EmbeddedError(f"there is no database in {data} to upgrade")
    lock = take_charge(data, patience=linger() + 1)
    if lock is None:
        raise EmbeddedError(f"the database in {data} is in use: stop every OXL process that uses it, then upgrade")
    try:
        return _upgrade(data, say, settle)
    finally:
        os.close(lock)


def _upgrade(data: Path, say: Say, settle: Settle | None) -> tuple[int, int]:
    major = read_record(data / CLUSTER)["major"]
    newest = max(all_binaries(), key=lambda found: found.major)
    if newest.major <= major:
        say(f"PostgreSQL {major} is the newest here: nothing to do")
        return major, major
    old = clusters.place(data, say)
    new = old._replace(
        binaries=clusters.reachable(newest, old.user, say), folder=old.folder.with_name(f"pg-{newest.major}")
    )
    password = read_record(data / SECRETS)["password"]
    shutil.rmtree(new.folder, ignore_errors=True)  # what an upgrade that was cut off has left
    say(f"making a new PostgreSQL {newest.major} database")
    clusters.initialise(new, password, database=False)
    with (
        _socket_folders(old, new) as (source, target),
        (data / LOG).open("ab") as log,
        _serving(source, data / "server.lock", log.fileno(), say),
        _serving(target, data / "upgrade.lock", log.fileno(), say, synchronous_commit="off"),
    ):
        _copy(source, target, password, say)
        say("comparing the two")
        _compare(source, target, password)
        if settle is not None:
            reach = {"host": str(target.socket), "port": PORT, "database": DATABASE}
            settle(reach | {"user": OWNER, "password": password})
    record_place(data, new)  # from here on the new one is the database
    kept = _free_name(old.folder.parent, f"pg-{major}.old")
    old.folder.rename(kept)
    sync_folder(kept.parent)
    say(f"PostgreSQL {newest.major} is in use; the old database is kept in {kept} until you remove it")
    return major, newest.major


def _free_name(home: Path, name: str) -> Path:
    taken = 0
    while (path := home / (f"{name}{taken}" if taken else name)).exists():
        taken += 1
    return path


@contextmanager
def _socket_folders(*clusters: Cluster) -> Iterator[list[Cluster]]:
    """The clusters, each at a socket of its own for a while, where nobody else looks for it."""
    folders = [Path(tempfile.mkdtemp(prefix="oxl-")) for _ in clusters]
    try:
        for cluster, folder in zip(clusters, folders, strict=True):
            if cluster.user:
                os.chown(folder, cluster.user.pw_uid, cluster.user.pw_gid)
        yield [cluster._replace(socket=folder) for cluster, folder in zip(clusters, folders, strict=True)]
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _serving(cluster: Cluster, lock: Path, log: int, say: Say, **settings: str) -> Iterator[None]:
    """The cluster with its server up; afterwards cleanly shut down, so that all of it is on disk."""
    while (handle := take_lock(lock)) is None:
        say("waiting for the last processes of the previous server to end")
        time.sleep(1)
    say(f"starting PostgreSQL {cluster.binaries.version}")
    server = clusters.launch(cluster, handle, log, **settings)
    os.close(handle)
    try:
        while not clusters.is_ready(cluster, server.pid):
            if server.poll() is not None:
                raise EmbeddedError(
                    f"PostgreSQL {cluster.binaries.version} did not start: see {LOG} in the data folder"
                )
            time.sleep(0.02)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    if server.returncode:
        raise EmbeddedError(f"PostgreSQL {cluster.binaries.version} did not stop cleanly: see {LOG} in the data folder")


def _at(cluster: Cluster) -> list[str]:
    return ["-h", str(cluster.socket), "-p", str(PORT), "-U", OWNER]


def _psql(cluster: Cluster, database: str) -> list[str]:
    return ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *_at(cluster), "-d", database]


def _copy(old: Cluster, new: Cluster, password: str, say: Say) -> None:
    """Roles with their passwords first, then each database; the newer programs read the old server."""
    say("copying roles")
    roles = run(new, "pg_dumpall", "--globals-only", *_at(old), "-l", "postgres", password=password)
    ours = f"{q.make_role.format(role=OWNER)};"  # initdb has made it already
    kept = "\n".join(line for line in roles.splitlines() if line != ours)
    run(new, "psql", *_psql(new, "postgres"), given=kept, password=password)
    for database in run(old, "psql", *_psql(old, "postgres"), given=q.databases, password=password).splitlines():
        say(f"copying database {database}")
        made = [] if database == "postgres" else ["--create"]
        _pipe(
            new,
            ["pg_dump", *made, *_at(old), "-d", database],
            ["psql", "-o", os.devnull, *_psql(new, "postgres")],
            password,
        )


def _pipe(cluster: Cluster, source: list[str], target: list[str], password: str) -> None:
    """source | target; both must succeed."""
    enter: Callable[[], None] = entering(cluster.user, signal.SIGKILL)
    with tempfile.TemporaryFile() as words:
        options = {"env": environment(password), "cwd": "/", "stderr": words, "preexec_fn": enter}
        first, *rest = source
        dump = subprocess.Popen([cluster.binaries.bin / first, *rest], stdout=subprocess.PIPE, **options)
        first, *rest = target
        load = subprocess.Popen([cluster.binaries.bin / first, *rest], stdin=dump.stdout, **options)
        assert dump.stdout is not None  # noqa: S101 – a pipe was asked for
        dump.stdout.close()  # so that the dump hears when the load ends early
        failed = [load.wait(), dump.wait()]
        if any(failed):
            words.seek(0)
            said = words.read().decode(errors="replace").strip()
            raise EmbeddedError(f"copying failed, the old database stays in use: {said[-600:]}")


def _compare(old: Cluster, new: Cluster, password: str) -> None:
    """Refuse unless both hold the same roles, databases, schemas, tables, owners, sequences and numbers of rows."""
    databases = run(old, "psql", *_psql(old, "postgres"), given=q.databases, password=password).splitlines()
    questions = [
        ("postgres", q.roles),
        ("postgres", q.databases),
        *((database, q.content + "\n") for database in databases),
    ]
    for database, question in questions:
        before, after = (
            run(server, "psql", *_psql(server, database), given=question, password=password).splitlines()
            for server in (old, new)
        )
        if before != after:
            lines = sorted(set(before) ^ set(after))[:5]
            raise EmbeddedError(f"the copy of {database} differs, the old database stays in use: {' | '.join(lines)}")
