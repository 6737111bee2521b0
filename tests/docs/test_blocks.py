"""README and documentation: every command and every line of code on every page does what the page says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from tests.conftest import USAGE, usage_body
from tests.docs.blocks import DATA, ROOT, RUN, SHOWN, Block, agrees, blocks, indented, pages
from tests.docs.forking import write_shim
from tests.docs.running import PageError, run_page
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_gone, until_serving
from tests.waiting import PATIENCE, until_now

PAGES = {page.relative_to(ROOT).as_posix(): blocks(page) for page in pages()}
TUTORIAL = "docs/tutorial.md"


class Ground(NamedTuple):
    """A served demo operator, and beside it an empty one for the tutorial."""

    folder: Path
    port: int
    environment: Mapping[str, str]


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One server for all pages, and `oxl` as they call it."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    folder.chmod(0o711)
    (folder / "bin").mkdir()
    write_shim(folder / "bin" / "oxl", folder / "socket")
    forking = subprocess.Popen(
        [sys.executable, "-m", "tests.docs.forking", str(folder / "socket")],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "160"},
    )
    until_now((folder / "socket").exists)
    cli = Cli(folder / "data")
    cli.environment |= {
        "OXL_HOSTS": "localhost=tutorial", "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip
    cli.run("migrate", "--tenant", "tutorial")
    cli.run("seed", "demo", "--subscribers", "20", "--records", "1000")
    port = free_port()
    server = cli.start("serve", "--port", str(port))
    until_serving(f"http://127.0.0.1:{port}", server)
    for n in range(1, 4):  # something is in suspense, whatever the month was like
        start = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        unknown = usage_body("voice", "4900", start, duration=n, destinationPhoneNumber="+493012345")
        answer = httpx.post(f"http://127.0.0.1:{port}{USAGE}", json=unknown, timeout=PATIENCE)
        assert answer.json()["status"] == "failed", answer.text
    yield Ground(folder, port, cli.environment)
    forking.kill()
    forking.wait()
    told = server.end()
    assert server.returncode == 0, told
    until_gone(folder)
    shutil.rmtree(folder)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: apt-get install curl")
@pytest.mark.parametrize("page", [name for name, found in PAGES.items() if any(each.language in RUN for each in found)])
def test_a_page_does_what_it_says(page: str, ground: Ground) -> None:
    folder = ground.folder / "pages" / page.replace("/", "-")
    folder.mkdir(parents=True)
    host, more = ("localhost", {"OXL_TENANT": "tutorial"}) if page == TUTORIAL else ("127.0.0.1", {})
    wanted = [each for each in PAGES[page] if each.language in RUN and not each.why]
    listener = f"127.0.0.1:{free_port()}"
    found = [each._replace(text=_listening(each.text, listener)) for each in PAGES[page]]
    assert run_page(found, folder, {**ground.environment, **more}, f"{host}:{ground.port}") == len(wanted)


def _listening(text: str, listener: str) -> str:
    """A block with a port of its own for its listener."""
    return text.replace("127.0.0.1:9000", listener).replace('"127.0.0.1", 9000', f'"127.0.0.1", {listener[10:]}')


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_its_code_is(page: str) -> None:
    for block in PAGES[page]:
        assert block.language in (*RUN, *SHOWN, *DATA), f"{block.place}: {block.language or 'no'} language"
        assert not block.why or block.language in RUN, f"{block.place}: what is not run anyway needs no reason"
    assert indented(ROOT / page) == []


def block(language: str, text: str, shown: Block | None = None) -> Block:
    return Block("page.md", 1, language, text, "", shown)


@pytest.mark.parametrize(
    ("told", "language", "shown", "good"),
    [
        ("a  b\n", "text", "a b", True), ("a x b", "text", "a … b", True), ("a c", "text", "a … b", False),
        ("x", "text", "", False), ('{"a": 1, "b": 2}', "json", '{"a": 1, "…": "…"}', True),
        ('{"a": 1}', "json", '{"a": 2}', False), ('{"a": 1}', "json", '{"b": 1}', False),
        ('{"a": "urn:7"}', "json", '{"a": "urn:…"}', True), ("[1, 2]", "json", '[1, "…"]', True),
        ("[1, 2]", "json", "[1]", False), ("no", "json", "{}", False), ("[[1]]", "json", "[[2]]", False),
    ],
)  # fmt: skip
def test_what_is_shown_is_compared(told: str, language: str, shown: str, good: bool) -> None:
    assert (agrees(told, block(language, shown)) == "") is good


@pytest.mark.parametrize(
    "wrong",
    [block("bash", "true\nfalse\n"), block("bash", "echo $NOBODY_SET_THIS\n"), block("python", "print(1/0)"),
     block("bash", "echo a\n", block("text", "b")), block("python", "print('a')", block("text", "b"))],
)  # fmt: skip
def test_a_page_that_is_wrong_is_noticed(wrong: Block, tmp_path: Path) -> None:
    right = [block("bash", "A=1\n"), block("bash", "echo $A\n", block("text", "1")), block("text", "passed over")]
    assert run_page(right, tmp_path, {}, "127.0.0.1:1") == 2
    with pytest.raises(PageError, match=r"page\.md"):
        run_page([*right, wrong], tmp_path, {}, "127.0.0.1:1")


READS = (  # commands that only look, and what programs find in their documents
    ("doctor", "findings"), ("doctor --ledger", "invariants"), ("bill list", "bills"), ("bill policy", "timeZone"),
    ("key list", "keys"), ("tenant list", "tenants"), ("subscriber show 4915550000001", "buckets"),
    ("events subscriptions", "subscriptions"), ("events deliveries", "deliveries"), ("audit verify", "hash"),
    ("events dead-letters", "deadLetters"), ("recommend report", "takeUp"), ("migrate", "tenant"),
    ("watch 4915550000001 --once --url http://127.0.0.1:8080", "bucket"),
)  # fmt: skip


def ran(ground: Ground, *words: str, **asked: str) -> subprocess.CompletedProcess[str]:
    """`oxl` with these words, to its end."""
    return subprocess.run(
        [str(ground.folder / "bin" / "oxl"), *words],
        env={**ground.environment, **asked}, capture_output=True, text=True, check=False, timeout=3 * PATIENCE,
    )  # fmt: skip


@pytest.mark.parametrize(("command", "found"), READS)
def test_programs_are_told_a_document(command: str, found: str, ground: Ground) -> None:
    told = ran(ground, *command.replace("127.0.0.1:8080", f"127.0.0.1:{ground.port}").split(), "--json")
    assert told.returncode == 0, told.stderr
    assert found in json.loads(told.stdout)
    assert not told.stderr


def test_things_that_are_told_as_they_come_are_documents_in_lines(ground: Ground) -> None:
    told = ran(ground, "events", "tail", "--start", "--no-follow", "--json")
    assert told.returncode == 0, told.stderr
    assert {"eventId", "eventType", "at", "resource"} <= set(json.loads(told.stdout.splitlines()[0]))


def test_ctrl_c_is_exit_code_130(ground: Ground) -> None:
    tail = Cli(ground.folder / "data").start("events", "tail", "--start")
    until_now(tail.told)
    tail.end(signal.SIGINT)
    assert tail.returncode == 130


def test_the_shell_completes(ground: Ground) -> None:
    told = ran(ground, _OXL_COMPLETE="complete_bash", COMP_WORDS="oxl ten", COMP_CWORD="1")
    assert told.stdout.split() == ["tenant"]
