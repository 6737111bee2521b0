"""The dossier as PDF, with a font of its own that knows more alphabets than the built-in ones."""

from __future__ import annotations

from functools import cache
from html import escape
from io import BytesIO
from typing import Any

from reportlab.graphics import shapes
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate
from reportlab.platypus import Table as Grid

from oxl.certify.papers.about import About
from oxl.certify.papers.dossier import Dossier, Rows, Table
from oxl.certify.papers.drawing import COLOURS, LINE, Drawing, texts

_WIDTH = A4[0] - 36 * mm - 12  # a frame has six points inside on either side
_INK, _SOFT, _RULE = HexColor("#16202a"), HexColor("#5b6b7a"), HexColor("#d7dee5")


@cache
def _fonts() -> None:
    for name, file in (("Text", "Vera.ttf"), ("Text-Bold", "VeraBd.ttf")):
        registerFont(TTFont(name, file))
    registerFontFamily("Text", normal="Text", bold="Text-Bold", italic="Text", boldItalic="Text-Bold")


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=more.pop("font", "Text"), fontSize=size, leading=size * 1.4, **more)


def pdf(paper: Dossier, about: About) -> bytes:
    """The dossier on A4, with page numbers."""
    _fonts()
    title = _style("title", 16, font="Text-Bold", textColor=_INK, spaceAfter=8)
    heading = _style("heading", 11.5, font="Text-Bold", textColor=_INK, spaceBefore=14, spaceAfter=5)
    flow: list[Any] = [Paragraph(escape(paper.title), title)]
    for name, blocks in paper.sections:
        shown = [_block(block) for block in blocks]
        flow += [KeepTogether([Paragraph(escape(name), heading), shown[0]]), *shown[1:]]

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont("Text", 7.5)
        canvas.setFillColor(_SOFT)
        canvas.drawString(18 * mm, 10 * mm, f"{about.company} · {about.product} {about.release}".strip())
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(canvas.getPageNumber()))

    target = BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=18 * mm, bottomMargin=18 * mm,
        title=paper.title, author=about.company, subject=about.product,
    )  # fmt: skip
    document.build(flow, onFirstPage=foot, onLaterPages=foot)
    return target.getvalue()


def _block(block: str | Rows | Table | Drawing) -> Any:
    text = _style("text", 9, textColor=_INK, spaceBefore=4, spaceAfter=4)
    if isinstance(block, str):
        return Paragraph(escape(block), text)
    if isinstance(block, Drawing):
        return _drawn(block)
    cell = _style("cell", 8, textColor=_INK)
    soft = _style("soft", 8, textColor=_SOFT)
    if isinstance(block, Rows):
        lines = [[Paragraph(escape(name), soft), Paragraph(escape(value), cell)] for name, value in block.pairs]
        return Grid(lines, colWidths=[_WIDTH * 0.26, _WIDTH * 0.74], style=_RULES)
    lines = [[Paragraph(escape(name), soft) for name in block.head]]
    lines += [[Paragraph(escape(value), cell) for value in line] for line in block.lines]
    return Grid(lines, colWidths=_widths(block), repeatRows=1, style=_RULES)


_RULES = [
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
]


def _widths(block: Table) -> list[float]:
    """Columns as wide as their longest word at least; what is left goes by the longest text, up to a bound."""
    rows = [block.head, *block.lines]
    columns = [[row[n] for row in rows] for n in range(len(block.head))]
    least = [max((stringWidth(word, "Text", 8) for each in column for word in each.split()), default=0.0) + 8
             for column in columns]  # fmt: skip
    bounded = [max(min(max(map(len, column)) + 3, 60), 8) for column in columns]
    left = max(_WIDTH - sum(least), 0.0)
    found = [each + left * share / sum(bounded) for each, share in zip(least, bounded, strict=True)]
    return [each * _WIDTH / sum(found) for each in found]


def _drawn(drawing: Drawing) -> Any:
    scale = _WIDTH / drawing.width
    found = shapes.Drawing(_WIDTH, drawing.height * scale)
    group = shapes.Group(transform=(scale, 0, 0, -scale, 0, drawing.height * scale))
    for box in drawing.boxes:
        group.add(_coloured(shapes.Rect(box.x, box.y, box.width, box.height, rx=6, ry=6), COLOURS[box.kind]))
    for arrow in drawing.arrows:
        group.add(_coloured(shapes.Line(arrow.x1, arrow.y1, arrow.x2, arrow.y2), LINE))
        back = 7 if arrow.y2 > arrow.y1 else -7
        points = [arrow.x2, arrow.y2, arrow.x2 - 4, arrow.y2 - back, arrow.x2 + 4, arrow.y2 - back]
        group.add(_coloured(shapes.Polygon(points), LINE))
    found.add(group)
    words = [(x, y, text, "middle", "Text-Bold" if n == 0 else "Text") for box in drawing.boxes
             for n, (x, y, text) in enumerate(texts(box))]  # fmt: skip
    words += [(each.x1 + 8, (each.y1 + each.y2) / 2 + 4, each.word, "start", "Text") for each in drawing.arrows]
    for x, y, text, anchor, font in words:
        placed: Any = shapes.String(x * scale, (drawing.height - y) * scale, text, fontName=font)
        placed.textAnchor, placed.fontSize = anchor, 12.5 * scale
        found.add(placed)
    return found


def _coloured(shape: Any, colour: str) -> Any:
    shape.strokeColor = HexColor(LINE)
    if hasattr(shape, "fillColor"):
        shape.fillColor = HexColor(colour)
    return shape
