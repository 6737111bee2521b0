"""`oxl watch`: what a subscriber has left, as it changes; a client of the public API like any other."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import typer
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from oxl.cli.telling import as_json, err, fail, line


def watch(
    who: str = typer.Argument(help="Number or id of a device, or id of an account."),
    url: str = typer.Option("http://127.0.0.1:8080", help="The server to ask."),
    key: str = typer.Option("", envvar="OXL_KEY", help="An API key or access token, where they are required."),
    once: bool = typer.Option(False, "--once", help="Tell what is left now, and leave."),
) -> None:
    """Watch what a subscriber has left, live: gauges on a terminal, else a line for each change. Stop with Ctrl-C."""
    from oxl.client import ApiError, Client, NoAnswerError  # no other command should wait for it
    from oxl.client.apis.usage_consumption import usage_consumption_report

    live = sys.stdout.isatty() and not (once or as_json())
    try:
        with Client(url, key=key) as oxl, Live(console=err if not live else None, auto_refresh=False) as screen:
            for told in oxl.watch(usage_consumption_report, f"live-{who.lstrip('+')}"):
                if live:
                    screen.update(_gauges(told.data), refresh=True)
                else:
                    line(_sentence(told.data), **told.data)
                if once:
                    return
    except ApiError as error:
        cure = {401: "give a key with --key or OXL_KEY", 404: "`GET /oxl/v1/subscriber` lists numbers"}
        fail(str(error), cure.get(error.status, ""))
    except NoAnswerError as error:
        fail(str(error), "is the server there? `oxl serve` starts one; --url says where it is")


def _sentence(report: dict[str, Any]) -> str:
    left = (f"{bucket['name']}: {bucket['remainingValueName']}" for bucket in report.get("bucket", ()))
    return "; ".join(left) or "nothing is left"


def _gauges(report: dict[str, Any]) -> Table:
    """A gauge for each bucket: how much of it is left."""
    shown = Table(title=str(report.get("name", "")), title_justify="left", box=None)
    for heading in ("bucket", "", "left"):
        shown.add_column(heading)
    for bucket in report.get("bucket", ()):
        left, whole = share(bucket)
        shown.add_row(bucket["name"], ProgressBar(float(whole), float(left), width=40), bucket["remainingValueName"])
    return shown


def share(bucket: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """What is left of a bucket, and what it held in all."""
    counted = {each["counterType"]: Decimal(each["value"]["amount"]) for each in bucket["bucketCounter"]
               if each["level"] == "global" and "value" in each}  # fmt: skip
    left = max(counted.get("remaining", Decimal(0)), Decimal(0))
    return left, max(left + counted.get("used", Decimal(0)) + counted.get("reserved", Decimal(0)), Decimal(1))
