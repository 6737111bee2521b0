"""The process that owns the embedded PostgreSQL of one data folder: python -m oxl.db.supervisor DATA [LEASE-FD].

embedded.join starts it; it starts postgres as its child and keeps it up while a lease is open. Three things make that
hold: the kernel closes the lease of a holder that dies; PR_SET_PDEATHSIG shuts postgres down when the supervisor dies
(where there is no prctl, such as on macOS, postgres then runs on until the next join stops it); and server.lock is
inherited by every process of the server, so that whoever takes it knows the last backend of the one before has gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from oxl.db import cluster as clusters
from oxl.db.embedded import CLUSTER, LEASES, LOG, SECRETS, EmbeddedError, read_record, write_durably

LINGER = 3.0  # seconds the server stays after its last lease; OXL_LINGER changes it
_LONGEST_WAIT = 10.0  # seconds between two attempts to start a server that keeps dying
_WAITING = "waiting for the last processes of the previous server to end"
_LOG_LIMIT = 10_000_000  # bytes of the log before it is put aside at the next start


def linger() -> float:
    """Seconds that a server without leases stays up."""
    return float(os.environ.get("OXL_LINGER", LINGER))


def take_lock(path: Path) -> int | None:
    """The exclusive lock on a file, as a descriptor that holds it while any copy is open; None when it is taken."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def make_password(data: Path, cluster: clusters.Cluster) -> str:
    """The password of the cluster's owner, made when the cluster is."""
    password = read_record(data / SECRETS).get("password")
    if not password:
        if (cluster.folder / "PG_VERSION").exists():
            raise EmbeddedError(f"{data / SECRETS} is missing, and with it the password of the database: bring it back")
        password = secrets.token_urlsafe(24)
        write_durably(data / SECRETS, {"password": password})
    return password


def record_place(data: Path, cluster: clusters.Cluster) -> None:
    """Pin what place() decided: from now on the data folder belongs to this major, this folder, this socket."""
    inside = cluster.folder.parent == data
    record = {
        "major": cluster.binaries.major,
        "location": cluster.folder.name if inside else str(cluster.folder),
        "socket": str(cluster.socket),
        "port": clusters.PORT,
    }
    if record != read_record(data / CLUSTER):
        write_durably(data / CLUSTER, record)


