"""Listeners to deliver to: real HTTP servers on loopback that answer as they are told and remember what came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple


class Came(NamedTuple):
    """One POST that came."""

    path: str
    headers: dict[str, str]
    raw: bytes
    answer: int

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


class Receiver:
    """What came to a listener; `answer` gives the status by what came so far, or does worse with the connection."""

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answer: Callable[[Receiver, dict[str, str], bytes], int | str] = lambda *_: 204
        self.seconds = 0.0
        self.released = asyncio.Event()  # cleared, it answers nobody
        self.released.set()
        self.open = self.most_open = 0
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/listener"

    @property
    def delivered(self) -> list[Came]:
        return [came for came in self.came if 200 <= came.answer < 300]

    def ids(self) -> list[str]:
        return [came.headers["webhook-id"] for came in self.delivered]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                raw = await reader.readexactly(int(headers["content-length"]))
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                await asyncio.sleep(self.seconds)
                await self.released.wait()
                self.open -= 1
                answer = self.answer(self, headers, raw)
                self.came.append(Came(first.split()[1], headers, raw, answer if isinstance(answer, int) else 0))
                if isinstance(answer, str):
                    await getattr(self, f"_{answer}")(writer)
                    return
                more = "" if answer == 204 else "Content-Length: 2\r\n"
                body = "" if answer == 204 else "{}"
                where = "Location: http://127.0.0.1:1/elsewhere\r\n" if 300 <= answer < 400 else ""
                writer.write(f"HTTP/1.1 {answer} X\r\n{more}{where}\r\n{body}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _reset(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def _garbage(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff nothing like HTTP\r\n\r\n")
        await writer.drain()

    async def _flood(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x" * 1_000_000)
            await writer.drain()

    async def _silence(self, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def receiving(answer: int | str = 204, seconds: float = 0.0) -> AsyncIterator[Receiver]:
    """A listener that answers so."""
    receiver = Receiver()
    receiver.answer = lambda *_: answer
    receiver.seconds = seconds
    running: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        running.add(task)
        try:
            with suppress(asyncio.CancelledError):  # the end of the test: the stream's own callback would log it
                await receiver.serve(reader, writer)
        finally:
            running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
