"""`oxl settings`: what is set, to what, and where."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import typer

from oxl.cli.telling import fail, out, say
from oxl.cli.telling import table as shown
from oxl.settings import Settings, settings_with_places, table

_TABLE = typer.Option(False, "--table", help="The table of all settings, as the documentation has it.")
_ALL = typer.Option(False, "--all", help="Those that have their defaults, too.")


def settings(whole: bool = _ALL, documented: bool = _TABLE) -> None:
    """Show what is set otherwise than by default, and where: in a file, in the environment."""
    if documented:
        out.print(table(), end="", soft_wrap=True, markup=False)
        return
    try:
        found, places = settings_with_places()
    except ValueError as error:
        fail(str(error))
    rows = [
        (field.name, without_password(str(getattr(found, field.name))), places.get(field.name, "default"))
        for field in msgspec.structs.fields(Settings)
        if whole or field.name in places
    ]
    shown("settings", {"setting": "setting", "value": "value", "place": "said by"}, rows)
    if not rows:
        say("everything has its default; --all shows them", style="dim")


def without_password(value: str) -> str:
    """An address as it may be shown: a password in it is left out."""
    password = urlsplit(value).password if "://" in value and "," not in value else None
    return value.replace(f":{password}@", ":…@") if password else value
