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
    boxes, arrows, y = [], [], 10.0
    wide = WIDTH - 2 * _SIDE
    boxes.append(Box(_SIDE, y, wide * 0.58, ROW, ("Clients", "HTTP and JSON"), "outside"))
    if events:
        boxes.append(Box(_SIDE + wide * 0.64, y, wide * 0.36, ROW, ("Listeners", "subscribed at /hub"), "outside"))
    y += ROW + GAP
    tall = ROW + 16 * max(0, -(-len(resources) // 3) - 1)
    first = Box(_SIDE, y, wide * 0.58, tall, (api, *_lines(resources, 3)), "api")
    boxes.append(first)
    arrows.append(Arrow(_SIDE + wide * 0.29, y - GAP, _SIDE + wide * 0.29, y, "requests"))
    if events:
        arrows.append(Arrow(_SIDE + wide * 0.82, y, _SIDE + wide * 0.82, y - GAP, "events"))
    if others:
        lines = ("served beside it", *others)
        boxes.append(Box(_SIDE + wide * 0.64, y, wide * 0.36, max(tall, 22 + 16 * len(lines)), lines, "other"))
    y = max(box.y + box.height for box in boxes) + GAP
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
    label = 110
    wide = (WIDTH - 2 * _SIDE - label) / len(members)
    found = [Box(_SIDE, y, label - 8, ROW, (name,), "outside")]
    return found + [
        Box(_SIDE + label + n * wide, y, wide - (0 if n == len(members) - 1 else 8), ROW, (member,), kind)
        for n, member in enumerate(members)
    ]


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
