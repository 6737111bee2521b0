"""`oxl certify`: the conformance suite against a server, one of our own unless another is named, and its papers."""

from __future__ import annotations

import asyncio
import os
import pkgutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer
import yaml
from rich.markup import escape

import oxl.engines
from oxl.apis.operator.api import OPERATOR
from oxl.certify.asking import Client, SilentError, first_that_answers
from oxl.certify.documents import read
from oxl.certify.listening import Listener
from oxl.certify.papers.about import About
from oxl.certify.papers.dossier import Product
from oxl.certify.papers.writing import write
from oxl.certify.running import Report, Result, Run
from oxl.certify.running import certify as put_all
from oxl.certify.standard import PLACES, Standard, standard_of
from oxl.cli.ground import err, fail, run
from oxl.cli.telling import note, say
from oxl.clock import system_now
from oxl.db.cluster import entering

_START_SECONDS = 120.0


def certify(
    company: str = typer.Option(..., help="Whose product is certified."),
    product: str = typer.Option("OXL", help="The product."),
    release: str = typer.Option("", help="Its release. [default: this version of OXL]", show_default=False),
    api: list[str] = typer.Option([], help="TMF635, TMF635v4 …; several times. [default: all that are served]"),
    url: str = typer.Option("", help="The server to ask. [default: one of our own, on the conformance seed]"),
    at: list[str] = typer.Option([], help="Where the server has an API, as TMF635=/path; several times."),
    out_folder: Path = typer.Option(Path("certification"), "--out", help="Folder for the papers."),
    header: list[str] = typer.Option([], help="A header of every request, as 'Name: value'; several times."),
    token: str = typer.Option("", envvar="OXL_CERTIFY_TOKEN", help="A bearer token for every request."),
    payloads: Path | None = typer.Option(None, help="YAML: resource → what its bodies must hold on this server."),
    listen: str = typer.Option("127.0.0.1:0", help="Where the suite listens for events, as host:port."),
    callback_url: str = typer.Option("", help="How the server reaches the listener. [default: where it listens]"),
    patience: float = typer.Option(15.0, help="Seconds that an event or a task may take."),
    environment: str = typer.Option("", help="A sentence on the environment, for the papers."),
) -> None:
    """Run the conformance suite and write results and dossier of each API. Exit code 1 when something failed.

    Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. The suite creates, changes and removes things: it is
    not for production.
    """
    about = About(company, product, release or version("oxl"), url, system_now(), environment)
    headers = dict(_header(each) for each in header) | ({"authorization": f"Bearer {token}"} if token else {})
    places = dict(_pair(each) for each in at)
    given = yaml.safe_load(payloads.read_text("utf-8")) if payloads else {}
    host, _, port = listen.rpartition(":")

    async def work() -> None:
        async with _server(url) as target, Client(target, headers, direct=not url) as client:
            async with Listener(host or "127.0.0.1", int(port), callback_url) as listener:
                asked = Run(client, listener, given or {}, system_now, patience, min(1.0, patience / 10))
                reports = [await _one(asked, standard) for standard in await _wanted(client, api, places)]
            products = await _products(client, reports)
        written = [str(path) for path in write(out_folder, about._replace(target=target), reports, products)]
        for path in written:
            say(path)
        note(files=written, apis=[_counted(report) for report in reports])
        if not all(report.passed for report in reports):
            raise typer.Exit(1)

    run(work())


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        fail(f"--header {text!r} is no header", "write it as 'Name: value'")
    return name.strip().lower(), value.strip()


def _pair(text: str) -> tuple[str, str]:
    key, equals, path = text.partition("=")
    if not equals:
        fail(f"--at {text!r} names no path", "write it as TMF635=/path")
    return standard_of(key).place.key, path


async def _wanted(client: Client, keys: Sequence[str], places: Mapping[str, str]) -> list[Standard]:
    """The APIs that are named; without a name, those of which the server has any collection."""
    if keys:
        return [standard_of(key, places.get(standard_of(key).place.key)) for key in keys]
    found = []
    for place in PLACES:
        standard = standard_of(place.key, places.get(place.key))
        answers = [await client.ask("GET", f"{standard.place.base}/{kind.name}") for kind in standard.kinds]
        if any(answer.status != 404 for answer in answers):
            found.append(standard)
        else:
            err.print(f"[dim]{place.key} is not served here: not judged[/]")
    if not found:
        told = f"{client.url} serves none of {', '.join(place.key for place in PLACES)}"
        fail(told, "say with --at where the server has an API: --at TMF635=/usage/v5")
    return found


