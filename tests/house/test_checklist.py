"""Every line of the checklist of the design rules has a test that is named after its number.

`test_26_…` and `test_line_26_…` are of line 26, `test_28_29_30_…` of three, `test_69_to_72_…` of four.
"""

from __future__ import annotations

import ast
import re

from rules import files, repository, walked

LINES = range(1, 121)
_NUMBERED = re.compile(r"test_(?:lines?_)?(\d+(?:_(?:to_)?\d+)*)(?:_|$)")


def kept() -> set[int]:
    """The lines that have a test."""
    found: set[int] = set()
    for _, text in files(repository(), "tests"):
        for node in walked(text):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (match := _NUMBERED.match(node.name)):
                for span in re.findall(r"\d+(?:_to_\d+)?", match[1]):
                    first, _, last = span.partition("_to_")
                    found |= {*range(int(first), int(last or first) + 1)}
    return found


def test_every_line_is_kept() -> None:
    missing = set(LINES) - kept()
    assert not missing, sorted(missing)
