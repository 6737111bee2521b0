"""The architecture view: boxes and arrows laid out from what the product serves and is made of.

One geometry, two pens: SVG here, and reportlab's shapes for the PDF (`pdf.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, ROW, GAP = 900, 58, 34
_SIDE = 20


class Box(NamedTuple):
    """A box with its corner, its size and its lines; `kind` chooses its colour."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    kind: str


class Arrow(NamedTuple):
    """A straight arrow with a word on it."""

    x1: float
    y1: float
    x2: float
    y2: float
    word: str


class Drawing(NamedTuple):
    """A drawing of a size, in the units of SVG: y grows downward."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


COLOURS = {"outside": "#eef2f6", "api": "#dbe9ff", "other": "#f3f6f9", "kernel": "#e6f4ea", "engine": "#fff1d6",
           "store": "#f0e6fa"}  # fmt: skip
LINE = "#4a5a68"


def draw(
    api: str, resources: Sequence[str], events: bool, others: Sequence[str], parts: Mapping[str, Sequence[str]]
) -> Drawing:
    """The view of one API: who calls it, what is served beside it, and what the product is made of below.

    parts: the layers of the product from above to below, each with what is in it; empty where it is not known.
    """
    wide = WIDTH - 2 * _SIDE
    left = wide * (0.62 if others else 1.0)
    half = (left - 12) / 2
    boxes = [Box(_SIDE, 10, half if events else left, ROW, ("Clients", "HTTP and JSON"), "outside")]
    arrows = [Arrow(_SIDE + half / 2, 10 + ROW, _SIDE + half / 2, 10 + ROW + GAP, "requests")]
    if events:
        middle = _SIDE + half + 12 + half / 2
        boxes.append(Box(_SIDE + half + 12, 10, half, ROW, ("Listeners", "subscribed at /hub"), "outside"))
        arrows.append(Arrow(middle, 10 + ROW + GAP, middle, 10 + ROW, "events"))
    lines, beside = (api, *_lines(resources, 3)), ("served beside it", *others)
    tall = max(ROW, 26 + 16 * len(lines), 26 + 16 * len(beside) - ROW - GAP)
    boxes.append(Box(_SIDE, 10 + ROW + GAP, left, tall, lines, "api"))
    if others:
        boxes.append(Box(_SIDE + left + 16, 10, wide - left - 16, ROW + GAP + tall, beside, "other"))
    y = 10 + ROW + GAP + tall + GAP
    kinds = iter(("kernel", "engine", "store", "store"))
    for name, members in parts.items():
        kind = next(kinds, "store")
        arrows.append(Arrow(WIDTH / 2, y - GAP, WIDTH / 2, y, ""))
        boxes += _row(name, members, y, kind)
        y += ROW + GAP
    return Drawing(WIDTH, y - GAP + 10, tuple(boxes), tuple(arrows))


def _row(name: str, members: Sequence[str], y: float, kind: str) -> list[Box]:
    """A layer: its name, and a box for each of what is in it."""
    if len(members) < 2:
        return [Box(_SIDE, y, WIDTH - 2 * _SIDE, ROW, (name, *members), kind)]
    label, gap = 100, 8
    letters = sum(len(member) + 6 for member in members)
    free = WIDTH - 2 * _SIDE - label - gap * len(members)
    found, x = [Box(_SIDE, y, label, ROW, (name,), "outside")], _SIDE + label + gap
    for member in members:
        wide = free * (len(member) + 6) / letters
        found.append(Box(x, y, wide, ROW, (member,), kind))
        x += wide + gap
    return found


def _lines(words: Sequence[str], each: int) -> list[str]:
    return [", ".join(words[n : n + each]) for n in range(0, len(words), each)]


def svg(drawing: Drawing) -> str:
    """The drawing as SVG, to stand in a page or in a file of its own."""
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} {drawing.height:g}" role="img" '
        f'aria-label="Architecture" font-family="system-ui, Helvetica, Arial, sans-serif" font-size="13">',
        f'<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>',
        f'<rect width="{drawing.width:g}" height="{drawing.height:g}" fill="#ffffff"/>',
    ]
    for box in drawing.boxes:
        found.append(
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="6" '
            f'fill="{COLOURS[box.kind]}" stroke="{LINE}"/>'
        )
        for n, (x, y, line) in enumerate(texts(box)):
            weight = "600" if n == 0 else "400"
            found.append(
                f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-weight="{weight}" fill="#16202a">'
                f"{escape(line)}</text>"
            )
    for arrow in drawing.arrows:
        found.append(
            f'<line x1="{arrow.x1:g}" y1="{arrow.y1:g}" x2="{arrow.x2:g}" y2="{arrow.y2:g}" stroke="{LINE}" '
            f'marker-end="url(#head)"/>'
        )
        if arrow.word:
            x, y = arrow.x1 + 8, (arrow.y1 + arrow.y2) / 2 + 4
            found.append(f'<text x="{x:g}" y="{y:g}" font-size="12" fill="{LINE}">{escape(arrow.word)}</text>')
    return "\n".join([*found, "</svg>"]) + "\n"


def texts(box: Box) -> list[tuple[float, float, str]]:
    """(x of the middle, y of the baseline, line) of the lines of a box."""
    top = box.y + box.height / 2 - 8 * (len(box.lines) - 1) + 4
    return [(box.x + box.width / 2, top + 16 * n, line) for n, line in enumerate(box.lines)]