async def _one(asked: Run, standard: Standard) -> Report:
    place = standard.place

    def tell(result: Result) -> None:
        if result.outcome == "failed":
            err.print(
                f"  [red]failed[/] {result.resource} {result.rule.name}: {escape(result.faults[0])}", soft_wrap=True
            )

    say(f"[bold]{place.number} {place.title} v{place.version}[/]")
    report = await put_all(asked, standard, tell)
    colour = "green" if report.passed else "red"
    counted = (
        f"{report.count('passed')} passed, {report.count('failed')} failed, {report.count('not tested')} not tested"
    )
    say(f"  [{colour}]{counted}[/] in {report.seconds:.1f} s")
    return report


def _counted(report: Report) -> dict[str, Any]:
    """What programs are told of a report."""
    counts = {outcome.replace(" ", "_"): report.count(outcome) for outcome in ("passed", "failed", "not tested")}
    return {"api": report.standard.place.key, "good": report.passed} | counts


async def _products(client: Client, reports: Sequence[Report]) -> dict[str, Product]:
    """What the server publishes of itself, for the dossier."""
    home = await _published(client, "/")
    served = [each for each in home if isinstance(each, dict)] if isinstance(home, list) else []
    ours = OPERATOR.name in [each.get("id") for each in served]
    parts = _parts() if ours else {}
    found = {}
    for report in reports:
        place = report.standard.place
        contract = await _published(client, f"{place.base}/openapi.json")
        beside = [each for each in served if not str(each.get("href", "")).endswith(place.base)]
        others = [f"{each.get('name')} v{each.get('version')}" for each in beside]
        usable = isinstance(contract, dict) and "paths" in contract
        found[place.key] = Product(read(contract) if usable else None, others, parts)
    return found


async def _published(client: Client, path: str) -> Any:
    try:
        answer = await client.ask("GET", path)
    except SilentError:
        return None
    return answer.json if answer.status == 200 else None


def _parts() -> Mapping[str, Sequence[str]]:
    """The layers of this product, by what is installed of it."""
    engines = [each.name for each in pkgutil.iter_modules(oxl.engines.__path__) if each.ispkg]
    return {
        "Kernel": ["one kernel for all APIs: requests, filters, changes, events, contract"],
        "Engines": engines,
        "Outbox": ["events and jobs, written in the same transaction, delivered by workers"],
        "PostgreSQL": ["one schema a tenant; double-entry ledger"],
    }


@asynccontextmanager
async def _server(url: str) -> AsyncIterator[str]:
    """The address to ask: what was given, or a server of our own on a database that goes with it."""
    if url:
        yield url.rstrip("/")
        return
    with (
        tempfile.TemporaryDirectory(prefix="oxl-certify-", ignore_cleanup_errors=True) as folder,
        socket.socket() as probe,
    ):
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        Path(folder).chmod(0o711)  # the database runs as another user when we are root
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OXL_")}
        environment = kept | {
            "OXL_DATA": f"{folder}/data", "OXL_PORT": str(port), "OXL_CALLBACK_ALLOW": "127.0.0.1/32",
            "OXL_LINGER": "0.5",
        }  # fmt: skip
        err.print("[dim]starting a server of our own, with the conformance seed[/]")
        await _finished(await _oxl(environment, "seed", "conformance"))
        probe.close()
        served = await _oxl(environment, "serve")
        try:
            async with Client(f"http://127.0.0.1:{port}", direct=True) as client:
                if not await first_that_answers(client, "/", _START_SECONDS):
                    fail("the server of our own does not answer")
            yield f"http://127.0.0.1:{port}"
        finally:
            served.send_signal(signal.SIGTERM)
            await served.wait()


async def _oxl(environment: Mapping[str, str], *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "oxl.cli", *words, env=environment, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, preexec_fn=entering(None, signal.SIGTERM),
    )  # fmt: skip


async def _finished(process: asyncio.subprocess.Process) -> None:
    if code := await process.wait():
        fail(f"the conformance seed could not be loaded (exit code {code}): run `oxl seed conformance` to see why")
