"""One standard for every command: examples in its help, --json, exit codes; put on from the table of examples."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.main import get_command
from typer.models import CommandInfo, ParameterInfo

from oxl.cli.examples import EXAMPLES
from oxl.cli.telling import to_programs

JSON = typer.Option(
    False, "--json", help="Tell programs: one JSON document on standard output, errors on standard error."
)


def registered(app: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, CommandInfo]]:
    """Every command of an app with the words that call it."""
    for info in app.registered_commands:
        name = info.name or (info.callback.__name__ if info.callback else "").replace("_", "-")
        yield " ".join((*path, name)), info
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from registered(group.typer_instance, (*path, str(group.name)))


@functools.cache
def dressed(app: typer.Typer) -> Any:
    """The commands of an app as one that can be called, each with its examples and --json."""
    for words, info in registered(app):
        if info.callback is not None:
            info.callback = _with_json(info.callback)
            lines = (f"  {line}".replace("[", "\\[") for line in EXAMPLES.get(words, ()))
            info.epilog = "\n\n".join(("[bold]Examples[/]", *lines))
    return get_command(app)


def _with_json(callback: Callable[..., Any]) -> Callable[..., Any]:
    """A command that takes --json beside what it takes."""

    @functools.wraps(callback)
    def called(*arguments: Any, json: bool = False, **named: Any) -> Any:
        if json:
            to_programs()
        return callback(*arguments, **named)

    own = inspect.signature(callback)
    for each in own.parameters.values():
        if isinstance(each.default, ParameterInfo) and each.default.help:
            each.default.help = each.default.help.replace(" [default:", " \\[default:")  # no markup
    option = inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=JSON, annotation=bool)
    called.__signature__ = own.replace(parameters=[*own.parameters.values(), option])  # type: ignore[attr-defined]
    called.__annotations__ = typing.get_type_hints(callback) | {"json": bool}
    return called


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command below a group that can be called, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command
