"""Many open streams and a steady load of charges, a process of its own.

    python -m bench.streams PORT CHARGES SECONDS < numbers

Standard input is one line, a JSON array of the numbers whose live reports are listened to. Prints two JSON objects, one
a line: how many streams are open; and after SECONDS of so many charges a second what became of them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

BASE = "/tmf-api/usageConsumption/v5/usageConsumptionReport"
LINES = 40  # connections that charge


class Listener:
    """One open stream: its last event, as it came, and when."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.last = b""
        self.at = 0.0
        self.events = 0
        self.opened = asyncio.Event()

    async def run(self, port: int) -> None:
        reader, _writer = await self._opened(port)  # it would close the connection if nobody held it
        async for line in reader:
            if line.startswith(b"data: "):
                self.last, self.at = line, time.perf_counter()
                self.events += 1
                self.opened.set()

    async def _opened(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The stream, from behind its head; in a crowd one comes again later, as one is told."""
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            writer.write(f"GET {BASE}/live-{self.number}/stream HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 503 " not in head[:20]:
                assert b" 200 " in head[:20], head
                return reader, writer
            writer.close()
            await asyncio.sleep(1)

    def megabytes(self) -> int:
        """How many MB of data the last event says are used."""
        report = json.loads(self.last.removeprefix(b"data: "))
        (data,) = [each for each in report["bucket"] if each["usageType"] == "data"]
        (used,) = [each["value"]["amount"] for each in data["bucketCounter"] if each["counterType"] == "used"]
        return round(used * 1000)


async def _charge(port: int, numbers: list[str], every: float, until: float, done: dict[str, list[float]],
                  taken: list[float], mine: int) -> None:  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    n = mine
    due = time.perf_counter() + every * mine / LINES
    while due < until:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        number = numbers[(n * 7919) % len(numbers)]
        began = time.perf_counter()
        writer.write(_usage(number, n))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        assert head[9:12] == b"201", body
        assert b'"rated"' in body, body
        taken.append(time.perf_counter() - began)
        done.setdefault(number, []).append(time.perf_counter())
        n += LINES
        due += every
    writer.close()


def _usage(number: str, n: int) -> bytes:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    values: dict[str, Any] = {
        "originatingPhoneNumber": f"+{number}",
        "startDateTime": at,
        "volume": 1,
        "volumeUnit": "MB",
    }
    content = json.dumps({
        "@type": "ProductUsage",
        "externalIdentifier": [{"@type": "ExternalIdentifier", "id": f"bench-{n}", "owner": "bench"}],
        "usageSpecification": {"@type": "ProductUsageSpecificationRef", "id": "data"},
        "usageCharacteristic": [
            {"@type": f"{'String' if isinstance(value, str) else 'Number'}Characteristic", "name": name, "value": value}
            for name, value in values.items()
        ],
    }).encode()  # fmt: skip
    path = "/tmf-api/productUsageManagement/v5/productUsage"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{kind}".encode() + content


async def main(port: int, rate: int, seconds: float) -> None:
    """Open, charge, wait a moment, and judge."""
    numbers = json.loads(sys.stdin.readline())
    listeners = [Listener(number) for number in numbers]
    tasks = []
    for start in range(0, len(listeners), 100):
        part = listeners[start : start + 100]
        tasks += [asyncio.create_task(each.run(port)) for each in part]
        await asyncio.gather(*(each.opened.wait() for each in part))
    print(json.dumps({"open": len(listeners)}), flush=True)
    done: dict[str, list[float]] = {}
    taken: list[float] = []
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_charge(port, numbers, LINES / rate, until, done, taken, mine) for mine in range(LINES)))
    spent = time.perf_counter() - began
    await asyncio.sleep(3)
    lags = sorted((each.at - done[each.number][-1]) * 1000 for each in listeners if each.number in done)
    right = sum(each.megabytes() == len(done.get(each.number, ())) for each in listeners)
    taken.sort()
    print(json.dumps({
        "charges": len(taken), "seconds": spent, "p99": taken[len(taken) * 99 // 100] * 1000, "charged": len(done),
        "right": right, "late": sum(lag > 1000 for lag in lags), "lag50": lags[len(lags) // 2],
        "lag99": lags[len(lags) * 99 // 100], "lag100": lags[-1], "events": sum(each.events for each in listeners),
    }), flush=True)  # fmt: skip
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
