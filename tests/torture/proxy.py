"""A network to be ill-treated: what stands between OXL and its PostgreSQL, and does with the bytes what networks do."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class Proxy:
    """Carries connections from its own socket to a server's. `latency`: seconds for each piece; `mute`: nothing comes
    through any more, and nobody is told; `drip`: bytes at a time.
    """

    def __init__(self, server: Path) -> None:
        self.server = server
        self.latency = 0.0
        self.mute = False
        self.drip = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, both ways."""
        try:
            other_reader, other_writer = await asyncio.open_unix_connection(str(self.server))
        except OSError:
            writer.close()
            return
        pair = (writer, other_writer)
        self._open.update(pair)
        ways = [asyncio.create_task(self._carry(*way)) for way in ((reader, other_writer), (other_reader, writer))]
        await asyncio.wait(ways)
        self._open.difference_update(pair)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self.latency:
                    await asyncio.sleep(self.latency)
                if self.mute:
                    continue
                for n in range(0, len(data), self.drip or len(data)):
                    writer.write(data[n : n + (self.drip or len(data))])
                    await writer.drain()
                    if self.drip:
                        await asyncio.sleep(0.001)
        writer.close()

    def cut(self) -> None:
        """End every connection, in the middle of whatever it is at."""
        for writer in self._open:
            writer.transport.abort()

    def well(self) -> None:
        """Be a good network again; what was muted is cut, as those at its ends would sooner or later."""
        if self.mute:
            self.cut()
        self.latency, self.mute, self.drip = 0.0, False, 0


@asynccontextmanager
async def proxied(socket_folder: Path, port: int = 5432) -> AsyncIterator[tuple[Proxy, Path]]:
    """A proxy before the server of a socket folder, and the folder in which it listens."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-"))
    proxy = Proxy(socket_folder / f".s.PGSQL.{port}")
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        running.add(task)
        with suppress(asyncio.CancelledError):
            await proxy.serve(reader, writer)
        running.discard(task)

    place = folder / f".s.PGSQL.{port}"
    server = await asyncio.start_unix_server(serve, str(place))
    try:
        yield proxy, folder
    finally:
        server.close()
        proxy.cut()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        place.unlink(missing_ok=True)
        folder.rmdir()
