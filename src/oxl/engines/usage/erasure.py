"""What the usage engine forgets of a party that is erased: what its records say besides quantities and prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.inventory.erasure import Forgotten, Whose
from oxl.verbs import Work

q = load("oxl.engines.usage", "erasure.sql")
DUE = "somebody whose records may be in the file was erased; it is being removed"
REMOVED = "somebody whose records may be in the file was erased; it is removed"


class Due(NamedTuple):
    """An export job whose file is to be removed."""

    id: str
    body: dict[str, Any]  # what was asked for
    checksum: str  # SHA-256 of the file, hexadecimal


async def forget(work: Work, of: Whose) -> Forgotten:
    """Forget what records, refused lines, explanations and export files say of it; a worker removes the files."""
    conn, accounts = work.conn, list(of.accounts)
    counts = dict(await conn.fetchrow(q.forget, accounts, list(of.devices), of.words))
    suspended = [row["id"] for row in await conn.fetch(q.forget_suspense, of.words)]
    oldest = await conn.fetchval(q.oldest, accounts)
    exports = await conn.fetch(q.forget_exports, oldest, of.words, DUE) if oldest or suspended else ()
    await conn.execute(q.begin_exports_again)
    counts["productUsage"] += len(suspended)
    return Forgotten(counts | {"exportJob": len(exports)}, [*suspended, *(row["id"] for row in exports)])


async def files_due(work: Work) -> list[Due]:
    """The jobs whose files are to be removed."""
    rows = await work.conn.fetch(q.files_due, DUE)
    return [Due(row["id"], msgspec.json.decode(row["body"]), row["checksum"]) for row in rows]


async def files_removed(work: Work, ids: Sequence[str]) -> None:
    """The files of these jobs are gone."""
    await work.conn.execute(q.files_removed, list(ids), REMOVED)
