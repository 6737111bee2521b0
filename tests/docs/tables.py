"""The page of the database's tables, made of schema.sql: what its comments say, table by table and column by column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from oxl.contract.reference import table

_NOTE = "<!-- Generated of src/oxl/db/schema.sql: `python -m tests.reference` writes it anew. -->\n"
_HEAD = """# The tables of a tenant

{note}
A tenant is a schema of these ([why](../decisions/0001-a-tenant-is-a-schema.md)). Only the engine that is named uses its
tables; the others use its views and functions. Read them as you like with the owner's role; what is written past the
engines no proof covers.
"""
_TABLE = re.compile(
    r"^create (?:unlogged )?table (\w+) \([ \t]*(?:--([^\n]*))?\n(.*?)^\)[^;\n]*;", re.DOTALL | re.MULTILINE
)
_NO_COLUMN = ("primary", "unique", "check", "foreign", "constraint", "exclude", "like")


class Column(NamedTuple):
    """A column: its name, its type and conditions, what the schema's comment says of it."""

    name: str
    kind: str
    about: str


def tables_page(schema: str) -> str:
    """The page."""
    found = [_HEAD.format(note=_NOTE)]
    for engine, section in _sections(schema):
        tables = _TABLE.findall(section)
        found += [f"\n## {engine}\n"] if tables else []
        for name, about, body in tables:
            told = f"\n{about.strip()[:1].upper()}{about.strip()[1:]}.\n" if about.strip() else ""
            lines = [(f"`{each.name}`", each.kind, each.about) for each in columns(body)]
            found.append(f"\n### {name}\n{told}\n{table(('column', 'type', ''), lines)}")
    return "".join(found)


def _sections(schema: str) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^-- engine: (\w+)\s*$", schema, flags=re.MULTILINE)[1:]
    yield from zip(parts[::2], parts[1::2], strict=True)


def columns(body: str) -> Iterator[Column]:
    """The columns of a table's body; a comment goes on in lines of their own."""
    found: list[Column] = []
    for line in body.splitlines():
        code, _, about = line.partition("--")
        code, about = code.strip().rstrip(","), about.strip()
        match = re.match(r"(\w+) (.+)", code)
        if match and match[1] not in _NO_COLUMN and re.match(r"    \w", line):
            found.append(Column(match[1], match[2].replace("|", "\\|"), about.replace("|", "\\|")))
        elif not code and about and found:
            found[-1] = found[-1]._replace(about=f"{found[-1].about} {about}".strip())
    yield from found
