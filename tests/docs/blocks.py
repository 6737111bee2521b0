"""The code of the pages: fenced blocks in order, what is run of them, what is not and why, and what is to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
RUN = ("bash", "python")
SHOWN = ("text", "json")
DATA = ("yaml", "csv", "toml", "http", "ini")  # what files and messages look like
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```\s*$", re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: ((?:(?!-->).)+?) -->\s*\Z", re.DOTALL)
_ANY = "…"


class Block(NamedTuple):
    """A fenced block. why: the reason for which it is not run; empty: it is. shown: what it must tell."""

    page: str
    line: int
    language: str
    text: str
    why: str
    shown: Block | None = None

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """The pages whose code is run: the README and all of docs, but for those that are generated."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path) -> list[Block]:
    """The blocks of a page, each with the one of its output where that follows at once."""
    text, page = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
    found: list[tuple[Block, int, int]] = []
    for match in _FENCE.finditer(text):
        why = _NOT_RUN.search(text[: match.start()])
        body = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 1
        found.append((Block(page, line, match[2], body, why[1] if why else ""), match.start(), match.end()))
    return list(_with_outputs(text, found))


def _with_outputs(text: str, found: list[tuple[Block, int, int]]) -> Iterator[Block]:
    for n, (block, _, end) in enumerate(found):
        after, start, _ = found[n + 1] if n + 1 < len(found) else (None, 0, 0)
        follows = after is not None and after.language in SHOWN and not text[end:start].strip()
        yield block._replace(shown=after) if follows and block.language in RUN else block


def indented(path: Path) -> list[tuple[int, str]]:
    """Lines of code that no fence holds: after a blank line, four spaces in, and no item of a list."""
    found, before, fenced, listed = [], "", False, False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            listed = bool(re.match(r" *([-*]|\d+\.) ", line)) or (listed and (not line or line[0] == " "))
            if line.startswith("    ") and not listed and (not before or before.startswith("    ")):
                found.append((number, line.strip()))
        before = line
    return found


def agrees(told: str, shown: Block) -> str:
    """Empty where what was told is what the page shows; else how it is not. `…` stands for anything."""
    if shown.language == "json":
        try:
            return _differs(json.loads(told), json.loads(shown.text), "$")
        except ValueError as error:
            return f"no JSON: {error}"
    pattern = ""
    for word in shown.text.split():
        gap = r"\s*" if word == _ANY or pattern.endswith(".*?") else r"\s+"
        pattern += (gap if pattern else "") + re.escape(word).replace(_ANY, ".*?")
    return "" if re.fullmatch(pattern, told.strip(), re.DOTALL) else f"told:\n{told}\nshown:\n{shown.text}"


def _differs(told: Any, shown: Any, path: str) -> str:
    """Where JSON that was told lacks or has otherwise what is shown; attributes that are not shown may be there."""
    if shown == _ANY:
        return ""
    if isinstance(shown, dict) and isinstance(told, dict):
        for name, value in shown.items():
            if name == _ANY:
                continue
            if name not in told:
                return f"{path}.{name} is not told"
            if why := _differs(told[name], value, f"{path}.{name}"):
                return why
        return ""
    if isinstance(shown, list) and isinstance(told, list):
        cut = shown[-1:] == [_ANY]
        wanted = shown[:-1] if cut else shown
        if len(told) < len(wanted) or (len(told) > len(wanted) and not cut):
            return f"{path} has {len(told)} elements"
        return next(filter(None, (_differs(t, s, f"{path}[{n}]") for n, (t, s) in enumerate(zip(told, wanted)))), "")  # noqa: B905 – the rest is cut
    if isinstance(shown, str) and isinstance(told, str):
        pattern = re.escape(shown).replace(re.escape(_ANY), ".*")
        return "" if re.fullmatch(pattern, told, re.DOTALL) else f"{path} is {told!r}, not {shown!r}"
    return "" if told == shown else f"{path} is {told!r}, not {shown!r}"
