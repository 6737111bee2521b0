"""Pages to draw on, in millimetres from the upper left corner: a thin layer over the PDF library.

The same drawing gives the same bytes: no date of making, no random id, fonts embedded as the subset that is used.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import font_roboto
from reportlab import rl_config
from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

Weight = Literal["Light", "Regular", "Medium"]
WIDTH, HEIGHT = 210.0, 297.0  # A4
LEFT, RIGHT = 22.0, 188.0
INK, GREY, PALE, RULE = HexColor("#1d2530"), HexColor("#66707c"), HexColor("#9aa3ad"), HexColor("#d9dee4")
_POINTS = 72 / 25.4  # of a millimetre
rl_config.useA85 = 0  # streams as they are: a quarter smaller than as text


@cache
def _font(weight: Weight) -> str:
    name = f"Roboto-{weight}"
    registerFont(TTFont(name, str(Path(font_roboto.font_directory) / f"{name}.ttf")))
    return name


def width_of(text: str, size: float, weight: Weight = "Regular") -> float:
    """How wide a text is, in millimetres; `size` is in points."""
    return stringWidth(text, _font(weight), size) / _POINTS


def wrapped(text: str, size: float, width: float, weight: Weight = "Regular") -> list[str]:
    """A text as the lines that it takes in so many millimetres; a word that is wider is broken."""
    lines: list[str] = []
    for line in simpleSplit(text, _font(weight), size, width * _POINTS) or [""]:
        while width_of(line, size, weight) > width:
            cut = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or width_of(line[:n], size, weight) <= width)
            lines.append(line[:cut])
            line = line[cut:]
        lines.append(line)
    return lines


def shrunk(text: str, size: float, width: float, weight: Weight = "Regular") -> float:
    """The size, at most the one given, at which a text fits so many millimetres."""
    wide = width_of(text, size, weight)
    return size if wide <= width else size * width / wide


def tint(color: Color, share: float) -> Color:
    """A colour made lighter: `share` of it on white."""
    return Color(*(1 - share * (1 - part) for part in (color.red, color.green, color.blue)))


class Sheet:
    """A document that is being drawn. Sizes of text are points, everything else is millimetres."""

    def __init__(self, title: str, author: str, language: str) -> None:
        self._bytes = BytesIO()
        self._canvas: Any = Canvas(
            self._bytes,
            pagesize=(WIDTH * mm, HEIGHT * mm),
            invariant=1,
            lang=language.replace("_", "-"),
            pageCompression=1,
        )
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setCreator("OXL")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 9,
        weight: Weight = "Regular",
        color: Color = INK,
        align: Literal["left", "right", "center"] = "left",
        width: float = 0,
    ) -> None:
        """A line of text on the base line y; where a width is given it is set smaller until it fits."""
        size = shrunk(text, size, width, weight) if width else size
        self._canvas.setFont(_font(weight), size)
        self._canvas.setFillColor(color)
        draw = {"left": "drawString", "right": "drawRightString", "center": "drawCentredString"}[align]
        getattr(self._canvas, draw)(x * mm, (HEIGHT - y) * mm, text)

    def rule(
        self, x: float, y: float, to_x: float, color: Color = RULE, thick: float = 0.25, dashed: bool = False
    ) -> None:
        """A horizontal line; `thick` in millimetres."""
        self._canvas.setStrokeColor(color)
        self._canvas.setLineWidth(thick * mm)
        self._canvas.setDash([1.2 * mm, 1.2 * mm] if dashed else [])
        self._canvas.line(x * mm, (HEIGHT - y) * mm, to_x * mm, (HEIGHT - y) * mm)
        self._canvas.setDash([])

    def box(self, x: float, y: float, width: float, height: float, color: Color, radius: float = 0) -> None:
        """A filled rectangle from its upper left corner."""
        self._canvas.setFillColor(color)
        place = (x * mm, (HEIGHT - y - height) * mm, width * mm, height * mm)
        if radius:
            self._canvas.roundRect(*place, radius * mm, stroke=0, fill=1)
        else:
            self._canvas.rect(*place, stroke=0, fill=1)

    def code(self, x: float, y: float, size: float, text: str) -> None:
        """A QR code in a square."""
        code = QRCode(None, QRErrorCorrectLevel.M)
        code.addData(text)
        code.make()
        count = code.getModuleCount()
        step = size / count * mm
        path = self._canvas.beginPath()
        for row in range(count):
            top = (HEIGHT - y) * mm - (row + 1) * step
            for dark, places in groupby(range(count), lambda column, row=row: code.isDark(row, column)):
                columns = list(places)
                if dark:
                    path.rect(x * mm + columns[0] * step, top, len(columns) * step, step)
        self._canvas.setFillColor(INK)
        self._canvas.drawPath(path, stroke=0, fill=1)

    def end_page(self) -> None:
        """What is drawn from now on is on the next page."""
        self._canvas.showPage()

    def finished(self) -> bytes:
        """The document."""
        self._canvas.save()
        return self._bytes.getvalue()
