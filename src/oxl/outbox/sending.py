"""A file to an address that the operator has allowed, by one PUT, under the guard that callbacks are under.

The name is looked up once, what it stands for is judged, and the connection goes there; redirects are not followed: who
keeps the allowed address must not lead us to another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from yarl import URL

from oxl.outbox.callbacks import BadCallback, Guard, target_of
from oxl.outbox.delivery import Pinned

_PART = 1 << 20  # bytes read at a time
_TOLD = 300  # bytes of an answer that are told when it is a refusal


async def put(path: Path, address: str, seconds: float) -> None:
    """Put a file to an address whose host the operator has allowed; OSError on failure."""
    target = target_of(address)
    guard = Guard(hosts=(target.host,))  # but for what no list opens
    size = (await asyncio.to_thread(path.stat)).st_size
    timeout = aiohttp.ClientTimeout(total=seconds)
    connector = aiohttp.TCPConnector(resolver=Pinned(guard), use_dns_cache=False)
    try:
        if target.address is not None:  # no name, so the resolver is not asked
            guard.judge(target, target.address)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
            session.put(
                URL(address, encoded=True),
                data=_parts(path),
                headers={"Content-Length": str(size), "User-Agent": "OXL"},
                allow_redirects=False,
            ) as answer,
        ):
            told = (await answer.content.read(_TOLD)).decode("utf-8", "replace")
            if not answer.ok or answer.status >= 300:
                raise OSError(f"HTTP {answer.status} {told}".strip())
    except (aiohttp.ClientError, BadCallback, TimeoutError) as error:
        raise OSError(f"{type(error).__name__}: {error}") from None


async def _parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, _PART):
            yield part
