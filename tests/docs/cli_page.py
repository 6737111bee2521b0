"""The page of the command line, made of the commands themselves: what they are for, what they take, examples."""

from __future__ import annotations

import re
from typing import Any

from oxl.cli.dressing import commands, dressed
from oxl.cli.examples import EXAMPLES
from oxl.cli.main import app
from oxl.cli.telling import EXITS
from oxl.contract.reference import table

_HEAD = """# Command line

<!-- Generated of the commands: `python -m tests.reference` writes it anew. -->

`oxl COMMAND --help` shows what is here. Commands that work on the data join the database of a server that runs;
`--data` or `OXL_DATABASE_URL` say which, `--tenant` in which tenant.

With `--json` a command tells programs: one JSON document on standard output (a document a line where things are told as
they come), and an error as `{"error": …, "next": …}` on standard error. On a terminal long work shows a progress bar.

`oxl --install-completion` teaches your shell to complete commands and options.

## Exit codes

"""


def cli_page() -> str:
    """The page."""
    found = [_HEAD, table(("code", "what it says"), [(f"`{code}`", told) for code, told in EXITS.items()])]
    for words, command in sorted(commands(dressed(app))):
        found.append(f"\n## oxl {words}\n\n{_about(command)}\n\n")
        found += [_arguments(command), "\n"]
        found += [f"- `{line}`\n" for line in EXAMPLES.get(words, ())]
    return "".join(found)


def _about(command: Any) -> str:
    return re.sub(r"\s+", " ", command.help or "").strip()


def _arguments(command: Any) -> str:
    lines = []
    for param in command.params:
        if param.name == "json":
            continue
        names = [*param.opts, *param.secondary_opts]
        is_option = names[0].startswith("-")
        name = " · ".join(names) if is_option else (param.metavar or param.name).upper()
        must = "required" if param.required else ""
        default = (
            "" if param.default in (None, (), [], "", False, ...) or not is_option else f"default `{param.default}`"
        )
        told = re.sub(r"\s+", " ", param.help or "").replace("\\[", "[").replace("|", "\\|")
        lines.append((f"`{name}`", told, must or default))
    return table(("", "", ""), lines) if lines else ""
