"""`oxl backup` and `oxl restore`: tenants as a file, each as of one moment, with the proof that what came back is that.

A file is a .tar.gz: manifest.json first in meaning and last in place (who was cut off while writing has none), and a
member for each table in PostgreSQL's own text of rows. It needs no programs of PostgreSQL and no particular version.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from oxl.clock import system_now
from oxl.db.database import Database
from oxl.db.migrate import Code, create_tenant, tenant_names
from oxl.db.queries import load
from oxl.db.reach import VERSION, code_schema

q = load("oxl.db", "archive.sql")
tenants = load("oxl.db", "tenants.sql")
FORM = 1
_MANIFEST = "manifest.json"
Say = Callable[[str], None]
After = Sequence[Callable[[Any], Awaitable[None]]]


class BadArchiveError(ValueError):
    """A file that is no archive, or not whole, or of another version."""


class Proof(NamedTuple):
    """How many rows a table had, and a sum over all of them that no order changes."""

    rows: int
    sum: str


async def write(database: Database, file: Path, names: Sequence[str], say: Say) -> dict[str, dict[str, Proof]]:
    """Write tenants into a file, which gets its name when all of it is on disk; gives what was proved of each table."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    found: dict[str, dict[str, Proof]] = {}
    version = 0
    try:
        with part.open("wb") as raw:
            os.fchmod(raw.fileno(), 0o600)
            with tarfile.open(fileobj=raw, mode="w:gz") as tar:
                for name in names:
                    say(f"tenant {name}")
                    found[name], version = await _write_tenant(database, tar, name)
                told = {"form": FORM, "version": version, "at": system_now().isoformat(), "tenants": found}
                _add(tar, _MANIFEST, json.dumps(told, indent=1).encode())
            raw.flush()
            os.fsync(raw.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return found


async def _write_tenant(database: Database, tar: tarfile.TarFile, name: str) -> tuple[dict[str, Proof], int]:
    found: dict[str, Proof] = {}
    async with database.owner() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        version = await _enter(conn, name)
        for table in [row["name"] for row in await conn.fetch(q.tables)]:
            columns = [each.strip() for each in str(await conn.fetchval(q.columns, table)).split(",")]
            with tempfile.TemporaryFile() as rows:
                await conn.copy_from_query(q.rows.format(table=table, columns=", ".join(columns)), output=rows)
                info = tarfile.TarInfo(f"{name}/{table}")
                info.size, info.pax_headers = rows.tell(), {"columns": ",".join(columns)}
                rows.seek(0)
                tar.addfile(info, rows)
            found[table] = await _proof(conn, table)
    return found, version


async def _enter(conn: Any, name: str) -> int:
    """Look at a tenant's schema in this transaction; the version of its tables."""
    row = await conn.fetchrow(tenants.find_tenant, name)
    if row is None:
        raise LookupError(f"there is no tenant {name!r}")
    await conn.execute(tenants.enter.format(schema=row["schema"]))
    code = code_schema(row["schema"], (await conn.fetchval(tenants.code_hash))[:VERSION])
    await conn.execute(tenants.enter.format(schema=f'{row["schema"]}, "{code}"'))
    await conn.execute(q.plain)
    return await conn.fetchval(q.newest)


async def _proof(conn: Any, table: str) -> Proof:
    return Proof(*await conn.fetchrow(q.proof.format(table=table)))


def _add(tar: tarfile.TarFile, name: str, text: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))


async def settle(database: Database, after: After) -> None:
    """After all of it came from another cluster: what makes its rows rows of this one's, a transaction a tenant."""
    for name in await tenant_names(database):
        async with database.owner() as conn, conn.transaction():
            await _enter(conn, name)
            for each in after:
                await each(conn)


def read_manifest(file: Path) -> dict[str, Any]:
    """What a file says of itself; BadArchiveError where it is not whole."""
    try:
        with tarfile.open(file, "r:gz") as tar:
            member = tar.extractfile(_MANIFEST)
            told = json.loads(member.read()) if member else {}
    except (tarfile.TarError, EOFError, KeyError, ValueError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise BadArchiveError(f"{file} is no whole archive of OXL: {error}") from None
    if told.get("form") != FORM:
        raise BadArchiveError(f"{file} is of a form that this version does not read")
    return told


async def restore(
    database: Database, file: Path, code: Code, say: Say, after: After = ()
) -> dict[str, dict[str, Proof]]:
    """Bring tenants back from a file, each in one transaction, and prove that they are what they were.

    after: what makes of another cluster's rows rows of this one's, on the connection that brought them.
    BadArchiveError where a tenant of that name holds anything, or what came back is not what was written.
    """
    told = read_manifest(file)
    there = await tenant_names(database)
    for name in told["tenants"]:
        if name not in there:
            await create_tenant(database, name, code)
    with tarfile.open(file, "r:gz") as tar:
        return {name: await _restore_tenant(database, tar, told, name, say, after) for name in told["tenants"]}


async def _restore_tenant(
    database: Database, tar: tarfile.TarFile, told: dict[str, Any], name: str, say: Say, after: After
) -> dict[str, Proof]:
    say(f"tenant {name}")
    wanted, found = told["tenants"][name], dict[str, Proof]()
    async with database.owner() as conn, conn.transaction():
        version = await _enter(conn, name)
        if version != told["version"]:
            raise BadArchiveError(
                f"the file is of tables at {told['version']}, these are at {version}: use that version"
            )
        tables = [each["name"] for each in await conn.fetch(q.tables)]
        for table in tables:
            if not await conn.fetchval(q.is_empty.format(table=table)):
                raise BadArchiveError(f"tenant {name} is not empty ({table}); erase it first, or restore elsewhere")
        for table in tables:
            member = tar.getmember(f"{name}/{table}")
            rows = tar.extractfile(member)
            columns = member.pax_headers["columns"].split(",")
            await conn.copy_to_table(table, source=rows, columns=columns)
            found[table] = await _proof(conn, table)
            if list(found[table]) != list(wanted[table]):
                raise BadArchiveError(f"{name}.{table}: {found[table]} came back of {wanted[table]}; nothing was kept")
        for settle in after:
            await settle(conn)
    return found
