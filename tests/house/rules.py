"""What a house rule is: a function from the files of the repository to the faults it finds, with a reason and a proof.

The reason is its docstring. The proof is `bad`: for each entry, files laid over the real ones in which it must find
something new, so that no rule can quietly have stopped looking.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TEXT = (".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".csv", ".txt", ".lock", ".in", ".html", ".js", ".css", ".sh")

Tree = Mapping[str, str]  # the text of each file by its path in the repository


class Fault(NamedTuple):
    """One place where a rule is broken. `what` names the place without its line, so that it outlives edits above it."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


class Rule(NamedTuple):
    """A rule with the examples that must break it."""

    find: Callable[[Tree], Iterable[Fault]]
    bad: tuple[dict[str, str], ...]

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return self.find.__name__.replace("_", " ")


RULES: list[Rule] = []


def rule(*bad: dict[str, str]) -> Callable[[Callable[[Tree], Iterable[Fault]]], Callable[[Tree], Iterable[Fault]]]:
    """Register a rule with examples that must break it."""

    def register(find: Callable[[Tree], Iterable[Fault]]) -> Callable[[Tree], Iterable[Fault]]:
        RULES.append(Rule(find, bad))
        return find

    return register


@cache
def repository() -> Tree:
    """The text files that are in the repository or would be added to it."""
    git = shutil.which("git")
    asked = [git or "false", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False) if git else None
    if listed and listed.returncode == 0:
        paths = [ROOT / line for line in listed.stdout.splitlines()]
    else:  # an unpacked archive: everything but what tools leave behind
        paths = [path for path in ROOT.rglob("*") if not any(map(_left_behind, path.relative_to(ROOT).parts))]
    texts = [path for path in paths if path.is_file() and (path.suffix in TEXT or not path.suffix)]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(texts)}


@cache
def here(find: Callable[[Tree], Iterable[Fault]]) -> tuple[Fault, ...]:
    """The faults that a rule finds in the repository as it is."""
    return tuple(find(repository()))


def _left_behind(part: str) -> bool:
    return part in ("__pycache__", "build", "dist") or (part.startswith(".") and part not in (".ci", ".gitignore"))


def files(tree: Tree, *folders: str, suffix: str = ".py") -> Iterator[tuple[str, str]]:
    """(path, text) of the files under the folders, or at these very paths, with the suffix."""
    for path, text in tree.items():
        if path.endswith(suffix) and any(path == folder or path.startswith(f"{folder}/") for folder in folders):
            yield path, text


@cache
def parsed(text: str) -> ast.Module:
    """A Python file as a syntax tree."""
    return ast.parse(text)


@cache
def walked(text: str) -> tuple[ast.AST, ...]:
    """Every syntax node of a Python file."""
    return tuple(ast.walk(parsed(text)))


def nodes(tree: Tree, *folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Every syntax node of the Python files under the folders."""
    for path, text in files(tree, *folders):
        for node in walked(text):
            yield path, node


def _docstrings(text: str) -> set[ast.AST]:
    """The nodes of a Python file that are docstrings."""
    found: set[ast.AST] = set()
    for node in walked(text):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            found.add(first.value)
    return found


@cache
def _strings(text: str) -> tuple[tuple[int, str], ...]:
    told = _docstrings(text)
    return tuple(
        (node.lineno, node.value)
        for node in walked(text)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told
    )


def strings(tree: Tree, *folders: str) -> Iterator[tuple[str, int, str]]:
    """(path, line, text) of every string that is no docstring, f-strings by their constant parts."""
    for path, text in files(tree, *folders):
        for line, string in _strings(text):
            yield path, line, string


def lines(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """(line number, match) of every match of a pattern in a text."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match.group(0)


def dotted(node: ast.AST) -> str:
    """The dotted name that an expression is, or as much of its end as is one."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""
