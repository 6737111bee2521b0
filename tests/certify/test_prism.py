"""The suite on a server that nobody here wrote: Prism, which answers with the examples of a document and keeps nothing.

Its package is `@stoplight/prism-cli` of npm; OXL_PRISM says where the command is. The documents are not part of the
repository. What is asked for: the suite runs to its end, finds what a mock cannot do, and blames it for nothing else.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from double import NOON
from tests.conformance.documents import FORMER, NUMBERS, SPECS
from tests.scenarios.serving import free_port

from oxl.certify.asking import Client, first_that_answers
from oxl.certify.listening import Listener
from oxl.certify.running import Run, certify
from oxl.certify.standard import standard_of

PRISM = os.environ.get("OXL_PRISM") or shutil.which("prism")
UNABLE = {  # what no mock can do that knows its examples alone
    "filter.nothing", "paging.end", "read.unknown", "create.location", "create.distinct", "create.echo",
}  # fmt: skip
ABLE = {"list.status", "list.array", "list.type", "list.distinct", "read.status", "read.type", "create.media"}


@asynccontextmanager
async def mocked(document: Path) -> AsyncIterator[str]:
    """The address of a mock of a document."""
    port = free_port()
    quiet = asyncio.subprocess.DEVNULL
    words = (str(PRISM), "mock", "-h", "127.0.0.1", "-p", str(port), str(document))
    process = await asyncio.create_subprocess_exec(*words, stdout=quiet, stderr=quiet)
    try:
        async with Client(f"http://127.0.0.1:{port}", direct=True) as client:
            assert await first_that_answers(client, "/", 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.torture
@pytest.mark.skipif(PRISM is None, reason="needs prism: npm install @stoplight/prism-cli")
@pytest.mark.skipif(not SPECS.is_dir(), reason="the official documents are not beside the repository")
@pytest.mark.parametrize("key", [*NUMBERS, *FORMER])
async def test_a_mock_of_a_document_is_judged_truthfully(key: str) -> None:
    standard = standard_of(key, "/")
    number, _, older = key.partition("v")
    (document,) = (SPECS / f"v{older}" if older else SPECS).glob(f"{number}-*")
    async with mocked(document) as url, Client(url, direct=True) as client, Listener() as listener:
        report = await certify(Run(client, listener, {}, lambda: NOON, patience=1, grace=0.1), standard)
    failed = {result.rule.name for result in report.results if result.outcome == "failed"}
    told = [fault for result in report.results for fault in result.faults]
    print(key, report.count("passed"), report.count("failed"), report.count("not tested"), sorted(failed))
    assert failed >= UNABLE - ({"create.echo"} if key == "TMF677v4" else set()), "whose body may be empty"
    assert not failed & ABLE
    assert not [fault for fault in told if "cannot be judged" in fault or "no answer" in fault]
    assert not report.passed
