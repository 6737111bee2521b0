"""The frame of every HTML paper: one file with its style inside, which loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { --ink: #16202a; --soft: #5b6b7a; --line: #d7dee5; --good: #176f3d; --bad: #b3261e; --none: #7a5b00;
  --paper: #fff; --shade: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9fb0bf; --line: #34414d; --good: #57c785;
  --bad: #ff8a80; --none: #e0b84c; --paper: #12181e; --shade: #1b242c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; } p { margin: .4rem 0; } a { color: inherit; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.passed { color: var(--good); } .failed { color: var(--bad); } .untested { color: var(--none); }
.verdict { font-size: 1.1rem; font-weight: 600; } .soft { color: var(--soft); }
pre { background: var(--shade); border: 1px solid var(--line); padding: .6rem; overflow-x: auto; font-size: .82rem;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 .8rem; }
code { font-size: .88em; }
details > summary { cursor: pointer; color: var(--soft); } svg { max-width: 100%; height: auto; }
@media print { body { max-width: none; } details { display: none; } }
"""


def page(title: str, *parts: str) -> str:
    """A whole document."""
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of names and values."""
    inner = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f"<dl>{inner}</dl>"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML already."""
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    inner = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{inner}</tbody></table>"
