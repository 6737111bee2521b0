"""Of several hosts the one that leads is found, though the others are gone, silent, or refuse."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from tests.torture.proxy import proxied

from oxl.db.database import Database
from oxl.db.leading import connect, hosts_of


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgresql://u:p@a/oxl", ["postgresql://u:p@a/oxl"]),
        ("postgresql://u:p@a:1,b:2/oxl?x=y", ["postgresql://u:p@a:1/oxl?x=y", "postgresql://u:p@b:2/oxl?x=y"]),
        ("postgresql:///oxl?host=%2Fa&port=1", ["postgresql:///oxl?host=%2Fa&port=1"]),
        (
            "postgresql:///oxl?host=%2Fa,%2Fb&port=1",
            ["postgresql:///oxl?host=%2Fa&port=1", "postgresql:///oxl?host=%2Fb&port=1"],
        ),
        ("postgresql://h/x?host=a,b&port=1,2", ["postgresql://h/x?host=a&port=1", "postgresql://h/x?host=b&port=2"]),
    ],
)
def test_an_address_of_several_hosts_means_each(dsn: str, hosts: list[str]) -> None:
    assert hosts_of(dsn) == hosts


async def test_the_one_that_answers_is_found(database: Database, tmp_path) -> None:
    lease = database.lease
    assert lease is not None
    async with proxied(Path(lease.host), lease.port) as (proxy, silent):
        proxy.mute = True
        places = ",".join(quote(str(each), safe="") for each in (tmp_path, silent, lease.host))
        dsn = f"postgresql://{lease.user}:{lease.password}@/{lease.database}?host={places}&port={lease.port}"
        for _ in range(2):  # the second time it is asked first
            conn = await connect(dsn=dsn, timeout=30)
            assert await conn.fetchval("select 1") == 1
            await conn.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(dsn=dsn, timeout=2, password="wrong")
        nowhere = dsn.replace(quote(lease.host, safe=""), quote(str(tmp_path / "x"), safe=""))
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await connect(dsn=nowhere, timeout=1)
