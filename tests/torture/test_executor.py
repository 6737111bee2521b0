"""Years of usage priced on a cluster of two nodes, one of which is killed at work: not a byte of the result differs."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distributed import Client
from tests.conftest import DEMO_CATALOG, usage_body
from tests.scenarios.serving import free_port
from tests.torture.installation import seed_of
from tests.waiting import until_now

from oxl.apis.product_usage.formats import FORMATS
from oxl.apis.product_usage.simulating import Do, executor_of, here, simulate
from oxl.engines.catalog.catalog import read_texts

FILES, USAGES = 12, 2000
_FEW = msgspec.json.Encoder()


def years(folder: Path, choose: random.Random) -> list[Path]:
    """Parquet files of usages of 2026, a month each."""
    found = []
    for month in range(1, FILES + 1):
        lines = []
        for n in range(USAGES):
            start = f"2026-{month:02}-{choose.randrange(1, 29):02}T{choose.randrange(24):02}:00:00Z"
            of: dict[str, Any] = {
                "destinationPhoneNumber": choose.choice(["+493012345", "+33142685300", "+8613800138000"])
            }
            of["duration"] = choose.randrange(7200)
            body = usage_body("voice", f"4915550{choose.randrange(10**6):06}", start, **of)
            lines.append(_FEW.encode(body | {"id": f"{month}-{n}"}) + b"\n")
        found.append(folder / f"2026-{month:02}.parquet")
        with found[-1].open("wb") as file:
            writer = FORMATS["application/vnd.apache.parquet"].writer(file)
            writer.write(b"".join(lines))
            writer.close()
    return found


@contextmanager
def cluster(folder: Path, nodes: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and so many workers of one thread, each a process: its address, and the workers."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    words = [["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--protocol", "tcp"]]
    words += [["worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory",
               str(folder / str(n)), "--host", "127.0.0.1", "--name", str(n)] for n in range(nodes)]  # fmt: skip
    with ExitStack() as stack:
        log = stack.enter_context((folder / "cluster.log").open("wb"))
        running = []
        for each in words:
            process = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_" + each[0], *each[1:]],
                                       stdout=log, stderr=log)  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            running.append(process)
        yield address, running[1:]


@pytest.mark.torture
def test_a_node_that_is_killed_at_work_changes_no_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = seed_of()
    choose = random.Random(seed)
    files, texts = years(tmp_path, choose), read_texts(DEMO_CATALOG)
    local = msgspec.json.encode(simulate(texts, "postpaid-l", None, files, here))
    with cluster(tmp_path, 2) as (address, workers), Client(address, set_as_default=False, timeout=120) as watching:
        until_now(lambda: len(watching.scheduler_info()["workers"]) == 2)
        watched: Any = watching  # typed as if it were asynchronous

        def kill() -> None:
            """kill -9 of a worker once it has something to do."""
            place, known = choose.choice(sorted(watching.scheduler_info()["workers"].items()))
            until_now(lambda: watched.processing()[place])
            workers[int(known["id"])].kill()

        def killing(do: Do, tasks: Sequence[bytes]) -> list[bytes]:
            with ThreadPoolExecutor() as beside:
                killed = beside.submit(kill)
                found = list(executor_of(address)(do, tasks))
                killed.result()
            return found

        there = msgspec.json.encode(simulate(texts, "postpaid-l", None, files, killing))
        left = len(watching.scheduler_info()["workers"])
    with capsys.disabled():
        print(f"\n{FILES * USAGES} usages in {FILES} files, SEED={seed}: one of 2 nodes killed at work, {left} left; "
              f"{len(there)} bytes, the same as here: {there == local}")  # fmt: skip
    assert left == 1
    assert there == local
