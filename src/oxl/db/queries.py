"""Loads the named statements of a `.sql` file; SQL lives there and nowhere else, so that psql can run it as it stands.

A block starts with `-- name: x` (a statement that Python runs) or `-- define: x` (a view or function that migrate
installs in every tenant). What precedes the first block is a comment on the file.
"""

from __future__ import annotations

import re
from importlib.resources import files
from types import SimpleNamespace

_BLOCK = re.compile(r"^-- (name|define): (\w+)[^\n]*\n", re.MULTILINE)


def _blocks(package: str, file: str, kind: str) -> dict[str, str]:
    text = files(package).joinpath(file).read_text("utf-8")
    parts = _BLOCK.split(text)[1:]
    found: dict[str, str] = {}
    for kind_of, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if kind_of == kind:
            if name in found:
                raise ValueError(f"{package}/{file} names {name} twice")
            found[name] = body.strip().rstrip(";")
    return found


def load(package: str, file: str) -> SimpleNamespace:
    """The statements of `file` in `package`, as attributes by name; an unknown name raises AttributeError."""
    return SimpleNamespace(**_blocks(package, file, "name"))


def definitions(package: str, file: str) -> dict[str, str]:
    """The views and functions that `file` in `package` defines, by name, in the order they must be created."""
    return _blocks(package, file, "define")