def nudge(cluster: clusters.Cluster) -> None:
    """Ask what is left of an unattended server to end: its postmaster, or the backends that have outlived it."""
    main = int((clusters.pid_lines(cluster) or ["0"])[0])
    left = []
    if sys.platform == "linux":
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):  # gone meanwhile, or not ours to look at
                if entry.readlink() == cluster.folder:
                    left.append(int(entry.parent.name))
    elif main:
        command = ["ps", "-o", "command=", "-p", str(main)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        left = [main] if str(cluster.folder) in shown.stdout else []
    for pid, number in [(main, signal.SIGINT)] if main in left else [(pid, signal.SIGTERM) for pid in left]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def take_charge(data: Path, patience: float = 0.2) -> int | None:
    """The lock that makes one process the only one in charge of a data folder; None when another one is."""
    end = time.monotonic() + patience
    while (lock := take_lock(data / "supervisor.lock")) is None and time.monotonic() < end:
        time.sleep(0.02)
    return lock


class Supervisor:
    """One server, its leases, and the loop that keeps the first up for the second."""

    def __init__(self, data: Path, first: socket.socket | None) -> None:
        self.data = data
        self.leases: set[socket.socket] = set()
        self.selector = selectors.DefaultSelector()
        self.server: subprocess.Popen[bytes] | None = None
        self.ready = False  # the server accepts connections
        self.served = False  # some server of ours once did
        self.stopping = False
        self.lonely_since = time.monotonic()
        self.started = self.said = self.next_start = self.delay = 0.0
        self.log_start = 0
        self.doing = ""
        self._listen_to_signals()
        if first:
            self._welcome(first)

    def run(self) -> None:
        """From the first lease to the end of the last one, or to a signal; a failure is told to every lease."""
        try:
            self.cluster = clusters.place(self.data, self._progress)
            password = make_password(self.data, self.cluster)
            if not (self.cluster.folder / "PG_VERSION").exists():
                self._progress(f"making a new PostgreSQL {self.cluster.binaries.major} database")
            clusters.initialise(self.cluster, password)
            record_place(self.data, self.cluster)
            self._open_door()
            while not self.stopping and not self._deserted():
                self._tend()
                self._turn(self._patience())
        except (EmbeddedError, OSError) as error:
            self._tell(failed=str(error))
            print(error, file=sys.stderr)
        finally:
            self._shut()

    def _listen_to_signals(self) -> None:
        ear, mouth = socket.socketpair()
        for end in (ear, mouth):
            end.setblocking(False)
        signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        self._mouth = mouth  # kept open for the signals
        self.selector.register(ear, selectors.EVENT_READ, lambda: ear.recv(4096))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its only use is to wake the loop
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _open_door(self) -> None:
        path = self.cluster.socket / LEASES
        path.unlink(missing_ok=True)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(path))  # the umask closes it to others
        self.door.listen(128)
        self.selector.register(self.door, selectors.EVENT_READ, lambda: self._welcome(self.door.accept()[0]))

    def _welcome(self, lease: socket.socket) -> None:
        lease.setblocking(False)
        self.leases.add(lease)
        self.selector.register(lease, selectors.EVENT_READ, lambda: self._hear(lease))
        if self.ready:
            self._tell(lease, **self._address())
        elif self.doing:
            self._tell(lease, progress=self.doing)

    def _hear(self, lease: socket.socket) -> None:
        """A holder says nothing; what can be read is its end."""
        with contextlib.suppress(ConnectionError):
            if lease.recv(4096):
                return
        self.selector.unregister(lease)
        self.leases.discard(lease)
        lease.close()
        self.lonely_since = time.monotonic()

    def _tell(self, *to: socket.socket, **line: Any) -> None:
        text = json.dumps(line).encode() + b"\n"
        for lease in to or self.leases:
            with contextlib.suppress(BlockingIOError, ConnectionError):  # it does not listen, or its end comes next
                lease.send(text)

    def _progress(self, text: str) -> None:
        self.doing, self.said = text, time.monotonic()
        self._tell(progress=text)

    def _address(self) -> dict[str, Any]:
        assert self.server is not None  # noqa: S101 – ready implies it
        return {"host": str(self.cluster.socket), "port": clusters.PORT, "pid": self.server.pid}

    def _deserted(self) -> bool:
        return not self.leases and time.monotonic() >= self.lonely_since + linger()

    def _patience(self) -> float | None:
        """How long the loop may sleep: for ever while all is well, since every end of anything wakes it."""
        if not self.ready:
            return 0.02
        return None if self.leases else max(0.0, self.lonely_since + linger() - time.monotonic())

    def _turn(self, timeout: float | None) -> None:
        for key, _ in self.selector.select(timeout):
            key.data()

    def _tend(self) -> None:
        """One look at the server: start it, see it ready, see it gone."""
        now = time.monotonic()
        if self.server is None:
            if now >= self.next_start:
                self._start()
        elif (status := self.server.poll()) is not None:
            self._ended(status)
        elif not self.ready:
            if clusters.is_ready(self.cluster, self.server.pid):
                self.ready = self.served = True
                self._tell(**self._address())
            elif now > self.said + 3:
                self._progress(f"{self.doing.split(' (')[0]} ({now - self.started:.0f} s)")

    def _start(self) -> None:
        now = time.monotonic()
        lock = take_lock(self.data / "server.lock")
        if lock is None:
            self.started = self.started or now
            if now > self.said + 3 or self.doing != _WAITING:
                nudge(self.cluster)
                self._progress(_WAITING)
            return
        version = self.cluster.binaries.version
        recovering = bool(clusters.pid_lines(self.cluster))  # a clean shutdown would have removed that file
        self._progress("recovering after a crash" if recovering else f"starting PostgreSQL {version}")
        self.started = now
        self.log_start = (self.data / LOG).stat().st_size
        self.server = clusters.launch(self.cluster, lock, log=2)
        os.close(lock)  # the server holds it now, to its last process

    def _ended(self, status: int) -> None:
        """PostgreSQL is gone and nobody asked: start it again, unless it has refused to start from the beginning."""
        why = self._last_words() if status >= 0 else f"killed by signal {-status}"
        if not self.served and status > 0 and "shared memory block" not in why:
            self.server = None
            raise EmbeddedError(f"PostgreSQL did not start: {why} (more in {self.data / LOG})")
        lived = time.monotonic() - self.started
        self.delay = 0.05 if lived > _LONGEST_WAIT else min(max(0.05, self.delay * 2), _LONGEST_WAIT)
        self.next_start = time.monotonic() + self.delay
        self.server, self.ready, self.started = None, False, 0.0
        self._progress(f"PostgreSQL ended unexpectedly ({why}): starting it again")
        print(self.doing, file=sys.stderr, flush=True)

    def _last_words(self) -> str:
        with (self.data / LOG).open("rb") as file:
            file.seek(self.log_start)
            lines = file.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        fatal = [line for line in lines if "FATAL:" in line and "the database system is" not in line]  # a client's
        return (fatal or lines)[-1].split("FATAL:")[-1].strip()

    def _shut(self) -> None:
        """Close the door first, so that who comes now waits for the next supervisor, then stop the server cleanly."""
        if hasattr(self, "door"):
            self.door.close()
            (self.cluster.socket / LEASES).unlink(missing_ok=True)
        for lease in self.leases:
            lease.close()
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait()


def detach(data: Path) -> None:
    """Leave the starter's process tree, terminal and folder; its log is in the data folder from now on."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    log = data / LOG
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    for source, target in ((null, 0), (handle, 1), (handle, 2)):
        os.dup2(source, target)
    os.close(handle)
    os.close(null)


def main(data: str, lease: str | None = None) -> None:
    """Take charge of a data folder, or leave it to who already has."""
    folder = Path(data).resolve()
    first = socket.socket(fileno=int(lease)) if lease else None
    detach(folder)
    if take_charge(folder) is None:
        if first:
            first.sendall(b'{"busy": true}\n')
        return
    Supervisor(folder, first).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
