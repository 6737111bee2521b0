"""Removes files of export jobs that may hold the records of somebody who was erased: the exporter's sweep calls it."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path

from oxl.apis.product_usage.exports import format_for
from oxl.apis.product_usage.targets import target_of
from oxl.db.database import Tenant
from oxl.engines.usage import erasure
from oxl.engines.usage.erasure import Due
from oxl.kernel.background import once


async def clear_erased(tenant: Tenant, folder: Path) -> None:
    """Remove the files that are due. One of the same name that another job has made since then stays."""
    due = await once(tenant, erasure.files_due)
    for each in due:
        await asyncio.to_thread(_remove, folder, each)
    if due:
        await once(tenant, lambda work: erasure.files_removed(work, [each.id for each in due]))


def _remove(folder: Path, due: Due) -> None:
    url = due.body.get("url", "")
    path = folder / target_of(url if url.startswith("file:") else "", due.id, format_for(due.body).suffix, "").name
    with suppress(FileNotFoundError):
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == due.checksum
        if same:
            path.unlink()
