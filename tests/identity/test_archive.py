"""Tenants as files: what came back is what was written, to the row; what is not whole, or not empty, is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BALANCE, OPERATOR, client_of
from tests.identity.conftest import Ground, client, new_key, sealed, settings_of
from tests.waiting import until

from oxl.app import AFTER_RESTORE, SQL_CODE, gate_of
from oxl.db import archive
from oxl.db.archive import BadArchiveError
from oxl.db.database import Database, UnknownTenantError
from oxl.db.migrate import create_tenant, drop_tenant, tenant_names
from oxl.operations import audit
from oxl.outbox import outbox


def quiet(_: str) -> None:
    """Nobody listens."""


async def fill(ground: Ground) -> None:
    async with client_of(ground.tenant) as http:
        answer = await http.post(f"{OPERATOR}/hub", json={"callback": "https://listener.example/a"})
        assert answer.status_code == 201
        account = ground.ada["billingAccount"]["id"]
        main = (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]["id"]
        for n in range(3):
            body = {"amount": {"amount": n + 1, "units": "EUR"}, "bucket": {"id": main}}
            assert (await http.post(f"{BALANCE}/topupBalance", json=body)).status_code == 201


async def test_a_tenant_comes_back_as_it_was_and_works_on(database: Database, alpha: Ground, tmp_path: Path) -> None:
    await fill(alpha)
    name, file = alpha.tenant.name, tmp_path / "a.tar.gz"
    await sealed(alpha.tenant)
    async with client_of(alpha.tenant) as http:
        before = [(await http.get(path)).json() for path in (f"{BALANCE}/bucket", f"{OPERATOR}/subscriber")]
    wrote = await archive.write(database, file, [name], quiet)
    assert file.stat().st_mode & 0o777 == 0o600
    assert wrote[name]["transfer"].rows >= 3
    with pytest.raises(BadArchiveError, match="not empty"):
        await archive.restore(database, file, SQL_CODE, quiet, AFTER_RESTORE)
    await database.forget(name)
    await drop_tenant(database, name)
    assert name not in await tenant_names(database)
    found = await archive.restore(database, file, SQL_CODE, quiet, AFTER_RESTORE)
    assert found == wrote
    tenant = await database.tenant(name)
    tenant.clock.frozen = alpha.tenant.clock.frozen
    async with client_of(tenant) as http:
        after = [(await http.get(path)).json() for path in (f"{BALANCE}/bucket", f"{OPERATOR}/subscriber")]
        assert after == before
        made = await http.post(f"{OPERATOR}/hub", json={"callback": "https://listener.example/b"})
        assert made.status_code == 201
    async with tenant.connection() as conn:
        assert (await audit.walk(conn)).broken is None
        of_api = [("operator", outbox.START, outbox.NOTHING)]

        async def reached() -> bool:
            return len((await outbox.read_after(conn, of_api, 1000))[0]) >= 2

        await until(reached)  # what another cluster's transactions wrote is reached here


async def test_what_is_no_whole_archive_is_refused(database: Database, beta: Ground, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    await archive.write(database, file, [beta.tenant.name], quiet)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadArchiveError):
        archive.read_manifest(cut)
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(BadArchiveError):
        archive.read_manifest(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        archive.read_manifest(tmp_path / "gone")


async def test_what_came_back_otherwise_is_kept_nowhere(database: Database, beta: Ground, tmp_path: Path) -> None:
    file, spoilt = tmp_path / "b.tar.gz", tmp_path / "spoilt.tar.gz"
    name = beta.tenant.name
    await archive.write(database, file, [name], quiet)
    with tarfile.open(file) as source, tarfile.open(spoilt, "w:gz") as target:
        for member in source.getmembers():
            rows = source.extractfile(member)
            assert rows is not None
            text = rows.read()
            if member.name.endswith("/party"):
                text = text.replace(b"Ada", b"Eve")

            member.size = len(text)
            target.addfile(member, io.BytesIO(text))
    await database.forget(name)
    await drop_tenant(database, name)
    with pytest.raises(BadArchiveError, match="party"):
        await archive.restore(database, spoilt, SQL_CODE, quiet, AFTER_RESTORE)
    tenant = await database.tenant(name)
    async with tenant.connection() as conn:
        assert await conn.fetchval("select count(*) from account") == 0
    await archive.restore(database, file, SQL_CODE, quiet, AFTER_RESTORE)


async def test_an_erased_tenant_is_gone_for_servers_that_had_it_open(database: Database, make_tenant: Any) -> None:
    tenant = await make_tenant()
    own = Database(settings_of(database), database._owner, None)
    gate = gate_of(settings_of(database), own)
    key = await new_key(tenant)
    async with client(gate, credential=key) as http:
        assert (await http.get(f"{BALANCE}/bucket")).status_code == 200
        await database.forget(tenant.name)
        await drop_tenant(database, tenant.name)
        await own.keep()
        assert (await http.get(f"{BALANCE}/bucket")).status_code == 401
    with pytest.raises(UnknownTenantError):
        await own.tenant(tenant.name)
    with pytest.raises(LookupError):
        await drop_tenant(database, tenant.name)
    await create_tenant(database, tenant.name, SQL_CODE)
    async with client(gate, credential=key) as http:
        assert (await http.get(f"{BALANCE}/bucket")).status_code == 401  # a new tenant of the name has none of its keys
