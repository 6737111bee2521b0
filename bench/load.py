"""An HTTP load, a process of its own: clients on keep-alive connections that send as fast as answered (closed loop).

    python -m bench.load PORT CLIENTS SECONDS [RATE] < requests

With a rate, so many requests are due each second, whatever the answers do, and are timed from when they were due (open
loop); the clients share them.

Each line of standard input is one request as JSON [method, path, body or null]; clients take them in turn, round and
round. Prints one JSON object: requests, seconds, statuses, p50 and p99 in milliseconds; the same of those that were
done (2xx) as done_p50 and done_p99, of the others as refused_p50 and refused_p99.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import count, cycle, repeat


def _bytes(line: str) -> bytes:
    method, path, body = json.loads(line)
    content = json.dumps(body).encode() if body is not None else b""
    kind = "Content-Type: application/json\r\n" if content else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n{kind}\r\n"
    return head.encode() + content


async def _client(
    port: int, requests, dues, until: float, done: list[float], refused: list[float], statuses: Counter
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for due in dues:
        began = due or time.perf_counter()
        if began >= until:
            break
        await asyncio.sleep(max(0, began - time.perf_counter()))
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        (done if head[9:10] == b"2" else refused).append(time.perf_counter() - began)
        statuses[head[9:12].decode()] += 1
    writer.close()


async def main(port: int, clients: int, seconds: float, rate: float = 0) -> None:
    """Send for that long and print what came of it."""
    requests = cycle([_bytes(line) for line in sys.stdin if line.strip()])
    done: list[float] = []
    refused: list[float] = []
    statuses: Counter = Counter()
    began = time.perf_counter()
    dues = (began + n / rate for n in count()) if rate else repeat(0.0)
    await asyncio.gather(
        *(_client(port, requests, dues, began + seconds, done, refused, statuses) for _ in range(clients))
    )
    spent = time.perf_counter() - began
    told = {"requests": len(done) + len(refused), "seconds": spent, "statuses": statuses}
    for name, each in (("", done + refused), ("done_", done), ("refused_", refused)):
        times = sorted(each) or [0.0]
        told |= {f"{name}p50": times[len(times) // 2] * 1000, f"{name}p99": times[len(times) * 99 // 100] * 1000}
    print(json.dumps(told))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:])))
