"""How commands tell what came of them: sentences and tables for people, or with --json one document for programs.

A command says each thing once, with its facts; which of the two is shown is decided here.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Never

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

EXITS = {  # exit code → what it says
    0: "done",
    1: "it could not be done, or something was found wrong; the sentence says why and what to do next",
    2: "the command was not understood: an option or argument is unknown, missing or has no such value",
    130: "stopped with Ctrl-C",
}
_WIDE = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200  # characters of a line that nobody looks at
out = Console(highlight=False, emoji=False, width=_WIDE)
err = Console(stderr=True, highlight=False, emoji=False)
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


_WHOLE = ("id", "number")  # columns whose values are copied


class Cell(NamedTuple):
    """A value with the words in which a table shows it."""

    value: Any
    text: str


class _Told:
    """What has been told to programs so far; nothing is kept while people are told."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] | None = None


_told = _Told()


def to_programs() -> None:
    """Tell programs from now on: nothing but one document goes to standard output."""
    _told.facts = {}
    out.file = io.StringIO()
    err.quiet = True


def as_json() -> bool:
    """Whether programs are told."""
    return _told.facts is not None


def say(sentence: str, *, style: str | None = None, **facts: Any) -> None:
    """A sentence for people, which may carry rich markup; its facts for programs."""
    if _told.facts is None:
        out.print(sentence, soft_wrap=True, style=style)
    else:
        _told.facts |= facts


def note(**facts: Any) -> None:
    """Facts for programs that people are told otherwise."""
    if _told.facts is not None:
        _told.facts |= facts


def line(sentence: str, **facts: Any) -> None:
    """One of many things that are told as they come: a line for people, a document a line for programs."""
    if _told.facts is None:
        out.print(sentence, soft_wrap=True)
    else:
        print(_ENCODER.encode(facts).decode(), flush=True)


def table(name: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A table. columns: key for programs → heading for people. A row's values are raw, or a Cell with its words."""
    found = [list(row) for row in rows]
    if _told.facts is not None:
        _told.facts[name] = [dict(zip(columns, map(_raw, row), strict=True)) for row in found]
        return
    shown = Table(title=escape(title) or None, title_justify="left")
    for n, (key, heading) in enumerate(columns.items()):
        numbers = any(isinstance(_raw(row[n]), (int, Decimal)) and not isinstance(_raw(row[n]), bool) for row in found)
        shown.add_column(heading, justify="right" if numbers else "left", overflow="fold", no_wrap=key in _WHOLE)
    for row in found:
        shown.add_row(*map(_text, row))
    out.print(shown)


def _raw(value: Any) -> Any:
    return value.value if isinstance(value, Cell) else value


def _text(value: Any) -> str:
    """A value as people read it."""
    match value:
        case Cell():
            return value.text
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return f"{value:%Y-%m-%d}"
        case list() | tuple():
            return escape(" ".join(map(str, value)))
    return escape(str(value))


def fail(message: str, cure: str = "") -> Never:
    """Say why, and what to do next; leave with exit code 1. Programs get both as a document on standard error."""
    if _told.facts is None:
        err.print(f"[bold red]oxl:[/] {escape(message)}", soft_wrap=True)
        if cure:
            err.print(f"[dim]  →[/] {escape(cure)}", soft_wrap=True)
    else:
        told = {"error": message} | ({"next": cure} if cure else {})
        print(_ENCODER.encode(told).decode(), file=sys.stderr)
    raise typer.Exit(1)


def finish() -> None:
    """The document that programs were promised; sentences that have no facts are its messages."""
    if _told.facts is None:
        return
    printed = out.file.getvalue() if isinstance(out.file, io.StringIO) else ""
    messages = [text.strip() for text in printed.splitlines() if text.strip()]
    found = _told.facts | ({"message": messages} if messages else {})
    if found:
        print(_ENCODER.encode(found).decode())
