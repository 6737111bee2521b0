"""What a connection is told before there is a request to answer: in a crowd, and when its client dawdles or babbles."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from tests.waiting import until

from oxl.app import App
from oxl.cli.server import config_of
from oxl.identity import door
from oxl.identity.gate import answer_of
from oxl.kernel.problem import Problem
from oxl.settings import Settings

FULL = answer_of(Problem(503, "overloaded", "too many", (("Retry-After", "1"),)))
GET = b"GET /asked HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /asked HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = b"POST /asked HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"


class House:
    """An application that is full or not, and knows what it was asked."""

    patience = 60.0
    asked_always = App.asked_always

    def __init__(self) -> None:
        self.is_full, self.coming = False, 0
        self.asked: list[tuple[str, bytes]] = []
        self.answer = b"done"

    def refuse(self) -> bytes:
        return FULL

    def let_in(self) -> None:
        self.coming += 1

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            return await send({"type": "lifespan.shutdown.complete"})
        body = b""
        while scope["path"] != "/unread":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.asked.append((scope["path"], body))
        length = str(len(self.answer)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": self.answer})


class Client:
    """A client who says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, text: bytes) -> None:
        self._writer.write(text)

    async def hear(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(20):
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self._reader.readexactly(int(headers["content-length"])) if has_body else b""
        return int(first.split()[1]), headers, body

    async def is_left(self) -> bool:
        """Whether the server closes the connection, with nothing more to say."""
        async with asyncio.timeout(20):
            try:
                return await self._reader.read() == b""
            except ConnectionResetError:
                return True


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def server(house: House) -> AsyncIterator[uvicorn.Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config_of(house, Settings()))
        serving = asyncio.create_task(server._serve([listening]))
        await until(lambda: server.started)
        yield server
        server.should_exit = True
        await serving


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    return server.servers[0].sockets[0].getsockname()[1]


@asynccontextmanager
async def client_at(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@pytest.fixture
async def client(port: int) -> AsyncIterator[Client]:
    async with client_at(port) as client:
        yield client


def is_error(heard: tuple[int, dict[str, str], bytes], status: int, code: str) -> bool:
    error = json.loads(heard[2])
    return (heard[0], error["code"], error["status"]) == (status, code, str(status)) and bool(error["reason"])


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED], ids=["no body", "a body", "chunks"])
async def test_in_a_crowd_one_is_told_to_come_again_and_may_on_the_same_connection(house, client, request_) -> None:
    house.is_full = True
    client.say(request_)
    heard = await client.hear()
    assert is_error(heard, 503, "overloaded")
    assert heard[1]["retry-after"] == "1"
    assert house.asked == []
    house.is_full = False
    client.say(request_)
    assert (await client.hear())[0] == 200
    assert house.asked == [("/asked", b"" if request_ == GET else b"body")]
    assert house.coming == 1


async def test_a_request_in_pieces_is_refused_once_and_whole(house, client) -> None:
    house.is_full = True
    for piece in (POST[:10], POST[10:-6], POST[-6:-2]):
        client.say(piece)
        await asyncio.sleep(0.01)
    house.is_full = False  # it came when there was no room
    client.say(POST[-2:] + GET)
    assert (await client.hear())[0] == 503
    assert (await client.hear())[0] == 200
    assert house.asked == [("/asked", b"")]


async def test_requests_one_behind_the_other_are_each_refused(house, client) -> None:
    house.is_full = True
    client.say(POST + GET + CHUNKED)
    assert [(await client.hear())[0] for _ in range(3)] == [503, 503, 503]


async def test_a_refused_head_has_no_body(house, client) -> None:
    house.is_full = True
    client.say(GET.replace(b"GET", b"HEAD") + GET)
    assert (await client.hear(has_body=False))[0] == 503
    assert is_error(await client.hear(), 503, "overloaded")


