"""The stream of a live report: what is told when, what a reader that comes back is told, and who is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import msgspec
import pytest
from tests.conftest import CONSUMPTION, cut_off, usage_body
from tests.engines.books import USAGES, credit, posted
from tests.waiting import PATIENCE, until

from oxl.apis.usage_consumption import live, watching
from oxl.apis.usage_consumption.api import USAGE_CONSUMPTION
from oxl.apis.usage_consumption.watching import Pace, Watch
from oxl.db.database import Tenant
from oxl.kernel.declare import Exchange, Operation
from oxl.kernel.problem import Problem

REPORT = next(each for each in USAGE_CONSUMPTION.resources if each.name == "usageConsumptionReport")
_uses = count(1)
BEAT = b":\n\n"
QUICK = Pace(gather=0.01, poll=0.3, slow=10 * PATIENCE, beat=0.2, most=40)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "PACE", QUICK)
        yield


class Stream:
    """A client of a stream: its events as (id, report)."""

    def __init__(self, tenant: Tenant, report_id: str, seen: str = "") -> None:
        headers = {b"last-event-id": seen.encode()} if seen else {}
        operation = Operation(USAGE_CONSUMPTION, REPORT, REPORT.create)
        self.hung_up = asyncio.Event()
        self.exchange = Exchange(tenant, operation, report_id, _nothing(), headers, self.hung_up.wait)
        self.parts: AsyncIterator[bytes] | None = None

    async def open(self) -> Stream:
        headers, self.parts = await live.stream(self.exchange)
        assert dict(headers)["Content-Type"] == "text/event-stream"
        assert await anext(self.parts) == b"retry: 2000\n\n"
        return self

    async def next(self) -> tuple[str, dict[str, Any]]:
        while (part := await self.part()) == BEAT:
            continue
        mark, kind, data = part.decode().removesuffix("\n\n").split("\n")
        assert kind == "event: usageConsumptionReport"
        return mark.removeprefix("id: "), msgspec.json.decode(data.removeprefix("data: "))

    async def part(self) -> bytes:
        assert self.parts is not None
        async with asyncio.timeout(PATIENCE):
            return await anext(self.parts)

    async def close(self) -> None:
        if self.parts is not None:
            await self.parts.aclose()  # type: ignore[attr-defined]


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def left(report: dict[str, Any], label: str) -> Any:
    (found,) = [each["remainingValue"]["amount"] for each in report["bucket"] if each["usageType"] == label]
    return found


async def use(tenant: Tenant, number: str, gigabytes: float) -> None:
    body = usage_body("data", number, volume=gigabytes, volumeUnit="GB")
    body["externalIdentifier"] = [{"id": f"stream-{next(_uses)}"}]
    (answer,) = await posted(tenant, USAGES, [body])
    assert getattr(answer.result, "status", "") == "rated", answer.result


async def test_it_tells_what_is_and_then_every_change(tenant: Tenant, subscribe: Any) -> None:
    line = await subscribe("prepaid-m")
    number, device = line["logicalResource"]["value"], line["logicalResource"]["id"]
    by_id, by_number = [await Stream(tenant, f"live-{each}").open() for each in (device, number)]
    for stream, name in ((by_id, device), (by_number, number)):
        _, told = await stream.next()
        assert (left(told, "data"), told["id"]) == (10, f"live-{name}")
        assert told["href"] == f"{CONSUMPTION}/usageConsumptionReport/live-{name}"
    await use(tenant, number, 1)
    assert left((await by_id.next())[1], "data") == 9
    assert left((await by_number.next())[1], "data") == 9
    await by_number.close()
    await credit(tenant, line["billingAccount"]["id"], 5_000_000)
    assert left((await by_id.next())[1], "monetary") == 5
    await by_id.close()
    assert live._watches[tenant].streams == 0


async def test_what_is_told_by_an_event_is_told_at_once(tenant: Tenant, subscribe: Any, monkeypatch: Any) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    stream = await Stream(tenant, f"live-{number}").open()
    await stream.next()
    monkeypatch.setattr(live._watches[tenant], "pace", QUICK._replace(poll=3600.0))
    for used in (1, 2, 3):  # the first may be found by the look that was under way
        await use(tenant, number, 1)
        assert left((await stream.next())[1], "data") == 10 - used
    await stream.close()


async def test_a_stream_goes_on_after_others_of_the_same_report_have_come_and_gone(tenant, subscribe) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    for gone in (0, 1, 2):
        stream = await Stream(tenant, f"live-{number}").open()
        assert left((await stream.next())[1], "data") == 10 - 2 * gone
        for used in (1, 2):
            await use(tenant, number, 1)
            assert left((await stream.next())[1], "data") == 10 - 2 * gone - used
        with pytest.raises(Problem):
            await Stream(tenant, "live-nobody").open()
        await stream.close()


async def test_who_comes_back_is_told_only_what_is_new(tenant, subscribe) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    stream = await Stream(tenant, f"live-{number}").open()
    mark, _ = await stream.next()
    await stream.close()
    again = await Stream(tenant, f"live-{number}", mark).open()
    assert [await again.part() for _ in range(3)] == [BEAT] * 3, "an idle stream is sent comments"
    await again.close()
    for _ in range(3):
        await use(tenant, number, 1)
    again = await Stream(tenant, f"live-{number}", mark).open()
    other, told = await again.next()
    assert (left(told, "data"), other != mark) == (7, True)
    await again.close()


async def test_an_accounts_stream_tells_of_all_its_devices(tenant, subscribe) -> None:
    account = {"externalId": "stream-family"}
    lines = [await subscribe("family-share", billingAccount=account) for _ in range(3)]
    number = [line["logicalResource"]["value"] for line in lines]
    names = [f"live-{lines[0]['billingAccount']['id']}", *(f"live-{line['logicalResource']['id']}" for line in lines)]
    streams = [await Stream(tenant, name).open() for name in names]
    for stream in streams:
        await stream.next()
    await use(tenant, number[2], 7)
    for stream in streams:
        assert left((await stream.next())[1], "data") == 93
        await stream.close()


async def test_only_what_has_changed_is_told(tenant, subscribe) -> None:
    one, other = [(await subscribe("prepaid-m"))["logicalResource"]["value"] for _ in range(2)]
    stream, witness = [await Stream(tenant, f"live-{each}").open() for each in (one, other)]
    for each in (stream, witness):
        await each.next()
    await use(tenant, other, 1)
    assert left((await witness.next())[1], "data") == 9
    assert [await stream.part() for _ in range(3)] == [BEAT] * 3
    await stream.close()
    await witness.close()


async def test_what_a_slow_reader_missed_is_passed_over(tenant, subscribe) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    slow, quick = [await Stream(tenant, f"live-{number}").open() for _ in range(2)]
    for stream in (slow, quick):
        await stream.next()
    for n in range(1, 4):
        await use(tenant, number, 1)
        assert left((await quick.next())[1], "data") == 10 - n
    assert left((await slow.next())[1], "data") == 7
    await slow.close()
    await quick.close()


async def test_a_reader_that_takes_nothing_is_cut_off(tenant, subscribe, monkeypatch) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    gone = asyncio.Event()

    async def stuck() -> None:
        stream = await Stream(tenant, f"live-{number}").open()
        try:
            monkeypatch.setattr(live._watches[tenant], "pace", QUICK._replace(slow=0.3))
            await asyncio.sleep(3600)
        finally:
            await stream.close()
            gone.set()

    task = asyncio.create_task(stuck())
    async with asyncio.timeout(PATIENCE):
        await gone.wait()
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    assert live._watches[tenant].streams == 0


async def test_a_client_that_has_gone_is_noticed(tenant, subscribe) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    stream = await Stream(tenant, f"live-{number}").open()
    await stream.next()
    stream.hung_up.set()
    with pytest.raises(StopAsyncIteration):
        await stream.next()
    assert live._watches[tenant].streams == 0


async def test_all_streams_end_when_the_process_is_to_stop(tenant, subscribe) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    streams = [await Stream(tenant, f"live-{number}").open() for _ in range(3)]
    live.end_streams()
    for stream in streams:
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_there_is_a_most_of_streams(tenant, subscribe) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    streams = await asyncio.gather(*(Stream(tenant, f"live-{number}").open() for _ in range(QUICK.most)))
    with pytest.raises(Problem) as refused:
        await Stream(tenant, f"live-{number}").open()
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    for stream in streams:
        await stream.close()


@pytest.mark.parametrize("name", ["live-nobody", "live-", "live-\x00", "report-1"])
async def test_there_is_no_stream_of_what_is_not_there(tenant, name: str) -> None:
    with pytest.raises(Problem) as refused:
        await Stream(tenant, name).open()
    assert (refused.value.status, refused.value.code) == (404, "notFound")


async def test_a_watch_outlives_the_loss_of_its_connection(tenant, subscribe, database) -> None:
    number = (await subscribe("prepaid-m"))["logicalResource"]["value"]
    stream = await Stream(tenant, f"live-{number}").open()
    await stream.next()
    await cut_off(database, tenant)
    await use(tenant, number, 4)
    assert left((await stream.next())[1], "data") == 6
    await stream.close()


async def test_nothing_runs_when_nobody_reads(tenant: Tenant) -> None:
    watch: Watch = live._watches[tenant]
    await until(lambda: watch._running is None or watch._running.done())
    assert watching.mark_of('{"a": "2026-06-15T12:00:00.000Z"}', tenant.clock.now()) == watching.mark_of(
        '{"a": ""}', tenant.clock.now()
    )
