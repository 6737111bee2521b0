"""Regular expressions of clients: what RE2 takes and PostgreSQL's engine means the same by, rewritten for the latter.

RE2 refuses what is not regular. The rest is parsed here into PostgreSQL's own syntax, with nothing left in it that a
locale, a newline or an option could change: classes are spelt out, letters of either case are listed.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

import re2

from oxl.verbs import Refusal, invalid, unsupported

MAX_PATTERN = 256  # characters
_MAX_SIZE = 1000  # states, as a measure of what a nested repetition unfolds to
_MAX_REPEAT = 255  # PostgreSQL's own bound
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_BOUND = re.compile(r"\{(\d+)(,?)(\d*)\}")
_GROUP = re.compile(r"\((?:\?:|\?P?<\w+>)?(?!\?)")
_SPECIAL = frozenset(r"\.[](){}*+?^$|-")


class Dialect(NamedTuple):
    """What differs between the places where an expression may stand."""

    fold: bool = False  # whether letters match both cases
    dot: str = r"[^\n]"
    whole: bool = False  # whether the whole text must match


class _Reader:
    """The place in the pattern, and how many states what was read makes."""

    def __init__(self, name: str, text: str, dialect: Dialect) -> None:
        self.name, self.text, self.dialect, self.at = name, text, dialect, 0

    def peek(self, width: int = 1) -> str:
        return self.text[self.at : self.at + width]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def refuse(self, what: str) -> Refusal:
        return unsupported(self.name, f"a regular expression with {what}")


def translate(name: str, pattern: str, dialect: Dialect = Dialect()) -> str:  # noqa: B008 – immutable
    """The pattern for PostgreSQL; Refusal where RE2 refuses it, and where the two engines may differ."""
    if len(pattern) > MAX_PATTERN:
        raise invalid(name, f"a regular expression has at most {MAX_PATTERN} characters", "invalidQuery")
    try:
        re2.compile(pattern, _options(dialect.fold))
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise invalid(name, f"not a regular expression: {reason[:100]}", "invalidQuery") from None
    flags = re.match(r"\(\?([is]{1,2})\)", pattern)
    if flags:
        pattern = pattern[flags.end() :]
        fold, dot = dialect.fold or "i" in flags[1], "." if "s" in flags[1] else dialect.dot
        dialect = dialect._replace(fold=fold, dot=dot)
    reader = _Reader(name, pattern, dialect)
    found, _ = _alternatives(reader)
    return f"^(?:{found})$" if dialect.whole else found


def _options(fold: bool) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    options.case_sensitive = not fold
    return options


def _alternatives(reader: _Reader) -> tuple[str, int]:
    branches, size = [""], 1
    while reader.peek() not in ("", ")"):
        if reader.peek() == "|":
            reader.take()
            branches.append("")
            continue
        atom, weight, solid = _atom(reader)
        bounds, times = _repetition(reader, solid)
        if times > 1 and weight * times > _MAX_SIZE:
            raise reader.refuse("repetitions of that size")
        branches[-1] += atom + bounds
        size += weight * max(times, 1)
    if size > _MAX_SIZE:
        raise reader.refuse("repetitions of that size")
    return "|".join(branches), size


def _repetition(reader: _Reader, solid: bool) -> tuple[str, int]:
    """The quantifier that follows, if any, and how many copies of its atom it makes."""
    bound = _BOUND.match(reader.text, reader.at)
    if bound is None and reader.peek() not in ("*", "+", "?"):
        return "", 1
    if not solid:
        raise reader.refuse("a repeated anchor")
    if bound is None:
        found, times = reader.take(), 1
    else:
        reader.at = bound.end()
        least, most = int(bound[1]), int(bound[3] or bound[1])
        if max(least, most) > _MAX_REPEAT:
            raise reader.refuse(f"more than {_MAX_REPEAT} repetitions")
        found, times = bound[0], most + (1 if bound[2] and not bound[3] else 0)
    if reader.peek() == "?":  # how much a match takes is of no interest, only whether there is one
        reader.take()
    if reader.peek() in ("*", "+", "?") or _BOUND.match(reader.text, reader.at):
        raise reader.refuse("a repeated repetition")
    return found, times


def _atom(reader: _Reader) -> tuple[str, int, bool]:
    """One atom for PostgreSQL, its states, and whether it may be repeated."""
    group = _GROUP.match(reader.text, reader.at)
    if group is not None:
        reader.at = group.end()
        inner, size = _alternatives(reader)
        reader.take()
        return f"(?:{inner})", size, not _ANCHORED.search(inner)
    match char := reader.take():
        case "(":
            raise reader.refuse("options inside it")
        case "^" | "$":
            return char, 1, False
        case ".":
            return reader.dialect.dot, 1, True
        case "[":
            return _bracket(reader), 1, True
        case "\\":
            escaped = reader.take()
            if escaped.lower() in _CLASSES:
                return f"[{'^' if escaped.isupper() else ''}{_class(reader, escaped.lower())}]", 1, True
            char = _escaped(reader, escaped)
    folded = _variants(char) if reader.dialect.fold else char
    return (f"[{''.join(map(_quoted, folded))}]" if len(folded) > 1 else _quoted(char)), 1, True


_ANCHORED = re.compile(r"(?<!\\)(?<!\[)[\^$]|\(\?:\)|\|\)|\(\?:\||\|\|")


def _class(reader: _Reader, name: str) -> str:
    return _CLASSES[name] + ("ſ\u212a" if name == "w" and reader.dialect.fold else "")


def _escaped(reader: _Reader, char: str) -> str:
    if char in _CONTROLS:
        return _CONTROLS[char]
    if char.isascii() and not char.isalnum() and char:
        return char
    raise reader.refuse(f"\\{char}")


def _quoted(char: str) -> str:
    return f"\\{char}" if char in _SPECIAL else char


def _bracket(reader: _Reader) -> str:
    negation = reader.take() if reader.peek() == "^" else ""
    found: list[str] = []
    first = True
    while first or reader.peek() != "]":
        if reader.peek(2) in ("[:", "[.", "[="):
            raise reader.refuse(reader.peek(2))
        char, first = reader.take(), False
        if char == "\\":
            escaped = reader.take()
            if escaped in _CLASSES:
                found.append(_class(reader, escaped))
                continue
            char = _escaped(reader, escaped)
        last = char
        if reader.peek() == "-" and reader.peek(2) != "-]":
            reader.take()
            last = reader.take()
            last = _escaped(reader, reader.take()) if last == "\\" else last
        found.append(_span(reader, char, last))
    reader.take()
    return f"[{negation}{''.join(found)}]"


def _span(reader: _Reader, first: str, last: str) -> str:
    span = _quoted(first) if first == last else f"{_quoted(first)}-{_quoted(last)}"
    if not reader.dialect.fold:
        return span
    if ord(last) - ord(first) > 512:
        raise reader.refuse("letters of either case in so wide a range")
    others = {char for n in range(ord(first), ord(last) + 1) for char in _variants(chr(n)) if not first <= char <= last}
    return span + "".join(map(_quoted, sorted(others)))


@cache
def _folds() -> dict[str, str]:
    """The characters that may be one but for their case, by what they fold to."""
    found: dict[str, str] = {}
    for char in map(chr, range(0x1F000)):
        found[char.casefold()] = found.get(char.casefold(), "") + char
    return found


@lru_cache(4096)
def _variants(char: str) -> str:
    """The characters that RE2 takes for the same when case does not count, itself among them."""
    same = re2.compile(re2.escape(char), _options(True))
    return "".join(sorted({char, *(other for other in _folds().get(char.casefold(), "") if same.fullmatch(other))}))
