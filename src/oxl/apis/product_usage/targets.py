"""Where an export file goes: the export folder, or below an address that the operator has allowed, through a library.

A file is always finished in the folder first, so that what is sent is whole.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from oxl.outbox.sending import put
from oxl.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig  # a type alone

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}", re.ASCII)
_ADDRESS = re.compile(r"(https?|s3)://[a-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9._=+-]+)+", re.ASCII)
_PART = 8 << 20  # bytes of one part of an upload, two of which are on their way at a time
_SECONDS = 600


class BadTarget(ValueError):  # noqa: N818 – named for what it says
    """A place where no export goes; the text says why."""


class NotAllowed(BadTarget):
    """An address outside of this installation that it sends no exports to."""


class Target(NamedTuple):
    """The file's name in the folder, and the address that it is then sent to, if any."""

    name: str
    address: str = ""


def folder_of(settings: Settings, tenant: str) -> Path:
    """The folder of a tenant's export files."""
    return (Path(settings.exports) if settings.exports else settings.data / "exports") / tenant


def target_of(url: str, job_id: str, suffix: str, allow: str) -> Target:
    """The target of a job's `url`: nothing, file:name, or an address below an allowed one. BadTarget for any other."""
    own = f"{job_id}{suffix}"
    if not url:
        return Target(own)
    if url.startswith("file:"):
        name = url.removeprefix("file:").removeprefix("///")
        if not _NAME.fullmatch(name):
            raise BadTarget("is no plain file name; a file: address names a file of the export folder")
        return Target(name)
    below = [each for each in map(str.strip, allow.split(",")) if each.endswith("/") and url.startswith(each)]
    if not _ADDRESS.fullmatch(url) or any(set(part) == {"."} for part in url.split("/")) or not below:
        told = "is not below an address that this installation sends exports to"
        raise (BadTarget if _leads_inside(url) else NotAllowed)(told)
    return Target(own, url)


def _leads_inside(url: str) -> bool:
    """Whether an address plainly means this machine or its network; what a name stands for is not looked up."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def send(path: Path, address: str) -> None:
    """Put a finished file to its address; credentials of S3 come from the environment (AWS_…). OSError on failure."""
    parts = urlsplit(address)
    try:
        if parts.scheme != "s3":
            return await put(path, address, _SECONDS)
        options: ClientConfig = {"timeout": f"{_SECONDS}s", "allow_http": True}
        store = S3Store(parts.netloc, client_options=options)
        await obstore.put_async(store, parts.path.lstrip("/"), path, chunk_size=_PART, max_concurrency=2)
    except (BaseError, OSError) as error:
        raise OSError(f"{address} did not take the file: {str(error)[:300]}") from None