@pytest.mark.parametrize(
    "said",
    [
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"Host: here", b"Host: here\r\nConnection: close"),
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
    ],
    ids=["HTTP/1.0", "close", "100-continue"],
)
async def test_who_wants_the_connection_closed_or_waits_to_go_on_is_refused_and_left(house, client, said) -> None:
    house.is_full = True
    client.say(said)
    assert is_error(await client.hear(), 503, "overloaded")
    assert await client.is_left()


@pytest.mark.parametrize("path", [b"/health/live", b"/oxl/health/ready", b"/metrics"])
async def test_health_and_figures_are_told_in_any_crowd(house, client, path: bytes) -> None:
    house.is_full = True
    client.say(GET.replace(b"/asked", path))
    assert (await client.hear())[0] == 200


async def test_what_is_not_http_is_told_as_an_error(client) -> None:
    client.say(b"\x16\x03\x01 what is this?\r\n\r\n")
    assert is_error(await client.hear(), 400, "notHttp")
    assert await client.is_left()


async def test_a_head_without_end_is_refused(server, client) -> None:
    client.say(GET[:-2])
    await until(lambda: any(each._is_heading for each in server.server_state.connections))
    client.say(b"A: a\r\n" * (door.LONGEST_HEAD // 6 + 1))
    assert is_error(await client.hear(), 431, "headersTooLarge")
    assert await client.is_left()


async def test_many_requests_in_one_go_are_no_long_head(house, client) -> None:
    many = door.LONGEST_HEAD // len(GET) + 10
    client.say(GET * many)
    for _ in range(many):
        assert (await client.hear())[0] == 200


async def test_a_head_that_does_not_come_is_not_waited_for(house, client) -> None:
    house.patience = 0.05
    client.say(GET[:20])
    assert is_error(await client.hear(), 408, "tooSlow")
    assert await client.is_left()
    assert house.asked == []


async def test_a_body_that_nobody_reads_is_not_waited_for(house, client) -> None:
    house.patience = 0.2
    client.say(POST.replace(b"/asked", b"/unread")[:-2])
    assert (await client.hear())[0] == 200
    client.say(b"d")
    assert await client.is_left()


async def test_who_keeps_it_waiting_for_the_rest_of_a_refused_body_is_left(house, client) -> None:
    house.patience, house.is_full = 0.05, True
    client.say(POST[:-2])
    assert await client.is_left()


async def test_a_client_in_time_is_not_given_up(house, client) -> None:
    client.say(GET[:20])
    await asyncio.sleep(0.01)
    client.say(GET[20:])
    assert (await client.hear())[0] == 200
    house.patience = 0.01
    await asyncio.sleep(0.1)
    client.say(GET)
    assert (await client.hear())[0] == 200


async def test_a_client_that_takes_nothing_is_cut_off(house, server, port) -> None:
    house.patience, house.answer = 0.1, b"x" * 50_000_000
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        taker.connect(("127.0.0.1", port))
        taker.sendall(GET)
        taker.settimeout(20)
        await until(lambda: house.asked and not server.server_state.connections)
        taken = 0
        while some := await asyncio.to_thread(taker.recv, 1_000_000):
            taken += len(some)
        assert taken < len(house.answer)


async def test_who_asks_on_and_on_without_listening_is_cut_off(house, port) -> None:
    house.is_full = True
    with socket.socket() as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asker.connect(("127.0.0.1", port))
        asker.settimeout(20)

        def ask_on() -> None:
            for _ in range(20_000):
                asker.sendall(GET * 100)

        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await asyncio.to_thread(ask_on)


async def test_there_is_an_end_to_how_many_may_be_connected(house, port, monkeypatch) -> None:
    monkeypatch.setattr(door, "CONNECTIONS", 1)
    async with client_at(port) as first:
        first.say(GET)
        assert (await first.hear())[0] == 200
        async with client_at(port) as second:
            assert is_error(await second.hear(), 503, "overloaded")
            assert await second.is_left()
        first.say(GET)
        assert (await first.hear())[0] == 200
