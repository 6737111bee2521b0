"""oxl upgrade: everything arrives in the newer PostgreSQL, and what goes wrong on the way costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ground import SEARCHED, Ground, laid_out, quiet
from tests.waiting import until_now

from oxl.db import upgrade as upgrades
from oxl.db.embedded import CLUSTER, EmbeddedError, all_binaries, join, read_record
from oxl.db.upgrade import upgrade

DEBIAN = Path("/usr/lib/postgresql/15/bin")
pytestmark = pytest.mark.skipif(
    not (DEBIAN / "postgres").exists() or max(found.major for found in all_binaries()) <= 15,
    reason="needs Debian's postgresql: apt-get install postgresql",
)
CONTENT = """
create role tenant_a login password 'its own';
create schema a authorization tenant_a;
create table a.usage (id int primary key, note text) partition by range (id);
create table a.usage_1 partition of a.usage for values from (0) to (5000);
insert into a.usage select i, E'line ' || i || E'\\nCREATE ROLE oxl_owner;' from generate_series(1, 4999) i;
grant usage on schema a to tenant_a;
create sequence a.numbers; select nextval('a.numbers');
create view a.few as select * from a.usage where id < 3;
grant select on a.usage, a.few to tenant_a;
alter role tenant_a in database oxl set search_path = a;
"""


@pytest.fixture(scope="module")
def filled() -> Iterator[Ground]:
    """A ground with a stopped, filled database of PostgreSQL 15, to be copied."""
    with laid_out() as ground, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGBIN", str(DEBIAN))
        with join(ground.data, quiet) as lease:
            ground.ask(vars(lease), CONTENT)
        until_now(ground.gone)
        yield ground


@pytest.fixture
def old(bare: Ground, filled: Ground, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A ground with a copy of that database."""
    monkeypatch.delenv("PGBIN", raising=False)
    bare.copy(filled)
    return bare


def test_upgrade_brings_everything(old: Ground) -> None:
    password = read_record(old.data / "secrets.json")["password"]
    before, after = upgrade(old.data, quiet)
    assert before == 15
    assert after > 15
    assert (old.data / "pg-15.old" / "PG_VERSION").exists()
    with join(old.data, quiet) as lease:
        assert lease.password == password
        reach = vars(lease)
        assert old.ask(reach, "show server_version").startswith(f"{after}.")
        assert old.ask(reach, "select count(*) from a.usage") == "4999"
        assert old.ask(reach, "select nextval('a.numbers')") == "2"
        assert old.ask(reach, "select count(*) from few", user="tenant_a", password="its own") == "2"
    assert upgrade(old.data, quiet) == (after, after)


def test_upgrade_waits_its_turn(old: Ground) -> None:
    with join(old.data, quiet) as lease:
        with pytest.raises(EmbeddedError, match="in use"):
            upgrade(old.data, quiet)
        assert old.ask(vars(lease), "select count(*) from a.usage") == "4999"


def test_upgrade_cut_off_leaves_the_old_database(old: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise EmbeddedError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(upgrades, "_copy", cut)
        with pytest.raises(EmbeddedError, match="cut off"):
            upgrade(old.data, quiet)
    assert read_record(old.data / CLUSTER)["major"] == 15
    with join(old.data, quiet) as lease:
        assert old.ask(vars(lease), "select count(*) from a.usage") == "4999"


def test_upgrade_killed_leaves_the_old_database(old: Ground) -> None:
    stuck = "import sys, time; from pathlib import Path; from oxl.db import upgrade as u; "
    stuck += "u._copy = lambda *_: (print('copying', flush=True), time.sleep(60)); u.upgrade(Path(sys.argv[1]), id)"
    where = os.environ | {"PYTHONPATH": SEARCHED, "TMPDIR": str(old.root)}
    command = [sys.executable, "-c", stuck, str(old.data)]
    with subprocess.Popen(command, env=where, stdout=subprocess.PIPE, text=True) as upgrading:
        assert upgrading.stdout is not None
        assert upgrading.stdout.readline() == "copying\n"
        upgrading.kill()
    with join(old.data, quiet) as lease:
        assert old.ask(vars(lease), "select count(*) from a.usage") == "4999"
        assert old.ask(vars(lease), "show server_version").startswith("15.")


def test_upgrade_notices_a_lost_row(old: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = upgrades._copy

    def careless(source: upgrades.Cluster, target: upgrades.Cluster, password: str, say: upgrades.Say) -> None:
        whole(source, target, password, say)
        upgrades.run(
            target, "psql", *upgrades._psql(target, "oxl"), given="delete from a.usage where id = 7", password=password
        )

    monkeypatch.setattr(upgrades, "_copy", careless)
    with pytest.raises(EmbeddedError, match="the copy of oxl differs"):
        upgrade(old.data, quiet)
    assert read_record(old.data / CLUSTER)["major"] == 15
