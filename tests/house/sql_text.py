"""Reads enough of SQL to say which tables a statement names and which functions it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

BLOCK = re.compile(r"^-- (name|define): (\w+)[^\n]*\n", re.MULTILINE)
_TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|[A-Za-z_][\w.]*|\S")
_ENDS_FROM = frozenset(
    "where group order on set values returning limit offset select union having loop window for with using".split()
)


def words(sql: str, line: int = 1) -> list[tuple[str, int]]:
    """(word, line), without comments and literals; the quoted body of a function counts as SQL."""
    found: list[tuple[str, int]] = []
    for match in _TOKEN.finditer(sql):
        word, at = match.group(0), line + sql.count("\n", 0, match.start())
        if word.startswith("--"):
            continue
        if word.startswith("'"):
            if found and found[-1][0] == "as":
                found += words(word[1:-1], at)
            continue
        found.append((word.lower(), at))
    return found


def tables(sql: str) -> Iterator[tuple[str, int]]:
    """(name, line) of everything that stands where a table or view stands, function calls left out."""
    found = words(sql)
    listing = [False]  # by depth of parentheses: whether a comma goes on with a FROM list
    expecting = ""
    for n, (word, line) in enumerate(found):
        before = found[n - 1][0] if n else ""
        after = found[n + 1][0] if n + 1 < len(found) else ""
        if word == "(":
            listing.append(False)
            expecting = ""
        elif word == ")":
            listing = listing[:-1] or [False]
        elif word in ("from", "join") and before != "distinct":
            expecting, listing[-1] = word, True
        elif word in ("into", "references") or (word == "update" and after != "set" and before not in ("for", "key")):
            expecting = word
        elif word == "," and listing[-1]:
            expecting = "from"
        elif word in _ENDS_FROM:
            expecting, listing[-1] = "", False
        elif expecting and word not in ("lateral", "only", "table"):
            if expecting not in ("from", "join") or after != "(":
                yield word, line
            expecting = ""


def calls(sql: str) -> Iterator[tuple[str, int]]:
    """(name, line) of everything that is followed by an opening parenthesis."""
    found = words(sql)
    for (word, line), (after, _) in pairwise(found):
        if after == "(" and (word[0].isalpha() or word[0] == "_"):
            yield word, line
