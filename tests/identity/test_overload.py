"""Four times as many requests as can be answered: what is answered stays as much and as quick, the rest is told so."""

from __future__ import annotations

import asyncio
from typing import Any

from oxl.apis import APIS
from oxl.identity.gate import Gate
from oxl.identity.tenants import House
from oxl.settings import Settings

AT_ONCE, TOOK = 4, 0.02  # what the application behind the gate can do: 200 requests a second


class Hurried(asyncio.SelectorEventLoop):
    """An event loop whose time goes on only when everybody waits for it, and then at once: no machine is too slow."""

    _at = 0.0

    def time(self) -> float:
        return self._at

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._at = max(self._at, self._scheduled[0]._when)
        super()._run_once()


class Slow:
    """An application, and the tenant of everybody, with a few connections that each request needs for a while."""

    is_closed = False
    name = "default"

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)

    async def house(self, _: str) -> Any:
        return House(self, self)  # type: ignore[arg-type]

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        async with self.free:
            await asyncio.sleep(TOOK)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def now() -> float:
    return asyncio.get_running_loop().time()


async def ask(gate: Gate) -> tuple[int, float]:
    told: list[int] = []
    began = now()

    async def send(message: dict[str, Any]) -> None:
        told.append(message.get("status", 0))

    scope = {"type": "http", "method": "GET", "path": "/tmf-api/prepayBalanceManagement/v4/bucket", "headers": []}
    scope |= {"headers": [(b"host", b"localhost")], "query_string": b""}
    await gate(scope, lambda: asyncio.sleep(0), send)
    return told[0], now() - began


async def offer(gate: Gate, every: float, seconds: float) -> list[tuple[int, float]]:
    """Requests at a pace of their own, whatever becomes of them."""
    asked, began = [], now()
    while (at := now() - began) < seconds:
        while len(asked) * every <= at:
            asked.append(asyncio.create_task(ask(gate)))
        await asyncio.sleep(0.002)
    return list(await asyncio.gather(*asked))


async def overloaded() -> None:
    settings = Settings(inflight=3 * AT_ONCE, rate=100_000)

    async def busy(gate: Gate) -> int:
        done, end = 0, now() + 2
        while now() < end:
            status, _ = await ask(gate)
            done += status == 200
        return done

    slow: Any = Slow()
    gate = Gate(settings, slow, APIS)
    capacity = sum(await asyncio.gather(*[busy(gate) for _ in range(2 * AT_ONCE)])) / 2
    answers = await offer(gate, 1 / (4 * capacity), 2)
    accepted = sorted(took for status, took in answers if status == 200)
    refused = sorted(took for status, took in answers if status != 200)
    assert {status for status, _ in answers} == {200, 503}
    assert len(answers) > 3 * 2 * capacity
    assert len(accepted) / 2 >= 0.8 * capacity
    assert accepted[int(len(accepted) * 0.99)] < 5 * 3 * TOOK
    assert refused[-1] < TOOK
    assert gate._inflight == 0


def test_at_four_times_its_capacity_a_server_does_as_much_as_it_can_and_says_so_to_the_rest() -> None:
    with asyncio.Runner(loop_factory=Hurried) as runner:
        runner.run(overloaded())
